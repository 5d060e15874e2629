"""Daily bars of shares and indices as they were public at an instant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from libs.domain.clock import exchange_date
from libs.domain.market import Symbol
from libs.storage.snapshot import Snapshot, fetch


@dataclass(frozen=True, slots=True)
class BarColumns:
    """The last sessions of one share, oldest first and unadjusted, suspended days included; a list per column.

    CNY, shares, fractions. `source` and `published_at` are those of the last bar.
    """

    symbol: Symbol
    sessions: list[date]
    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    pre_close: list[float]
    volume: list[float]
    amount: list[float]
    adj_factor: list[float | None]
    turnover_rate: list[float | None]
    suspended: list[bool]
    source: str
    synthetic: bool
    published_at: datetime


@dataclass(frozen=True, slots=True)
class IndexColumns:
    """The last sessions of one index, oldest first."""

    symbol: str
    sessions: list[date]
    close: list[float]
    high: list[float]
    low: list[float]
    source: str
    synthetic: bool
    published_at: datetime


# The inner query orders its rows and array_agg keeps that order; `session <= day` lets the primary key start at
# the day where `published_at` alone would first read everything that came later.
_BARS = """
SELECT asked.symbol, columns.*
FROM unnest(%(symbols)s::text[]) WITH ORDINALITY AS asked (symbol, place)
CROSS JOIN LATERAL (
    SELECT array_agg(session), array_agg(open), array_agg(high), array_agg(low), array_agg(close),
           array_agg(pre_close), array_agg(volume), array_agg(amount), array_agg(adj_factor),
           array_agg(turnover_rate), array_agg(suspended), (array_agg(source))[1], bool_or(synthetic),
           max(published_at)
    FROM (
        SELECT session, open::float8, high::float8, low::float8, close::float8, pre_close::float8,
               volume::float8, amount::float8, adj_factor, turnover_rate, suspended, source, synthetic,
               published_at
        FROM market.bars
        WHERE symbol = asked.symbol AND session <= %(day)s AND published_at <= %(as_of)s
        ORDER BY session DESC
        LIMIT %(count)s
    ) AS newest
    HAVING count(*) > 0
) AS columns
ORDER BY asked.place
"""

_INDEX = """
SELECT array_agg(session), array_agg(close), array_agg(high), array_agg(low), (array_agg(source))[1],
       bool_or(synthetic), max(published_at)
FROM (
    SELECT session, close, high, low, source, synthetic, published_at
    FROM market.index_bars
    WHERE symbol = %(symbol)s AND session <= %(day)s AND published_at <= %(as_of)s
    ORDER BY session DESC
    LIMIT %(count)s
) AS newest
HAVING count(*) > 0
"""


def recent_bars(
    snapshot: Snapshot, symbols: Sequence[Symbol], as_of: datetime, *, count: int
) -> dict[Symbol, BarColumns]:
    """The last `count` bars of each symbol that were public at `as_of`; a symbol without any is missing."""
    parameters = {"symbols": list(symbols), "day": exchange_date(as_of), "as_of": as_of, "count": count}
    rows = fetch(snapshot, _BARS, parameters)
    return {row[0]: BarColumns(row[0], *(column[::-1] for column in row[1:-3]), *row[-3:]) for row in rows}


def recent_index(snapshot: Snapshot, symbol: str, as_of: datetime, *, count: int) -> IndexColumns | None:
    """The last `count` bars of an index that were public at `as_of`, None without any."""
    parameters = {"symbol": symbol, "day": exchange_date(as_of), "as_of": as_of, "count": count}
    for row in fetch(snapshot, _INDEX, parameters):
        return IndexColumns(symbol, *(column[::-1] for column in row[:-3]), *row[-3:])
    return None
