"""Login roles: each service has its own, a member of the group whose rights it needs."""

from collections.abc import Iterable
from urllib.parse import quote, urlsplit, urlunsplit

from sqlalchemy import Connection, Engine, TextClause, create_engine, text

_SINGLE = frozenset({"ingestion", "orchestrator", "risk", "execution", "broker_gateway", "paper_venue", "api_gateway"})


def group_of(service: str) -> str:
    """The group role of a service; whatever has none of its own is an analyst."""
    return f"hiddengem_{service}" if service in _SINGLE else "hiddengem_analyst"


def login_of(service: str) -> str:
    """The role a service logs in with."""
    return f"hg_{service}"


def service_url(owner_url: str, service: str, password: str) -> str:
    """The database URL of one service, made from the owner's."""
    parts = urlsplit(owner_url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{login_of(service)}:{quote(password, safe='')}@{host}"))


def ensure_logins(owner_url: str, services: Iterable[str], password: str) -> None:
    """Create or update the login role of each service, and let it into this database; nobody else comes in."""
    engine = create_engine(owner_url.replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(4846912)"))
            _run(connection, _DATABASE, {})
            for service in services:
                _run(connection, _LOGIN, {"login": login_of(service), "group": group_of(service), "password": password})
    finally:
        engine.dispose()


def missing_logins(engine: Engine, services: Iterable[str]) -> list[str]:
    """The login roles that do not exist, or that this database does not let in, by name."""
    with engine.connect() as connection:
        logins = [login_of(service) for service in services]
        return sorted(connection.execute(_MISSING, {"logins": logins}).scalars())


def _run(connection: Connection, question: TextClause, values: dict[str, str]) -> None:
    """Run the statements that the answer to `question` consists of."""
    for statement in connection.execute(question, values).scalar_one():
        connection.exec_driver_sql(statement.replace("%", "%%"))


# PostgreSQL lets everybody into every database, and lets them make temporary tables there. Privileges on a database are
# no part of its schema: they are set here, not in a migration.
_DATABASE = text("""
    SELECT ARRAY[
        format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()),
        format('GRANT TEMPORARY ON DATABASE %I TO hiddengem_ingestion', current_database())
    ]
""")
_MISSING = text("""
    SELECT login FROM unnest(CAST(:logins AS text[])) AS login
    WHERE NOT EXISTS (
        SELECT FROM pg_roles
        WHERE rolname = login AND rolcanlogin AND has_database_privilege(oid, current_database(), 'CONNECT')
    )
""")
_LOGIN = text("""
    SELECT ARRAY[
        CASE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = :login)
             THEN format('ALTER ROLE %I LOGIN PASSWORD %L', CAST(:login AS text), CAST(:password AS text))
             ELSE format('CREATE ROLE %I LOGIN PASSWORD %L', CAST(:login AS text), CAST(:password AS text)) END,
        format('GRANT %I TO %I', CAST(:group AS text), CAST(:login AS text)),
        format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), CAST(:login AS text))
    ]
""")
