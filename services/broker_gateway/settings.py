"""Settings of the broker gateway."""

from typing import Annotated

from pydantic import Field

from libs.runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    """What an operator can choose about the door to the venue."""

    venue_url: str = "http://127.0.0.1:8100"
    """Where the venue answers; the paper venue by default."""
    venue_timeout_seconds: Annotated[float, Field(gt=0, le=30)] = 1.5
    """How long one request to the venue may take; after that its outcome is unknown."""
    report_wait_seconds: Annotated[float, Field(gt=0, le=30)] = 1.0
    """How long the venue may hold a question for new reports; also how long a stop may wait for it."""
