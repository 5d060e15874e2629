"""What a job knows of the desk before it asks a source, and the sessions it therefore asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from libs.ashare.calendar import CALENDAR
from libs.contracts.market import SyncRequest
from libs.domain.errors import InvalidInput
from libs.marketdata.sessions import last_completed_session
from libs.marketdata.source import Window

HISTORY_SESSIONS = 260
"""How much history vendors are asked for before the first session that is wanted: a year and a little, because a
valuation is judged by its own past from 250 sessions on."""
DEFAULT_SESSIONS = 20


@dataclass(frozen=True, slots=True)
class Known:
    """What the desk knows before it asks a source."""

    sessions: Sequence[date]
    stored: tuple[date, date] | None
    """First and last session stored of this source."""
    now: datetime


def asked_window(request: SyncRequest, known: Known) -> Window:
    """The sessions asked for alone, without the history before them."""
    whole = covering_window(request, known)
    if request.exact:
        return whole
    return Window(request.from_date or _first_of_the_last(whole.end), min(request.to_date or whole.end, whole.end))


def _first_of_the_last(end: date) -> date:
    return CALENDAR.sessions_between(CALENDAR.first, end)[-DEFAULT_SESSIONS:][0]


def covering_window(request: SyncRequest, known: Known) -> Window:
    """The sessions asked for with history before them, stretched so that the stored series has no gap.

    A request that is exact gets its sessions as they are, even one that has not closed yet: limit prices and
    suspensions are published before the open.
    """
    if request.exact and request.from_date and request.to_date:
        return Window(request.from_date, request.to_date)
    completed = last_completed_session(known.now)
    end = min(request.to_date or completed, completed)
    if request.from_date and request.from_date > end:
        raise InvalidInput("from_date", f"{request.from_date} lies after the last completed session {end}")
    before_end = CALENDAR.sessions_between(CALENDAR.first, end)
    if not before_end:
        raise InvalidInput("to_date", f"no session up to {end} is known")
    first = request.from_date or _first_of_the_last(end)
    history = [session for session in before_end if session < first][-HISTORY_SESSIONS:]
    start = history[0] if history else before_end[0]
    if known.stored:
        start, end = min(start, known.stored[1]), max(end, known.stored[0])
    return Window(start, end)
