"""Settings of the paper venue. It is no service of the bus: of the common settings it does without Redis."""

from typing import Annotated

from pydantic import Field, SecretStr

from libs.runtime.settings import ServiceSettings


class Settings(ServiceSettings):
    """What an operator can choose about the paper venue."""

    redis_url: SecretStr = SecretStr("")
    """Not used: a venue is reached over HTTP alone."""
    venue_host: str = "127.0.0.1"
    """Where the venue listens."""
    venue_port: Annotated[int, Field(ge=0, le=65535)] = 8100
    """The port that `HIDDENGEM_VENUE_URL` of the broker gateway names."""
