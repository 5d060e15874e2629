"""Bulk upserts into schema `market`: staged by COPY, then only rows that are new or differ are written.

Rows that are already there with the same values are not touched: no new version, no WAL, no vacuum. Provenance
(source, synthetic, fetched_at) is stamped here, on every row; `fetched_at` alone never makes a row differ.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np
import psycopg
from numpy.typing import NDArray
from sqlalchemy import Connection, TextClause, text
from sqlalchemy.exc import DBAPIError

from libs.marketdata.source import Kind, SourceError
from libs.storage.binary_copy import Column, DoesNotFit, Field, Texts, encode, in_stream_order
from libs.storage.engine import storage_error
from libs.storage.market_retention import INTRADAY
from libs.storage.market_tables import TABLES, Table

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where rows came from and when they were fetched."""

    source: str
    synthetic: bool
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class Written:
    """What an upsert did."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0

    @property
    def written(self) -> int:
        """Rows that cost a write."""
        return self.inserted + self.updated


class Unstorable(SourceError):
    """Rows passed every check and yet do not fit their table, or say one key twice. Nothing of them is stored."""

    code = "marketdata.unstorable"
    retryable = False


_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended(:place, 0))")
_LOCK_TIMEOUT = text("SELECT current_setting('lock_timeout'), set_config('lock_timeout', :timeout, true)")
_PARTITIONS = text("SELECT market.ensure_partitions(:parent, CAST(:first AS timestamptz), CAST(:last AS timestamptz))")
_SYMBOL_BYTES = len("600519.SH")
_SEPARATOR = "\x1f"
"""Stands between the elements of a list on its way into an array; a text that carries it is refused."""
_DATA_AT_FAULT = frozenset({"21", "22", "23"})
"""SQLSTATE classes: a key said twice in one statement, values no column takes, constraints."""


def upsert(connection: Connection, kind: Kind, frame: "pl.DataFrame", provenance: Provenance) -> Written:
    """Bring the rows of `frame` into the table of `kind`; the columns are those of `frames.SCHEMAS[kind]`.

    A row whose key is stored is replaced where any value, its source or its being synthetic differs; a list of shares
    replaces none of a later day. Writers of one table take turns. Rows that nobody can have stored before are copied
    straight into it. Raises `Unstorable`; the transaction is lost then.
    """
    if not frame.height:
        return Written()
    with _unstorable(kind):
        return _upsert(connection, kind, frame, provenance)


def _upsert(connection: Connection, kind: Kind, frame: "pl.DataFrame", provenance: Provenance) -> Written:
    table = TABLES[kind]
    take_turn(connection, kind)
    span = _span_of(table, frame)
    if kind in INTRADAY and span is not None:
        connection.execute(_PARTITIONS, {"parent": kind.value, "first": span.first, "last": span.last})
    if span is not None and not connection.execute(_overlap(kind, span), span.by_symbol).scalar_one():
        _copy(connection, f"market.{kind.value}", [*_columns(table, frame), *_stamps(provenance, frame.height)])
        return Written(inserted=frame.height)
    return _merge(connection, kind, frame, provenance, span)


@contextmanager
def _unstorable(kind: Kind) -> Iterator[None]:
    """Say which table refuses rows, and what of them, whichever way they were written."""
    try:
        yield
    except DoesNotFit as e:
        raise Unstorable(f"market.{kind.value}: {e}") from e
    except DBAPIError as e:
        if (getattr(e.orig, "sqlstate", None) or "")[:2] not in _DATA_AT_FAULT:
            raise
        raise Unstorable(f"market.{kind.value}: {_said(e.orig)}") from e
    except psycopg.Error as e:
        # Raw COPY passes by the place where the database's errors are translated.
        if meant := storage_error(e, lost=isinstance(e, psycopg.OperationalError) and e.sqlstate is None):
            raise meant from e
        if (e.sqlstate or "")[:2] not in _DATA_AT_FAULT:
            raise
        raise Unstorable(f"market.{kind.value}: {_said(e)}") from e


def _said(error: BaseException | None) -> str:
    """The sentence of the database, and the place it names: the column of a COPY, the key said twice."""
    said = getattr(error, "diag", None)
    sentence = getattr(said, "message_primary", None) or str(error)
    place = getattr(said, "context", None) or getattr(said, "message_detail", None)
    return f"{sentence} ({place.splitlines()[0][:200]})" if place else sentence


def take_turn(connection: Connection, kind: Kind) -> None:
    """Wait for whoever writes into the table of this kind, as long as a statement may take; held until the end.

    An upsert does so itself; whoever reads first what the rows follow from takes its turn before that.
    """
    before = connection.execute(_LOCK_TIMEOUT, {"timeout": "0"}).one()[0]
    connection.execute(_TURN, {"place": f"market.{kind.value}"})
    connection.execute(_LOCK_TIMEOUT, {"timeout": before})


@dataclass(frozen=True, slots=True)
class _Span:
    """From when to when the rows of a frame reach, in all and symbol by symbol."""

    name: str
    first: date
    last: date
    by_symbol: dict[str, list[object]]


def _span_of(table: Table, frame: "pl.DataFrame") -> _Span | None:
    if (name := table.span) is None:
        return None
    ends = frame.select("symbol", name).sort("symbol", name).group_by("symbol", maintain_order=True)
    first, last = ends.first(), ends.last()
    by_symbol = {"symbol": first["symbol"].to_list(), "first": first[name].to_list(), "last": last[name].to_list()}
    return _Span(name, min(by_symbol["first"]), max(by_symbol["last"]), by_symbol)


def _overlap(kind: Kind, span: _Span) -> TextClause:
    """Whether any row is stored where those of a frame would lie."""
    instant = "date" if TABLES[kind].fields[span.name] is Field.DATE else "timestamptz"
    return text(f"""
        SELECT EXISTS (
            SELECT FROM unnest(CAST(:symbol AS text[]), CAST(:first AS {instant}[]), CAST(:last AS {instant}[]))
                AS wanted (symbol, first, last)
            WHERE EXISTS (
                SELECT FROM market.{kind.value} AS stored
                WHERE stored.symbol = wanted.symbol AND stored.{span.name} BETWEEN wanted.first AND wanted.last
            )
        )
    """)


def _merge(
    connection: Connection, kind: Kind, frame: "pl.DataFrame", provenance: Provenance, span: _Span | None
) -> Written:
    table, staged = TABLES[kind], f"staged_{kind.value}"
    declared = ", ".join(f"{name} {_staged_type(field)}" for name, field in table.fields.items())
    connection.execute(text(f"CREATE TEMPORARY TABLE {staged} ({declared}) ON COMMIT DROP"))
    _copy(connection, staged, _columns(table, frame))
    connection.execute(text(f"ANALYZE {staged}"))
    bound = {"source": provenance.source, "synthetic": provenance.synthetic, "fetched_at": provenance.fetched_at}
    reach = {} if span is None else {"first": span.first, "last": span.last}
    inserted, written = connection.execute(text(_merge_sql(kind, staged, table)), bound | reach).one()
    connection.execute(text(f"DROP TABLE {staged}"))
    return Written(inserted, written - inserted, frame.height - written)


def _copy(connection: Connection, target: str, given: Sequence[Column | Texts]) -> None:
    columns = in_stream_order(given)
    names = ", ".join(column.name for column in columns)
    statement = f"COPY {target} ({names}) FROM STDIN (FORMAT BINARY)"
    with _raw(connection).cursor() as cursor, cursor.copy(statement) as copy:
        for piece in encode(columns):
            copy.write(piece)


def _raw(connection: Connection) -> "psycopg.Connection[tuple[object, ...]]":
    raw: psycopg.Connection[tuple[object, ...]] | None = connection.connection.driver_connection
    if raw is None:
        raise RuntimeError("the connection is closed")
    return raw


def _columns(table: Table, frame: "pl.DataFrame") -> list[Column | Texts]:
    return [_column(name, field, frame) for name, field in table.fields.items()]


def _column(name: str, field: Field, frame: "pl.DataFrame") -> Column | Texts:
    series = frame[name]
    if series.dtype.is_float():
        series = _finite(name, series)
    if field.is_text:
        return _texts(name, _joined(name, series) if field is Field.TEXTS else series)
    nulls = series.is_null().to_numpy() if series.null_count() else None
    return Column(name, field, _fixed(name, field, series), nulls)


def _finite(name: str, series: "pl.Series") -> "pl.Series":
    """What is no number is nothing; what has no end is refused."""
    if series.is_infinite().any():
        raise DoesNotFit(f"{name} has values that are no numbers")
    return series.fill_nan(None)


def _joined(name: str, series: "pl.Series") -> "pl.Series":
    if series.explode().str.contains(_SEPARATOR, literal=True).any():
        raise DoesNotFit(f"{name} has a text with the character that separates texts")
    return series.list.join(_SEPARATOR)


def _fixed(name: str, field: Field, series: "pl.Series") -> NDArray[np.generic]:
    if field is Field.WORD:
        if series.null_count() or (series.str.len_bytes() != _SYMBOL_BYTES).any():
            raise DoesNotFit(f"{name} has values that are no symbols")
        return series.to_numpy().astype(f"S{_SYMBOL_BYTES}")
    whole = series.to_physical() if field in {Field.DATE, Field.INSTANT} else series
    return whole.fill_null(value=False if field is Field.BOOLEAN else 0).to_numpy()


def _texts(name: str, series: "pl.Series") -> Texts:
    content = np.frombuffer("".join(series.drop_nulls()).encode(), dtype=np.uint8)
    widths = series.str.len_bytes().cast(int).fill_null(-1).to_numpy()
    return Texts(name, content, widths)


def _stamps(provenance: Provenance, height: int) -> list[Column]:
    """The provenance of every row, as columns."""
    fetched = round(provenance.fetched_at.timestamp() * 1_000_000)
    return [
        Column("source", Field.WORD, np.full(height, provenance.source.encode())),
        Column("synthetic", Field.BOOLEAN, np.full(height, provenance.synthetic)),
        Column("fetched_at", Field.INSTANT, np.full(height, fetched)),
    ]


def _staged_type(field: Field) -> str:
    return "text" if field.is_text else field.sql_type


def _selected(name: str, field: Field) -> str:
    return f"string_to_array(staged.{name}, E'\\x1f')" if field is Field.TEXTS else f"staged.{name}"


def _merge_sql(kind: Kind, staged: str, table: Table) -> str:
    """Find the staged rows that differ from what is stored, write those, and count them."""
    values = {name: _selected(name, field) for name, field in table.fields.items()}
    if "adj_factor" in values:
        # A source without factors leaves those that were derived before as they are.
        values["adj_factor"] = "COALESCE(staged.adj_factor, stored.adj_factor)"
    plain = [name for name in table.fields if name not in table.key]
    old = ", ".join(f"stored.{name}" for name in [*plain, "source", "synthetic"])
    new = ", ".join([*(values[name] for name in plain), "CAST(:source AS text)", "CAST(:synthetic AS boolean)"])
    given = ", ".join(f"{value} AS {name}" for name, value in values.items())
    names = ", ".join(table.fields)
    matches = " AND ".join(f"stored.{name} = staged.{name}" for name in table.key)
    # Keeps the search within the partitions that can hold the rows.
    within = f" AND stored.{table.span} BETWEEN :first AND :last" if table.span else ""
    # A list of an earlier day has nothing to say about what a later one has said.
    newer = " AND staged.as_of >= stored.as_of" if kind is Kind.INSTRUMENTS else ""
    changes = ", ".join(f"{name} = excluded.{name}" for name in [*plain, "source", "synthetic", "fetched_at"])
    return f"""
        WITH differing AS MATERIALIZED (
            SELECT {given}, stored.{table.key[0]} IS NULL AS fresh
            FROM {staged} AS staged LEFT JOIN market.{kind.value} AS stored ON {matches}{within}
            WHERE stored.{table.key[0]} IS NULL OR (({old}) IS DISTINCT FROM ({new}){newer})
        ), written AS (
            INSERT INTO market.{kind.value} ({names}, source, synthetic, fetched_at)
            SELECT {names}, CAST(:source AS text), CAST(:synthetic AS boolean), CAST(:fetched_at AS timestamptz)
            FROM differing
            ON CONFLICT ({", ".join(table.key)}) DO UPDATE SET {changes}
        )
        SELECT count(*) FILTER (WHERE fresh), count(*) FROM differing
    """
