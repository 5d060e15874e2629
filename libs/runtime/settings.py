"""Settings come from `HIDDENGEM_*`, once, in a service's entry; nobody else reads the environment."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from libs.domain.errors import ConfigurationError

PREFIX = "HIDDENGEM_"


def _url(*schemes: str) -> Callable[[SecretStr], SecretStr]:
    def check(value: SecretStr) -> SecretStr:
        # What is wrong with a URL is said without the URL: there is a password in it.
        if urlsplit(value.get_secret_value()).scheme not in schemes:
            raise ValueError(f"must be a URL that begins with {' or '.join(f'{s}://' for s in schemes)}")
        return value

    return check


class ServiceSettings(BaseSettings):
    """What every service needs; a service adds its own fields in a subclass."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    database_url: Annotated[SecretStr, AfterValidator(_url("postgresql"))]
    """PostgreSQL, as this service's own role."""
    redis_url: Annotated[SecretStr, AfterValidator(_url("redis", "rediss", "unix"))]
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
    synthetic: bool = False
    """Whether this desk shows a simulated market; every log line then says so."""
    drain_seconds: Annotated[float, Field(gt=0, le=60)] = 2.0
    """How long a stop waits for what is in hand."""
    calendar_overlay: Path | None = None
    """A TOML file with closures that the desk's own calendar does not know yet (`libs.ashare.overlay`)."""
    git_sha: str = "unknown"
    """The build, shown in the card."""


S = TypeVar("S", bound=ServiceSettings)


def load_settings(cls: type[S]) -> S:
    """Read the settings of a service; a wrong or missing one raises `ConfigurationError` with the variable's name."""
    try:
        return cls()
    except ValidationError as e:
        problems = [f"{_variable(cls, p['loc'])}: {p['msg']}" for p in e.errors(include_input=False)]
    except SettingsError as e:
        problems = [str(e)]
    raise ConfigurationError("; ".join(problems)) from None


def _variable(cls: type[ServiceSettings], place: tuple[int | str, ...]) -> str:
    """The environment variable behind a field; a vendor's key keeps its own name."""
    name = str(place[0]) if place else ""
    return f"{PREFIX}{name.upper()}" if name in cls.model_fields else name
