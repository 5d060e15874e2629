"""Settings of execution."""

from typing import Annotated

from pydantic import Field

from libs.runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    """What an operator can choose about execution."""

    send_by_seconds: Annotated[float, Field(gt=0, le=30)] = 2.0
    """An order that has not reached the wire by then is not sent any more."""
    place_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 4.0
    """How long the gateway's answer is waited for before the outcome counts as unknown."""
    settle_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0
    """How long the venue must keep saying that it does not know an order before that is believed."""
