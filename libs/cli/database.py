"""`hiddengem db`: migrations and the login role of every service, for servers that somebody else runs."""

import os
from collections.abc import Iterable

from libs.cli.connection import owner_url
from libs.cli.terminal import chatter
from libs.domain.errors import ConfigurationError
from libs.runtime.discovery import discover
from libs.storage.migrate import newest_revision, upgrade
from libs.storage.roles import ensure_logins

PAPER_VENUE = "paper_venue"
_ALWAYS = (
    "api_gateway", "broker_gateway", "execution", "fundamental", "ingestion", "market_monitor", "orchestrator",
    PAPER_VENUE, "policy", "risk", "sentiment", "technical",
)  # fmt: skip


def upgrade_database(further: Iterable[str]) -> int:
    """Migrate, then create or update the roles. May run again and again."""
    password = os.environ.get("HIDDENGEM_SERVICE_PASSWORD")
    if not password:
        raise ConfigurationError("HIDDENGEM_SERVICE_PASSWORD is not set: it is the password of the services' roles")
    prepare(owner_url(), password, services_of_a_desk(further))
    chatter.print(f"the database is at revision {newest_revision()}")
    return 0


def services_of_a_desk(further: Iterable[str] = ()) -> set[str]:
    """Every service that needs a role: those of the desk, those whose folders are here, and further ones by name."""
    return {*_ALWAYS, *discover(), *further}


def prepare(url: str, password: str, services: Iterable[str]) -> None:
    """Bring one database to the newest revision and let these services in."""
    upgrade(url)
    ensure_logins(url, sorted(services), password)
