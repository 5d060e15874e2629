"""How complete one session is: what should be stored of each kind, what is, and what of it lies in quarantine.

A kind that the desk has never collected is not expected, and no line of the report; a kind that is not public yet at
the moment of asking is not missing yet. Standard library only.
"""

from dataclasses import dataclass
from datetime import date, datetime, time

from libs.ashare.calendar import Calendar
from libs.ashare.errors import UnknownRule
from libs.domain.clock import at_shanghai
from libs.marketdata.sessions import AFTER_CLOSE, FLOWS_OUT
from libs.marketdata.source import Kind

_BEFORE_OPEN = time(9, 0)
_NEWS_OUT = time(21, 30)
DAILY = {
    Kind.LIMIT_PRICES: _BEFORE_OPEN,
    Kind.BARS: AFTER_CLOSE,
    Kind.INDEX_BARS: AFTER_CLOSE,
    Kind.VALUATIONS: AFTER_CLOSE,
    Kind.SECTOR_FLOWS: FLOWS_OUT,
    Kind.NORTHBOUND: FLOWS_OUT,
    Kind.DOCUMENTS: _NEWS_OUT,
}
"""Kinds that every session has rows of, and by when they are out on that day. Margin is out on the next morning."""
_MARGIN_EXPECTED = time(9, 5)


@dataclass(frozen=True, slots=True)
class Completeness:
    """One kind of one session."""

    session: date
    kind: Kind
    expected: int
    """Shares, indices, sectors, outlets or the one row of the market that should be there."""
    present: int
    quarantined: int
    """Rows of this session that wait for a decision."""
    examples: tuple[str, ...] = ()
    """The first of what is missing, by name."""

    @property
    def missing(self) -> int:
        """What should be there and is not."""
        return self.expected - self.present

    @property
    def ratio(self) -> float:
        """What is there of what should be, 0 … 1; 1 where nothing is expected."""
        return self.present / self.expected if self.expected else 1.0


def due_kinds(session: date, now: datetime, calendar: Calendar) -> frozenset[Kind]:
    """The kinds that are public for `session` at the aware instant `now`."""
    due = {kind for kind, moment in DAILY.items() if now >= at_shanghai(session, moment)}
    try:
        following = calendar.next_session(session)
    except UnknownRule:
        return frozenset(due)
    if now >= at_shanghai(following, _MARGIN_EXPECTED):
        due.add(Kind.MARGIN)
    return frozenset(due)
