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
from numpy.typing import NDArray
from sqlalchemy import Connection, text

from libs.marketdata.source import Kind
from libs.storage.binary_copy import Column, Field, Texts, encode, stream_order
from libs.storage.engine import StorageBusy
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


_SYMBOL_BYTES = len("600519.SH")
_SEPARATOR = "\x1f"
"""Stands between the elements of a list on its way into an array; no text of the market carries it."""


def upsert(connection: Connection, kind: Kind, frame: "pl.DataFrame", provenance: Provenance) -> Written:
    """Bring the rows of `frame` into the table of `kind`; the columns are those of `frames.SCHEMAS[kind]`."""
    if not frame.height:
        return Written()
    table = TABLES[kind]
    staged = f"staged_{kind.value}"
    declared = ", ".join(f"{name} {_staged_type(field)}" for name, field in table.fields.items())
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


def _stage(connection: Connection, staged: str, table: Table, frame: "pl.DataFrame") -> None:
    columns = [_column(name, table.fields[name], frame) for name in stream_order(table.fields)]
    names = ", ".join(column.name for column in columns)
    try:
        with (
            _raw(connection).cursor() as cursor,
            cursor.copy(f"COPY {staged} ({names}) FROM STDIN (FORMAT BINARY)") as copy,
        ):
            for piece in encode(columns):
                copy.write(piece)
    except psycopg.Error as e:
        # Raw COPY passes by the place where the database's errors are translated.
        if (e.sqlstate or "").startswith("53"):
            raise StorageBusy(str(e)) from e
        raise


def _raw(connection: Connection) -> "psycopg.Connection[tuple[object, ...]]":
    raw: psycopg.Connection[tuple[object, ...]] | None = connection.connection.driver_connection
    if raw is None:
        raise RuntimeError("the connection is closed")
    return raw


def _column(name: str, field: Field, frame: "pl.DataFrame") -> Column | Texts:
    series = frame[name]
    if field is Field.FLOAT:
        series = series.fill_nan(None)
    if field.is_text:
        return _texts(name, field, series.list.join(_SEPARATOR) if field is Field.TEXTS else series)
    nulls = series.is_null().to_numpy() if series.null_count() else None
    return Column(name, field, _fixed(name, field, series), nulls)


def _fixed(name: str, field: Field, series: "pl.Series") -> NDArray[np.generic]:
    if field is Field.SYMBOL:
        if series.null_count() or (series.str.len_bytes() != _SYMBOL_BYTES).any():
            raise ValueError(f"{name} has values that are no symbols")
        return series.to_numpy().astype(f"S{_SYMBOL_BYTES}")
    whole = series.to_physical() if field in {Field.DATE, Field.INSTANT} else series
    return whole.fill_null(value=False if field is Field.BOOLEAN else 0).to_numpy()


def _texts(name: str, field: Field, series: "pl.Series") -> Texts:
    content = np.frombuffer("".join(series.drop_nulls()).encode(), dtype=np.uint8)
    widths = series.str.len_bytes().cast(int).fill_null(-1).to_numpy()
    return Texts(name, field, content, widths)


def _staged_type(field: Field) -> str:
    return "text" if field.is_text else field.sql_type


def _selected(name: str, field: Field) -> str:
    return f"string_to_array(staged.{name}, E'\\x1f')" if field is Field.TEXTS else f"staged.{name}"


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


def _merge_sql(kind: Kind, staged: str, table: Table) -> str:
    values = {name: _selected(name, field) for name, field in table.fields.items()}
    if "adj_factor" in values:
        # A source without factors leaves those that were derived before as they are.
        values["adj_factor"] = f"COALESCE({values['adj_factor']}, stored.adj_factor)"
    plain = [name for name in table.fields if name not in table.key]
    compared = [*plain, "source", "synthetic"]
    old = ", ".join(f"stored.{name}" for name in compared)
    new = ", ".join([*(values[name] for name in plain), "CAST(:source AS text)", "CAST(:synthetic AS boolean)"])
    columns = [*table.fields, "source", "synthetic", "fetched_at"]
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
