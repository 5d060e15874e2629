"""Prepare a database by hand: `python scripts/init_db.py --help`. Doing it again changes nothing.

Creates the database where it is missing, migrates it to the newest schema, and gives every service its role. `--check`
only looks. The verb `hiddengem db upgrade` migrates and makes roles, too, in a database that exists.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sqlalchemy.exc import DBAPIError

from libs.cli.database import prepare, services_of_a_desk
from libs.cli.terminal import console, leave
from libs.domain.errors import ConfigurationError
from libs.storage.databases import ensure_database
from libs.storage.engine import StorageUnavailable, make_engine
from libs.storage.migrate import newest_revision, revision
from libs.storage.roles import missing_logins

_EPILOG = """\
environment
  HIDDENGEM_OWNER_URL         the database as its owner: postgresql://hiddengem:...@host:5432/hiddengem
  HIDDENGEM_SERVICE_PASSWORD  the password that the roles of the services get

exit codes
  0 the database is ready   1 it is not (--check), or it failed   78 a setting is missing or wrong
"""


def main(arguments: list[str]) -> int:
    """Prepare or check."""
    parser = argparse.ArgumentParser(
        prog="init_db.py",
        description="Create, migrate and check the desk's database.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="change nothing; say what is missing")
    parser.add_argument(
        "--service", action="append", default=[], help="a further service that needs a role; repeatable"
    )
    options = parser.parse_args(arguments)
    url = _owner_url()
    services = sorted(services_of_a_desk(options.service))
    try:
        return _check(url, services) if options.check else _prepare(url, services)
    except (DBAPIError, StorageUnavailable) as e:
        raise ConfigurationError(f"HIDDENGEM_OWNER_URL: {_reason(e)}") from e


def _prepare(url: str, services: list[str]) -> int:
    password = os.environ.get("HIDDENGEM_SERVICE_PASSWORD")
    if not password:
        raise ConfigurationError("HIDDENGEM_SERVICE_PASSWORD is not set: it is the password of the services' roles")
    name = urlsplit(url).path.removeprefix("/")
    if ensure_database(urlsplit(url)._replace(path="/postgres").geturl(), name):
        console.print(f"database {name} created")
    prepare(url, password, services)
    console.print(f"database {name} is at revision {newest_revision()}; {len(services)} roles are ready")
    return 0


def _check(url: str, services: list[str]) -> int:
    engine = make_engine(url, pool_size=1)
    try:
        found, wanted = revision(engine), newest_revision()
        missing = missing_logins(engine, services)
    finally:
        engine.dispose()
    console.print(f"revision {found or 'none'} of {wanted}; {len(services) - len(missing)} of {len(services)} roles")
    if missing:
        console.print(f"roles missing: {', '.join(missing)}")
    return 0 if found == wanted and not missing else 1


def _owner_url() -> str:
    for name in ("HIDDENGEM_OWNER_URL", "HIDDENGEM_DATABASE_URL"):
        url = os.environ.get(name)
        if url:
            break
    else:
        raise ConfigurationError("HIDDENGEM_OWNER_URL is not set: postgresql://OWNER:PASSWORD@HOST:5432/DATABASE")
    if urlsplit(url).scheme != "postgresql" or len(urlsplit(url).path) < 2:
        raise ConfigurationError(f"{name}: must begin with postgresql:// and name a database")
    return url


def _reason(error: Exception) -> str:
    """The server's own words, without the statement and without the URL."""
    told = getattr(error, "orig", None) or error
    return str(told).strip().splitlines()[0]


if __name__ == "__main__":
    leave(lambda: main(sys.argv[1:]))
