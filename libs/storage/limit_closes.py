"""Which shares closed a session at their price limit (涨停, 跌停), by the rulebook of that day, and for how long."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from libs.ashare.boards import board_of
from libs.ashare.calendar import CALENDAR
from libs.ashare.errors import UnknownRule
from libs.ashare.rulebook import RULEBOOK
from libs.domain.market import Symbol
from libs.storage.market_read import LargeMove
from libs.storage.snapshot import Snapshot, fetch

SMALLEST_LIMIT_MOVE = 0.04
"""No limit is nearer to its reference price than this, rounding of low prices included."""
LONGEST_RUN = 40

_RUN = """
SELECT asked.symbol, run.session, run.special_treatment, run.pre_close::text, run.close::text
FROM unnest(%(symbols)s::text[]) AS asked (symbol)
CROSS JOIN LATERAL (
    SELECT session, special_treatment, pre_close, close FROM market.bars
    WHERE symbol = asked.symbol AND session <= %(session)s AND published_at <= %(as_of)s AND NOT suspended
    ORDER BY session DESC LIMIT %(count)s
) AS run
"""


class LimitClose(StrEnum):
    """How a session ended for one share."""

    UP = "up"
    DOWN = "down"
    NEITHER = "neither"
    UNKNOWN = "unknown"
    """No rule is known for this share on this day."""


@dataclass(frozen=True, slots=True)
class LimitCounts:
    """Shares that closed at the upper and at the lower end of their band, and those nobody can judge."""

    up: int
    down: int
    unknown: int = 0


def judge(move: LargeMove, session: date) -> LimitClose:
    """Whether a share closed at a limit."""
    try:
        since = CALENDAR.sessions_since_listing(move.list_date, session) if move.list_date else None
        band = RULEBOOK.band(
            move.board or board_of(move.symbol),
            session,
            Decimal(move.pre_close),
            special_treatment=move.special_treatment,
            sessions_since_listing=since,
            symbol=move.symbol,
        )
    except UnknownRule:
        return LimitClose.UNKNOWN
    close = Decimal(move.close)
    if band is not None and close >= band.upper:
        return LimitClose.UP
    return LimitClose.DOWN if band is not None and close <= band.lower else LimitClose.NEITHER


def count_limits(moves: Sequence[LargeMove], session: date) -> LimitCounts:
    """Count the closes at a limit; a share whose rule nobody knows is counted apart."""
    judged = [judge(move, session) for move in moves]
    return LimitCounts(judged.count(LimitClose.UP), judged.count(LimitClose.DOWN), judged.count(LimitClose.UNKNOWN))


def runs_at_upper_limit(
    snapshot: Snapshot, moves: Sequence[LargeMove], session: date, as_of: datetime
) -> dict[Symbol, int]:
    """How many traded sessions in a row each share that closed `session` at its upper limit has done so (连板)."""
    sealed = {move.symbol: move for move in moves if judge(move, session) is LimitClose.UP}
    parameters = {"symbols": list(sealed), "session": session, "as_of": as_of, "count": LONGEST_RUN}
    runs = dict.fromkeys(sealed, 0)
    broken: set[Symbol] = set()
    for symbol, day, special_treatment, pre_close, close in fetch(snapshot, _RUN, parameters):
        listed = sealed[symbol]
        move = LargeMove(symbol, listed.board, listed.list_date, special_treatment, pre_close, close)
        if symbol not in broken and judge(move, day) is LimitClose.UP:
            runs[symbol] += 1
        else:
            broken.add(symbol)
    return runs
