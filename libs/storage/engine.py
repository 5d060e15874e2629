"""Connections and the unit of work. Database code is synchronous; event loops reach it through `in_transaction`.

One message or one request is one transaction, opened at the edge; nobody commits inside.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from libs.domain.errors import HiddenGemError

__all__ = [
    "Connection",
    "Engine",
    "IllegalTransition",
    "StaleEpoch",
    "StorageBusy",
    "StorageUnavailable",
    "in_transaction",
    "make_engine",
    "storage_error",
    "transaction",
]

P = ParamSpec("P")
T = TypeVar("T")


class StorageUnavailable(HiddenGemError):
    """PostgreSQL does not answer."""

    code = "storage.unavailable"
    retryable = True


class StorageBusy(StorageUnavailable):
    """PostgreSQL gave this transaction up for others: a lock, a time limit, a resource."""

    code = "storage.busy"


class StaleEpoch(HiddenGemError):
    """Another instance holds the lease; what this one writes no longer counts."""

    code = "storage.stale_epoch"


class IllegalTransition(HiddenGemError):
    """The order's state machine does not know this move."""

    code = "trading.illegal_transition"


def make_engine(url: str, *, pool_size: int = 4, application_name: str = "hiddengem") -> Engine:
    """An engine whose sessions fail rather than hang: 60 s a statement, 5 s a lock, 10 s idle in a transaction."""
    engine = create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        connect_args={
            "application_name": application_name,
            "options": "-c statement_timeout=60s -c lock_timeout=5s -c idle_in_transaction_session_timeout=10s",
            "connect_timeout": 5,
        },
    )
    event.listen(engine, "handle_error", _translate)
    return engine


@contextmanager
def transaction(engine: Engine, *, read_only: bool = False) -> Iterator[Connection]:
    """One unit of work: committed when the block ends, rolled back when it raises."""
    with _connected(engine) as connection, connection.begin():
        if read_only:
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        yield connection


async def in_transaction(
    engine: Engine, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Run `work(connection, …)` as one transaction in a worker thread; nothing is held across an await."""

    def run() -> T:
        with transaction(engine) as connection:
            return work(connection, *args, **kwargs)

    return await asyncio.to_thread(run)


@contextmanager
def _connected(engine: Engine) -> Iterator[Connection]:
    try:
        connection = engine.connect()
    except OperationalError as e:
        raise StorageUnavailable(str(e.orig)) from e
    except PoolExhausted as e:
        raise StorageBusy("every connection of this process is in use") from e
    with connection:
        yield connection


def _translate(context: object) -> None:
    """Turn the database's own error codes into the desk's errors, at the one place where they enter."""
    error = getattr(context, "sqlalchemy_exception", None)
    if isinstance(error, DBAPIError) and (meant := storage_error(error.orig, lost=error.connection_invalidated)):
        raise meant from error


def storage_error(error: BaseException | None, *, lost: bool = False) -> HiddenGemError | None:
    """What an error of the driver means to the desk; None: the statement or its data are at fault."""
    state = getattr(error, "sqlstate", None)
    message = getattr(getattr(error, "diag", None), "message_primary", None) or str(error)
    if state == "HG001":
        return StaleEpoch(message)
    if state == "HG003":
        return IllegalTransition(message)
    if lost or (state or "").startswith(("08", "57P")):
        return StorageUnavailable(message)
    # Serialization failures and deadlocks, lock and statement time limits, disk, memory and connections used up.
    if (state or "").startswith(("40", "53")) or state in ("55P03", "57014"):
        return StorageBusy(message)
    return None
