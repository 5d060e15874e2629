"""Bulk upserts into schema `market`: staged by COPY, then only rows that are new or differ are written.

Rows that are already there with the same values are not touched: no new version, no WAL, no vacuum. Provenance
(source, synthetic, fetched_at) is stamped here, on every row; `fetched_at` alone never makes a row differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import psycopg
from sqlalchemy import Connection, text

from libs.marketdata.source import Kind
from libs.storage.binary_copy import Column, Field, encode
from libs.storage.engine import StorageBusy

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


@dataclass(frozen=True, slots=True)
class _Table:
    key: tuple[str, ...]
    fields: dict[str, Field] | None
    """How each column is encoded; None: the columns have no fixed width and go row by row."""
    types: dict[str, str]

    @property
    def columns(self) -> list[str]:
        return list(self.types)


def _fixed(key: tuple[str, ...], **fields: Field) -> _Table:
    return _Table(key, fields, {name: field.sql_type for name, field in fields.items()})


def _by_row(key: tuple[str, ...], **types: str) -> _Table:
    return _Table(key, None, types)


_KEYED = {"symbol": Field.SYMBOL, "session": Field.DATE}
_VALUATIONS = ("pe_ttm", "pb_mrq", "ps_ttm", "pcf_ncf_ttm")

_TABLES: dict[Kind, _Table] = {
    Kind.CALENDAR: _fixed(("session",), session=Field.DATE),
    Kind.BARS: _fixed(
        ("symbol", "session"),
        **_KEYED,
        **dict.fromkeys(("open", "high", "low", "close", "pre_close"), Field.PRICE),
        volume=Field.INTEGER,
        amount=Field.MONEY,
        adj_factor=Field.FLOAT,
        turnover_rate=Field.FLOAT,
        suspended=Field.BOOLEAN,
        special_treatment=Field.BOOLEAN,
        published_at=Field.INSTANT,
    ),
    Kind.VALUATIONS: _fixed(
        ("symbol", "session"), **_KEYED, **dict.fromkeys(_VALUATIONS, Field.FLOAT), published_at=Field.INSTANT
    ),
    Kind.INDEX_BARS: _fixed(
        ("symbol", "session"),
        **_KEYED,
        **dict.fromkeys(("open", "high", "low", "close", "pre_close"), Field.FLOAT),
        volume=Field.INTEGER,
        amount=Field.FLOAT,
        published_at=Field.INSTANT,
    ),
    Kind.MARGIN: _fixed(
        ("session",),
        session=Field.DATE,
        financing_balance=Field.MONEY,
        lending_balance=Field.MONEY,
        financing_bought=Field.MONEY,
        maintenance_ratio=Field.FLOAT,
        published_at=Field.INSTANT,
    ),
    Kind.INSTRUMENTS: _by_row(
        ("symbol",),
        symbol="text",
        name="text",
        board="text",
        industry="text",
        list_date="date",
        delist_date="date",
        special_treatment="boolean",
        as_of="date",
    ),
    Kind.DOCUMENTS: _by_row(
        ("document_id",),
        document_id="text",
        kind="text",
        outlet="text",
        session_date="date",
        title="text",
        body="text",
        section="text",
        published_at="timestamptz",
    ),
}


def upsert(connection: Connection, kind: Kind, frame: "pl.DataFrame", provenance: Provenance) -> Written:
    """Bring the rows of `frame` into the table of `kind`; the columns are those of `frames.SCHEMAS[kind]`."""
    if not frame.height:
        return Written()
    table = _TABLES[kind]
    staged = f"staged_{kind.value}"
    declared = ", ".join(f"{name} {sql_type}" for name, sql_type in table.types.items())
    connection.execute(text(f"CREATE TEMPORARY TABLE {staged} ({declared}) ON COMMIT DROP"))
    _stage(connection, staged, table, frame)
    connection.execute(text(f"ANALYZE {staged}"))
    bound = {
        "source": provenance.source,
        "synthetic": provenance.synthetic,
        "fetched_at": provenance.fetched_at,
    }
    inserted, written = connection.execute(text(_merge_sql(kind, staged, table)), bound).one()
    connection.execute(text(f"DROP TABLE {staged}"))
    return Written(inserted, written - inserted, frame.height - written)


def _stage(connection: Connection, staged: str, table: _Table, frame: "pl.DataFrame") -> None:
    try:
        _copy(_raw(connection), staged, table, frame)
    except psycopg.Error as e:
        # Raw COPY passes by the place where the database's errors are translated.
        if (e.sqlstate or "").startswith("53"):
            raise StorageBusy(str(e)) from e
        raise


def _copy(raw: "psycopg.Connection[tuple[object, ...]]", staged: str, table: _Table, frame: "pl.DataFrame") -> None:
    names = ", ".join(table.columns)
    with raw.cursor() as cursor:
        if table.fields is not None:
            with cursor.copy(f"COPY {staged} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
                copy.write(encode([_column(name, field, frame) for name, field in table.fields.items()]))
            return
        with cursor.copy(f"COPY {staged} ({names}) FROM STDIN") as copy:
            for row in frame.select(table.columns).iter_rows():
                copy.write_row(row)


def _raw(connection: Connection) -> "psycopg.Connection[tuple[object, ...]]":
    raw: psycopg.Connection[tuple[object, ...]] | None = connection.connection.driver_connection
    if raw is None:
        raise RuntimeError("the connection is closed")
    return raw


def _column(name: str, field: Field, frame: "pl.DataFrame") -> Column:
    series = frame[name]
    if field is Field.DATE:
        return Column(name, field, series.to_physical().to_numpy())
    if field is Field.INSTANT:
        return Column(name, field, series.dt.epoch("us").to_numpy())
    if field is Field.SYMBOL:
        return Column(name, field, series.to_numpy().astype("S9"))
    if field is Field.FLOAT:
        return Column(name, field, series.fill_null(float("nan")).to_numpy())
    if field is Field.INTEGER:
        return Column(name, field, series.fill_null(-1).to_numpy().astype(np.int64))
    return Column(name, field, series.to_numpy())


def derive_factors(connection: Connection, symbols: Sequence[str]) -> int:
    """Fill adjustment factors that no source gave: cumulative close[t-1] / pre_close[t], 1.0 at the first stored row.

    Touches only rows whose factor is missing or differs; gives how many those were.
    """
    return connection.execute(_DERIVE, {"symbols": list(symbols)}).rowcount


_DERIVE = text("""
    WITH step AS (
        SELECT symbol, session, adj_factor,
               ln(COALESCE(lag(close) OVER of_symbol / pre_close, 1))::double precision AS growth
        FROM market.bars WHERE symbol = ANY(:symbols)
        WINDOW of_symbol AS (PARTITION BY symbol ORDER BY session)
    ), derived AS (
        SELECT symbol, session, adj_factor,
               exp(sum(growth) OVER (PARTITION BY symbol ORDER BY session)) AS factor
        FROM step
    )
    UPDATE market.bars SET adj_factor = derived.factor
    FROM derived
    WHERE bars.symbol = derived.symbol AND bars.session = derived.session
      AND (derived.adj_factor IS NULL OR abs(derived.adj_factor - derived.factor) > 1e-9 * derived.factor)
