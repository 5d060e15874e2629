"""Settings of the door."""

from typing import Annotated

from pydantic import Field

from libs.runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    """`HIDDENGEM_*` of the API gateway."""

    host: str = "127.0.0.1"
    """Where the API listens."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """The port of the API; 0 lets the system choose."""
    allowed_hosts: str = "127.0.0.1,localhost,[::1],api_gateway"
    """Host names under which the API may be reached, comma separated."""
    required_services: str = "orchestrator,risk,execution,broker_gateway,ingestion"
    """Services without whose card the desk is not ready, comma separated."""
    answer_seconds: Annotated[float, Field(gt=0, le=120)] = 30.0
    """How long a request waits for an answer from the desk."""


def listed(text: str) -> tuple[str, ...]:
    """The parts of a comma-separated setting."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
