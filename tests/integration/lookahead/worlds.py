"""The same database in other worlds, inside a transaction that is always rolled back.

`truncated` knows nothing that was published after an instant, `poisoned` has absurd values there. Statements may be
altered on their way to the server, so that a test can take a filter away and see whether anybody notices.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import psycopg
from sqlalchemy import text

from libs.marketdata.source import Kind
from libs.storage.engine import Connection, Engine
from libs.storage.snapshot import Snapshot

T = TypeVar("T")
Change = Callable[[Connection, datetime], None]

_DATED = text("""
    SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'market' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'published_at' AND NOT a.attisdropped)
    ORDER BY 1
""")
_COLUMNS = text("""
    SELECT a.attname, format_type(a.atttypid, NULL) AS type FROM pg_attribute a
    WHERE a.attrelid = CAST(:table AS regclass) AND a.attnum > 0 AND NOT a.attisdropped
      AND a.attname NOT IN ('published_at', 'fetched_at') AND NOT EXISTS (
        SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY(i.indkey))
""")
_CHECKS = text("""
    SELECT conname FROM pg_constraint WHERE conrelid = CAST(:table AS regclass) AND contype = 'c'
""")
_ABSURD = {
    "numeric": "'NaN'",
    "double precision": "'NaN'",
    "real": "'NaN'",
    "bigint": "987654321",
    "integer": "987654321",
    "text": "'POISON'",
    "text[]": "'{POISON}'",
    "boolean": "NOT {column}",
    "date": "{column} + 3650",
}


def dated_tables(tx: Connection) -> list[str]:
    """Every kind of data that says when its rows became public."""
    kinds = {kind.value for kind in Kind}
    return [table for table in tx.execute(_DATED).scalars() if table in kinds]


def as_stored(_: Connection, __: datetime) -> None:
    """The whole database, the future included."""


def truncated(tx: Connection, as_of: datetime) -> None:
    """Nothing was published after the instant."""
    for table in dated_tables(tx):
        tx.execute(text(f"DELETE FROM market.{table} WHERE published_at > :as_of"), {"as_of": as_of})


def poisoned(tx: Connection, as_of: datetime) -> None:
    """Whatever was published after the instant is nonsense, and so is a later list, where history knew better."""
    for table in dated_tables(tx):
        poison(tx, table, "published_at > :as_of", as_of)
    tx.execute(text("ALTER TABLE market.instruments DROP CONSTRAINT instruments_board_check"))
    tx.execute(
        text("""
            UPDATE market.instruments i SET name = 'POISON', as_of = as_of + 365, board = 'POISON',
                special_treatment = NOT special_treatment, delist_date = as_of + 365,
                industry = CASE WHEN EXISTS (
                    SELECT FROM market.instrument_history h
                    WHERE h.symbol = i.symbol AND h.attribute = 'industry' AND h.published_at <= :as_of
                ) THEN 'POISON' ELSE industry END
        """),
        {"as_of": as_of},
    )


def poison(tx: Connection, table: str, where: str, as_of: datetime, *, keep: frozenset[str] = frozenset()) -> None:
    """Make nonsense of every value that is no key and not to be kept, in the rows that `where` names."""
    qualified = f"market.{table}"
    for name in tx.execute(_CHECKS, {"table": qualified}).scalars().all():
        tx.execute(text(f"ALTER TABLE {qualified} DROP CONSTRAINT IF EXISTS {name}"))
    changes = [
        f"{row.attname} = {_ABSURD[row.type].replace('{column}', row.attname)}"
        for row in tx.execute(_COLUMNS, {"table": qualified})
        if row.attname not in keep
    ]
    tx.execute(text(f"UPDATE {qualified} SET {', '.join(changes)} WHERE {where}"), {"as_of": as_of})


@dataclass
class Wire:
    """What goes to the server: statements as they were sent, and how to alter them."""

    alter: Callable[[str], str] = lambda statement: statement
    seen: list[str] = field(default_factory=list)

    def cursor_class(self) -> type[psycopg.Cursor[Any]]:
        """A cursor that records and alters."""
        wire = self

        class Cursor(psycopg.Cursor[Any]):
            def execute(self, query: Any, params: Any = None, **kwargs: Any) -> Any:
                statement = query.decode() if isinstance(query, bytes) else str(query)
                wire.seen.append(statement)
                return super().execute(wire.alter(statement).encode(), params, **kwargs)

        return Cursor


class BoundReader:
    """Answers an analyst's questions inside one open transaction."""

    def __init__(self, tx: Connection) -> None:
        self._tx = tx

    async def __call__(self, question: Callable[[Snapshot], T]) -> T:
        return question(self._tx)


@contextmanager
def world(engine: Engine, as_of: datetime, change: Change, wire: Wire | None = None) -> Iterator[Connection]:
    """A connection that sees the database changed; nothing of it stays."""
    with engine.connect() as tx, tx.begin() as attempt:
        change(tx, as_of)
        driver = tx.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        before = driver.cursor_factory
        driver.cursor_factory = (wire or Wire()).cursor_class()
        try:
            yield tx
        finally:
            driver.cursor_factory = before
            attempt.rollback()
