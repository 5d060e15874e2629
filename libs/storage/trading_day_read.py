"""What was known of a session: suspensions, limit prices, what a share was called and how it was treated."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from libs.domain.market import Symbol
from libs.storage.listing_history import Attribute, known
from libs.storage.snapshot import Snapshot, fetch


@dataclass(frozen=True, slots=True)
class Suspension:
    """A share that does not trade in a session (停牌), wholly or for a while; `timing` says when."""

    symbol: Symbol
    session: date
    extent: Literal["full", "intraday"]
    timing: str | None
    reason: str | None
    source: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class LimitPrices:
    """The limits of a session as a source says; both None: no limit that day."""

    symbol: Symbol
    session: date
    pre_close: Decimal
    limit_up: Decimal | None
    limit_down: Decimal | None
    source: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What an attribute of a share was on a day, and since when."""

    symbol: Symbol
    value: str
    since: date


_SUSPENSIONS = """
SELECT symbol, session, extent, timing, reason, source, published_at
FROM market.suspensions
WHERE session = %(session)s AND published_at <= %(as_of)s
ORDER BY symbol
"""

_LIMITS = """
SELECT symbol, session, pre_close, limit_up, limit_down, source, published_at
FROM market.limit_prices
WHERE symbol = ANY(%(symbols)s::text[]) AND session = %(session)s AND published_at <= %(as_of)s
"""


def suspensions(snapshot: Snapshot, session: date, as_of: datetime) -> tuple[Suspension, ...]:
    """The suspensions of a session that were public at `as_of`, by symbol."""
    rows = fetch(snapshot, _SUSPENSIONS, {"session": session, "as_of": as_of})
    return tuple(Suspension(*row) for row in rows)


def limit_prices(
    snapshot: Snapshot, symbols: Sequence[Symbol], session: date, as_of: datetime
) -> dict[Symbol, LimitPrices]:
    """The limits of these shares that were public at `as_of`; a share without any is missing."""
    rows = fetch(snapshot, _LIMITS, {"symbols": list(symbols), "session": session, "as_of": as_of})
    return {row[0]: LimitPrices(*row) for row in rows}


def standing_on(
    snapshot: Snapshot, symbols: Sequence[Symbol], attribute: Attribute, *, day: date, as_of: datetime
) -> dict[Symbol, Standing]:
    """Name, ST, board, industry or status of these shares on `day`; a share whose history says nothing is missing."""
    query = f"""
        SELECT asked.symbol, said.value, said.since
        FROM unnest(%(symbols)s::text[]) AS asked (symbol)
        CROSS JOIN LATERAL {known(attribute, "asked.symbol")} AS said
    """
    rows = fetch(snapshot, query, {"symbols": list(symbols), "day": day, "as_of": as_of})
    return {row[0]: Standing(*row) for row in rows}
