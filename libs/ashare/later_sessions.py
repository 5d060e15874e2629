"""Sessions beyond the horizon out of a vendor's calendar, believed only where they can be the exchanges' own.

A stored calendar may end anywhere and have holes where nothing was fetched, and before the exchanges have published a
year some vendors take every weekday for a session. What looks like either is left alone; the horizon stays.
"""

from collections.abc import Iterable
from datetime import date, timedelta

from libs.ashare.calendar import Calendar
from libs.domain.errors import InvalidInput

LONGEST_BREAK_DAYS = 14
"""From one session to the next; since 2003 it was 13 at most (Spring Festival 2004, the calendar's own rows)."""
OVERLAP_DAYS = 31
"""What is stored of the last month known must be all of it: a vendor that leaves out days there may do so later."""
_ALWAYS_CLOSED = frozenset({(1, 1), (5, 1), (10, 1), (10, 2), (10, 3)})
"""New Year, Labour Day and National Day: no session since 1997 (the calendar's own rows)."""


def learn_stored(calendar: Calendar, stored: Iterable[date]) -> int:
    """Add the sessions that follow the horizon without a hole: how many.

    Raises `InvalidInput` where what is stored contradicts the calendar or cannot be the exchanges' calendar.
    """
    days = frozenset(stored)
    later = _following(calendar, days)
    if later:
        _require_agreement(calendar, days)
        calendar.learn(later, later[-1], source="the stored one")
    return len(later)


def _following(calendar: Calendar, stored: frozenset[date]) -> list[date]:
    later, before = [], calendar.sessions[-1]
    for day in sorted(day for day in stored if day > calendar.last):
        if (day - before).days > LONGEST_BREAK_DAYS:
            break
        if (day.month, day.day) in _ALWAYS_CLOSED:
            raise InvalidInput("calendar", f"the stored one has a session on {day}: it is no exchange's")
        later.append(day)
        before = day
    return later


def _require_agreement(calendar: Calendar, stored: frozenset[date]) -> None:
    """Days that were called off stay stored, and are no contradiction."""
    known = frozenset(calendar.sessions) | calendar.called_off
    strange = sorted(day for day in stored if calendar.first <= day <= calendar.last and day not in known)
    if strange:
        raise InvalidInput("calendar", f"the stored one has a session on {strange[0]}, which is known to be none")
    newest = calendar.last - timedelta(days=OVERLAP_DAYS)
    overlap = {day for day in stored if newest < day <= calendar.last}
    missing = sorted(day for day in calendar.sessions if day > newest and day not in stored) if overlap else []
    if missing:
        raise InvalidInput("calendar", f"the stored one lacks {missing[0]}, which is known to be a session")
