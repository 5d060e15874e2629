"""Settings come from `HIDDENGEM_*`, once, in a service's entry; nobody else reads the environment."""

from typing import Annotated, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.domain.errors import ConfigurationError

PREFIX = "HIDDENGEM_"


class ServiceSettings(BaseSettings):
    """What every service needs; a service adds its own fields in a subclass."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    database_url: SecretStr
    """PostgreSQL, as this service's own role."""
    redis_url: SecretStr
    """Redis, for the bus."""
    instance: Annotated[str | None, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")] = None
    """The instance id, stable over restarts; the service's name and `-1` when not given."""
    log_level: Annotated[str, Field(pattern=r"^(debug|info|warning|error)$")] = "info"
    """debug, info, warning or error."""
    metrics_host: str = "127.0.0.1"
    """Where the operator port listens."""
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """The operator port (`/metrics`, `/health/…`); 0 lets the system choose."""
    metrics_name: str | None = None
    """The host name under which Prometheus reaches the operator port; the listening host when not given."""
    drain_seconds: Annotated[float, Field(gt=0, le=60)] = 2.0
    """How long a stop waits for what is in hand."""
    git_sha: str = "unknown"
    """The build, shown in the card."""


S = TypeVar("S", bound=ServiceSettings)


def load_settings(cls: type[S]) -> S:
    """Read the settings of a service; a wrong or missing one raises `ConfigurationError` with the variable's name."""
    try:
        return cls()
    except ValidationError as e:
        problems = [
            f"{PREFIX}{'__'.join(map(str, p['loc'])).upper()}: {p['msg']}" for p in e.errors(include_input=False)
        ]
        raise ConfigurationError("; ".join(problems)) from None
