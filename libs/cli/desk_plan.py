"""What `hiddengem up` is going to start, worked out beforehand: source, database, services and their settings."""

import hashlib
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from libs.cli.database import PAPER_VENUE
from libs.marketdata.choose import SourceChoice
from libs.runtime.discovery import discover, extra_services
from libs.runtime.forkclient import ServiceSpec
from libs.storage.roles import service_url

_MODE = "replay"
_PAPER_VENUE_MODULE = "services.broker_gateway.venues.paper.__main__"
_OF_THE_OWNER = frozenset(
    {
        "HIDDENGEM_OWNER_URL", "HIDDENGEM_SERVICE_PASSWORD", "HIDDENGEM_DATABASE_URL", "HIDDENGEM_REDIS_URL",
        "HIDDENGEM_INSTANCE", "HIDDENGEM_METRICS_PORT",
    }
)  # fmt: skip
_OF_INGESTION = frozenset({"TUSHARE_TOKEN"})
PRELOAD = ("libs.runtime.analyst", "libs.runtime.service", "libs.storage.snapshot")
"""What every service loads; loaded once and shared."""


@dataclass(frozen=True, slots=True)
class DeskPlan:
    """A desk to start on this machine."""

    choice: SourceChoice
    host: str
    port: int
    services: tuple[str, ...]
    extra_services: Path | None
    venue_port: int

    @property
    def url(self) -> str:
        """Where the API will answer."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{'127.0.0.1' if self.host == '0.0.0.0' else name}:{self.port}"  # noqa: S104 - a comparison

    @property
    def database(self) -> str:
        """One database per mode and source, so that real and simulated markets never meet."""
        name = f"{_MODE}_{self.choice.name}"
        if self.choice.path is None:
            return name
        return f"{name}_{hashlib.sha256(str(self.choice.path).encode()).hexdigest()[:8]}"

    @property
    def on_the_bus(self) -> frozenset[str]:
        """The services that show a card when they are up; the venue is a stranger to the bus."""
        return frozenset(self.services) - {PAPER_VENUE}


def make_plan(choice: SourceChoice, host: str, port: int, environment: Mapping[str, str]) -> DeskPlan:
    """Every folder under `services/`, those of HIDDENGEM_EXTRA_SERVICES, and the paper venue."""
    extra = extra_services(environment)
    names = {*discover(), *(discover(root=extra) if extra else ()), PAPER_VENUE}
    return DeskPlan(choice, host, port, tuple(sorted(names)), extra, _free_port())


def service_specs(
    plan: DeskPlan, environment: Mapping[str, str], *, owner_url: str, redis_url: str, password: str
) -> list[ServiceSpec]:
    """Each service with its own database role and its own environment."""
    specs = []
    for name in plan.services:
        own = {
            "HIDDENGEM_DATABASE_URL": service_url(owner_url, name, password),
            "HIDDENGEM_INSTANCE": f"{name}-1",
            "HIDDENGEM_SYNTHETIC": str(plan.choice.synthetic).lower(),
            **_particular(plan, name),
        }
        if name != PAPER_VENUE:
            own["HIDDENGEM_REDIS_URL"] = redis_url
        module = _PAPER_VENUE_MODULE if name == PAPER_VENUE else f"services.{name}.__main__"
        extra = str(plan.extra_services) if plan.extra_services else None
        specs.append(ServiceSpec(name, module, {**_inherited(name, environment), **own}, extra))
    return specs


def _inherited(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """What the user set, without what belongs to somebody else."""
    hidden = _OF_THE_OWNER if name == "ingestion" else _OF_THE_OWNER | _OF_INGESTION
    return {key: value for key, value in environment.items() if key not in hidden}


def _particular(plan: DeskPlan, name: str) -> dict[str, str]:
    match name:
        case "api_gateway":
            hosts = {"127.0.0.1", "localhost", "[::1]", plan.host}
            return {
                "HIDDENGEM_HOST": plan.host,
                "HIDDENGEM_PORT": str(plan.port),
                "HIDDENGEM_ALLOWED_HOSTS": ",".join(sorted(hosts)),
            }
        case "broker_gateway":
            return {"HIDDENGEM_VENUE_URL": f"http://127.0.0.1:{plan.venue_port}"}
        case "paper_venue":
            return {"HIDDENGEM_VENUE_HOST": "127.0.0.1", "HIDDENGEM_VENUE_PORT": str(plan.venue_port)}
        case _:
            return {}


def _free_port() -> int:
    """A port for the venue; another desk on this machine has its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
