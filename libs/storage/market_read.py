"""The whole market as it was public at an instant: breadth over all stored shares, and margin balances."""

from dataclasses import dataclass
from datetime import date, datetime

from libs.domain.clock import exchange_date
from libs.domain.market import Board, Symbol
from libs.storage.listing_history import known
from libs.storage.snapshot import Snapshot, fetch


@dataclass(frozen=True, slots=True)
class Breadth:
    """How many traded shares rose, fell and stood still in one session, against their reference price."""

    session: date
    traded: int
    advancers: int
    decliners: int
    source: str
    synthetic: bool
    published_at: datetime


@dataclass(frozen=True, slots=True)
class LargeMove:
    """A share that moved far enough in the session to be asked whether it closed at its limit."""

    symbol: Symbol
    board: Board | None
    list_date: date | None
    special_treatment: bool
    pre_close: str
    close: str
    """Decimal text: limits are compared exactly."""


@dataclass(frozen=True, slots=True)
class Margin:
    """Financing balance (融资余额) of both exchanges at one session's end, in CNY."""

    session: date
    financing_balance: float
    source: str
    synthetic: bool
    published_at: datetime


_BREADTH = """
SELECT session, count(*),
       count(*) FILTER (WHERE close > pre_close), count(*) FILTER (WHERE close < pre_close),
       min(source), bool_or(synthetic), max(published_at)
FROM market.bars
WHERE session = ANY(%(sessions)s::date[]) AND published_at <= %(as_of)s AND NOT suspended
GROUP BY session
ORDER BY session
"""

_LARGE_MOVES = f"""
SELECT bar.symbol, coalesce(board.value, instrument.board), instrument.list_date, bar.special_treatment,
       bar.pre_close::text, bar.close::text
FROM market.bars AS bar
LEFT JOIN market.instruments AS instrument ON instrument.symbol = bar.symbol
LEFT JOIN LATERAL {known("board", "bar.symbol")} AS board ON true
WHERE bar.session = %(session)s AND bar.published_at <= %(as_of)s AND NOT bar.suspended
  AND abs(bar.close - bar.pre_close) >= bar.pre_close * %(at_least)s::numeric
ORDER BY bar.symbol
"""

_MARGIN = """
SELECT session, financing_balance::float8, source, synthetic, published_at
FROM market.margin
WHERE session <= %(day)s AND published_at <= %(as_of)s
ORDER BY session DESC
LIMIT %(count)s
"""


def breadth(snapshot: Snapshot, sessions: tuple[date, ...], as_of: datetime) -> tuple[Breadth, ...]:
    """The breadth of each of these sessions that has bars public at `as_of`, oldest first."""
    rows = fetch(snapshot, _BREADTH, {"sessions": list(sessions), "as_of": as_of})
    return tuple(Breadth(*row) for row in rows)


def large_moves(snapshot: Snapshot, session: date, as_of: datetime, *, at_least: float) -> tuple[LargeMove, ...]:
    """The shares that closed `session` at least this fraction away from their reference price."""
    parameters = {"session": session, "day": exchange_date(as_of), "as_of": as_of, "at_least": at_least}
    rows = fetch(snapshot, _LARGE_MOVES, parameters)
    return tuple(LargeMove(symbol, Board(board) if board else None, *rest) for symbol, board, *rest in rows)


def recent_margin(snapshot: Snapshot, as_of: datetime, *, count: int) -> tuple[Margin, ...]:
    """The last `count` balances that were public at `as_of`, oldest first."""
    parameters = {"day": exchange_date(as_of), "as_of": as_of, "count": count}
    return tuple(Margin(*row) for row in reversed(fetch(snapshot, _MARGIN, parameters)))