""")


def _merge_sql(kind: Kind, staged: str, table: _Table) -> str:
    reads = table.fields or {}
    values = {
        name: reads[name].select(f"staged.{name}") if name in reads else f"staged.{name}" for name in table.columns
    }
    if "adj_factor" in values:
        # A source without factors leaves those that were derived before as they are.
        values["adj_factor"] = f"COALESCE({values['adj_factor']}, stored.adj_factor)"
    plain = [name for name in table.columns if name not in table.key]
    compared = [*plain, "source", "synthetic"]
    old = ", ".join(f"stored.{name}" for name in compared)
    new = ", ".join([*(values[name] for name in plain), "CAST(:source AS text)", "CAST(:synthetic AS boolean)"])
    columns = [*table.columns, "source", "synthetic", "fetched_at"]
    key = ", ".join(table.key)
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in table.key)
    return f"""
        WITH written AS (
            INSERT INTO market.{kind.value} ({", ".join(columns)})
            SELECT {", ".join(values.values())}, CAST(:source AS text), CAST(:synthetic AS boolean),
                   CAST(:fetched_at AS timestamptz)
            FROM {staged} AS staged LEFT JOIN market.{kind.value} AS stored USING ({key})
            WHERE stored.{table.key[0]} IS NULL OR ({old}) IS DISTINCT FROM ({new})
            ON CONFLICT ({key}) DO UPDATE SET {changes}
            RETURNING (xmax = 0) AS fresh
        )
        SELECT count(*) FILTER (WHERE fresh), count(*) FROM written
    """
