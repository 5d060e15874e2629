"""Databases of a server: one per mode and source, so that live, replay and synthetic never share one."""

from sqlalchemy import create_engine, text

_EXISTS = text("SELECT EXISTS (SELECT FROM pg_database WHERE datname = :name)")
_CREATE = text("SELECT format('CREATE DATABASE %I', CAST(:name AS text))")


def ensure_database(server_url: str, name: str) -> bool:
    """Create the database when it is not there; whether it was made. `server_url` is the owner's, to any database."""
    engine = create_engine(
        server_url.replace("postgresql://", "postgresql+psycopg://", 1), isolation_level="AUTOCOMMIT"
    )
    try:
        with engine.connect() as connection:
            if connection.execute(_EXISTS, {"name": name}).scalar_one():
                return False
            connection.exec_driver_sql(connection.execute(_CREATE, {"name": name}).scalar_one())
            return True
    finally:
        engine.dispose()
