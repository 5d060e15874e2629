"""Bring a database to the current schema. Alembic owns every table; only the owner role runs this."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, text

_SCRIPTS = Path(__file__).parent / "migrations"


def upgrade(url: str, revision: str = "head") -> None:
    """Migrate the database at `url` (the owner's), to the newest revision; does nothing when it is there already."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(4846911)"))
            config = Config()
            config.set_main_option("script_location", str(_SCRIPTS))
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    finally:
        engine.dispose()


def revision(engine: Engine) -> str | None:
    """The revision a database is at, None before the first migration."""
    with engine.connect() as connection:
        if connection.execute(text("SELECT to_regclass('public.alembic_version')")).scalar() is None:
            return None
        return connection.execute(text("SELECT version_num FROM public.alembic_version")).scalar()


def newest_revision() -> str | None:
    """The newest revision this code knows."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    return ScriptDirectory.from_config(config).get_current_head()
