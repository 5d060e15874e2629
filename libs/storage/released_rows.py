"""Store one row out of quarantine by the rules of every other row; no data library is needed for that.

The row is written as it was read, whatever the checks said; the table's own constraints still hold. What was stored
after the row was read last is newer than it, and stays; so does what a later list of shares has said.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DataError, IntegrityError

from libs.domain.errors import InvalidInput
from libs.marketdata.source import Kind
from libs.storage.factors import derive_factors

_PARTITIONED = {Kind.MINUTE_BARS: "ends_at", Kind.TICKS: "traded_at"}


@dataclass(frozen=True, slots=True)
class Released:
    """A row to be stored, in the columns of its table as far as it has them, and where it came from."""

    quarantine_id: int
    kind: Kind
    row: Mapping[str, Any]
    source: str
    synthetic: bool
    fetched_at: datetime
    """When it was read last."""


def store(connection: Connection, released: Released) -> None:
    """Write the row; raises `InvalidInput` where its table refuses it, or holds a later row in its place."""
    kind = released.kind
    key = list(connection.execute(_KEY, {"table": f"market.{kind.value}"}).scalars())
    columns = list(connection.execute(_COLUMNS, {"table": kind.value}).scalars())
    given = [name for name in columns if name in released.row]
    fetched_at = released.fetched_at.isoformat()
    stamps = {"source": released.source, "synthetic": released.synthetic, "fetched_at": fetched_at}
    try:
        if at := released.row.get(_PARTITIONED.get(kind, "")):
            connection.execute(_PARTITION, {"parent": kind.value, "at": at})
        stored = connection.execute(_statement(kind, key, given), {"row": {**released.row, **stamps}}).rowcount
    except (IntegrityError, DataError) as e:
        reason = str(e.orig).splitlines()[0]
        raise InvalidInput("ids", f"row {released.quarantine_id} does not fit market.{kind.value}: {reason}") from e
    if stored == 0:
        raise InvalidInput(
            "ids", f"row {released.quarantine_id}: a later row stands in market.{kind.value} in its place"
        )
    if kind is Kind.BARS and released.row.get("adj_factor") is None:
        derive_factors(connection, [released.row["symbol"]])


def _statement(kind: Kind, key: list[str], given: list[str]) -> TextClause:
    """The names of tables and columns come from the database, never from the row."""
    stamped = [*given, "source", "synthetic", "fetched_at"]
    changed = {name: f"excluded.{name}" for name in stamped if name not in key}
    if "adj_factor" in changed:
        changed["adj_factor"] = "COALESCE(excluded.adj_factor, stored.adj_factor)"
    changes = ", ".join(f"{name} = {value}" for name, value in changed.items())
    later = " AND stored.as_of <= excluded.as_of" if kind is Kind.INSTRUMENTS else ""
    return text(f"""
        INSERT INTO market.{kind.value} AS stored ({", ".join(stamped)})
        SELECT {", ".join(stamped)} FROM jsonb_populate_record(NULL::market.{kind.value}, :row)
        ON CONFLICT ({", ".join(key)}) DO UPDATE SET {changes}
            WHERE stored.fetched_at <= excluded.fetched_at{later}
    """).bindparams(bindparam("row", type_=JSONB))


_PARTITION = text("SELECT market.ensure_partitions(:parent, CAST(:at AS timestamptz), CAST(:at AS timestamptz))")
_COLUMNS = text("""
    SELECT column_name FROM information_schema.columns
    WHERE table_schema = 'market' AND table_name = :table AND column_name NOT IN ('source', 'synthetic', 'fetched_at')
    ORDER BY ordinal_position
""")
_KEY = text("""
    SELECT a.attname FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
    WHERE i.indrelid = CAST(:table AS regclass) AND i.indisprimary
""")
