"""Intraday bars and trades as they were public at an instant."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from libs.domain.market import Symbol
from libs.storage.snapshot import Snapshot, fetch


@dataclass(frozen=True, slots=True)
class MinuteColumns:
    """The last bars of one share, oldest first and unadjusted; a list per column, CNY and shares."""

    symbol: Symbol
    interval_minutes: int
    ends_at: list[datetime]
    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    volume: list[int]
    source: str
    synthetic: bool


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade of the tape."""

    traded_at: datetime
    sequence: int
    price: Decimal
    volume: int
    side: Literal["buy", "sell", "neutral"]


# `ends_at <= as_of` lets partitions after it stay unread; `published_at` alone would open all of them.
_BARS = """
SELECT array_agg(ends_at), array_agg(open), array_agg(high), array_agg(low), array_agg(close), array_agg(volume),
       (array_agg(source))[1], bool_or(synthetic)
FROM (
    SELECT ends_at, open::float8, high::float8, low::float8, close::float8, volume, source, synthetic
    FROM market.minute_bars
    WHERE symbol = %(symbol)s AND interval_minutes = %(interval)s
      AND ends_at <= %(as_of)s AND published_at <= %(as_of)s
    ORDER BY ends_at DESC
    LIMIT %(count)s
) AS newest
HAVING count(*) > 0
"""

_TRADES = """
SELECT traded_at, sequence, price, volume, side
FROM market.ticks
WHERE symbol = %(symbol)s AND traded_at > %(after)s AND traded_at <= %(as_of)s AND published_at <= %(as_of)s
ORDER BY traded_at, sequence
LIMIT %(count)s
"""


def recent_minute_bars(
    snapshot: Snapshot, symbol: Symbol, as_of: datetime, *, interval_minutes: int, count: int
) -> MinuteColumns | None:
    """The last `count` bars of one interval that had ended by `as_of`, None without any."""
    parameters = {"symbol": symbol, "interval": interval_minutes, "as_of": as_of, "count": count}
    for row in fetch(snapshot, _BARS, parameters):
        return MinuteColumns(symbol, interval_minutes, *(column[::-1] for column in row[:6]), *row[6:])
    return None


def trades_between(
    snapshot: Snapshot, symbol: Symbol, *, after: datetime, as_of: datetime, count: int
) -> tuple[Trade, ...]:
    """The first `count` trades after one instant and up to another, in the order of the tape."""
    parameters = {"symbol": symbol, "after": after, "as_of": as_of, "count": count}
    return tuple(Trade(*row) for row in fetch(snapshot, _TRADES, parameters))
