"""The trading calendar (交易日历) of Shanghai and Shenzhen; outside its horizon every answer is an error."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import date, timedelta

from libs.ashare.errors import UnknownRule
from libs.ashare.rows import ClosureFile, read
from libs.domain.errors import InvalidInput

_RULE = "trading calendar"


class Calendar:
    """Sessions between two dates: every weekday not a closure. `lead_in`: those just before `first`."""

    def __init__(self, first: date, last: date, closures: Iterable[date], lead_in: Iterable[date] = ()) -> None:
        closed = frozenset(closures)
        days = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
        self.first = first
        self.last = last
        self.lead_in = tuple(sorted(lead_in))
        self.sessions = tuple(day for day in days if day.weekday() < 5 and day not in closed)
        self._set = frozenset(self.sessions)
        self._counted = self.lead_in + self.sessions

    def require(self, day: date) -> date:
        """`day` itself if the calendar knows it, else `UnknownRule`."""
        if not self.first <= day <= self.last:
            raise UnknownRule(_RULE, f"{day.isoformat()} (known: {self.first} to {self.last})")
        return day

    def is_session(self, day: date) -> bool:
        """Whether the exchanges trade on `day`."""
        return self.require(day) in self._set

    def next_session(self, day: date) -> date:
        """The first session after `day`."""
        at = bisect_right(self.sessions, self.require(day))
        if at == len(self.sessions):
            raise UnknownRule(_RULE, f"the session after {day.isoformat()} (known until {self.last})")
        return self.sessions[at]

    def previous_session(self, day: date) -> date:
        """The last session before `day`."""
        at = bisect_left(self.sessions, self.require(day))
        if at == 0:
            raise UnknownRule(_RULE, f"the session before {day.isoformat()} (known from {self.first})")
        return self.sessions[at - 1]

    def sessions_between(self, first: date, last: date) -> tuple[date, ...]:
        """The sessions from `first` to `last`, both included; empty where `last` lies before `first`."""
        start = bisect_left(self.sessions, self.require(first))
        return self.sessions[start : bisect_right(self.sessions, self.require(last))]

    def sessions_since_listing(self, list_date: date, session: date) -> int | None:
        """Which session of its life `session` is for a share listed on `list_date`: 1 is the listing day.

        None says it was listed before the calendar can count, that is: long ago.
        """
        self.require(session)
        if list_date > session:
            raise InvalidInput("session", f"{session} lies before the listing on {list_date}")
        if list_date < self._counted[0]:
            return None
        return bisect_right(self._counted, session) - bisect_left(self._counted, list_date)

    def listing_session(self, session: date, sessions_since_listing: int) -> date:
        """The listing day of a share whose `sessions_since_listing`-th session is `session`."""
        at = bisect_right(self._counted, self.require(session)) - sessions_since_listing
        if at < 0 or sessions_since_listing < 1:
            raise UnknownRule(
                _RULE, f"the listing day {sessions_since_listing} sessions back from {session.isoformat()}"
            )
        return self._counted[at]


def load() -> Calendar:
    """The calendar of `closures.toml`."""
    file = read("closures.toml", ClosureFile)
    closures = {
        row.first + timedelta(days=offset) for row in file.closure for offset in range((row.last - row.first).days + 1)
    }
    return Calendar(file.known_from, file.known_until, closures, file.lead_in)


CALENDAR = load()
"""The desk's calendar."""

is_session = CALENDAR.is_session
next_session = CALENDAR.next_session
previous_session = CALENDAR.previous_session
sessions_between = CALENDAR.sessions_between
sessions_since_listing = CALENDAR.sessions_since_listing
