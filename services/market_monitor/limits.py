"""How many shares closed at their price limit (涨停, 跌停), by the rulebook of that day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from libs.ashare.bands import Band
from libs.ashare.boards import board_of
from libs.ashare.calendar import CALENDAR
from libs.ashare.errors import UnknownRule
from libs.ashare.rulebook import RULEBOOK
from libs.storage.market_read import LargeMove

SMALLEST_LIMIT_MOVE = 0.04
"""No limit is nearer to its reference price than this, rounding of low prices included."""


@dataclass(frozen=True, slots=True)
class LimitCounts:
    """Shares that closed at the upper and at the lower end of their band."""

    up: int
    down: int


def count_limits(moves: Iterable[LargeMove], session: date) -> LimitCounts:
    """Count the closes at a limit; a share whose rule nobody knows is not counted."""
    up = down = 0
    for move in moves:
        band = _band(move, session)
        if band is not None:
            close = Decimal(move.close)
            up += close >= band.upper
            down += close <= band.lower
    return LimitCounts(up, down)


def _band(move: LargeMove, session: date) -> Band | None:
    try:
        since = CALENDAR.sessions_since_listing(move.list_date, session) if move.list_date else None
        return RULEBOOK.band(
            move.board or board_of(move.symbol),
            session,
            Decimal(move.pre_close),
            special_treatment=move.special_treatment,
            sessions_since_listing=since,
            symbol=move.symbol,
        )
    except UnknownRule:
        return None
