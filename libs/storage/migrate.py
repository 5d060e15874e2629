"""Bring a database to the current schema. Alembic owns every table; only the owner role runs this."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text

from libs.domain.errors import ConfigurationError

_SCRIPTS = Path(__file__).parent / "migrations"


class NewerSchema(ConfigurationError):
    """The database was migrated by a newer version of the desk; there is no way back but a backup."""

    code = "storage.newer_schema"


def upgrade(url: str, revision: str = "head") -> None:
    """Migrate the database at `url` (the owner's), to the newest revision; does nothing when it is there already.

    Raises `NewerSchema` where a later version has been here before; nothing is changed then.
    """
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(4846911)"))
            config = _config()
            _refuse_newer(_current(connection), config)
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    finally:
        engine.dispose()


def revision(engine: Engine) -> str | None:
    """The revision a database is at, None before the first migration."""
    with engine.connect() as connection:
        return _current(connection)


def newest_revision() -> str | None:
    """The newest revision this code knows."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    return config


def _current(connection: Connection) -> str | None:
    if connection.execute(text("SELECT to_regclass('public.alembic_version')")).scalar() is None:
        return None
    return connection.execute(text("SELECT version_num FROM public.alembic_version")).scalar()


def _refuse_newer(current: str | None, config: Config) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise NewerSchema(
            f"the database is at revision {current}, which this version does not know (its newest is {max(known)}): "
            "run the version that migrated it, or restore a backup from before"
        )
