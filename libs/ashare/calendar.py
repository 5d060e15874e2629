"""The trading calendar (交易日历) of the exchanges, from 1990-12-19; outside its horizon every answer is an error.

It starts with the closures of the data files. Before the desk trades, an operator's overlay file (`overlay.py`)
or a vendor's calendar may add later days to it; what is known already can be neither changed nor contradicted.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import date, timedelta

from libs.ashare.errors import UnknownRule
from libs.ashare.rows import ClosureFile, ClosureHistoryFile, ClosureRow, read
from libs.domain.errors import InvalidInput

_RULE = "trading calendar"
HORIZON_WARNING_DAYS = 30
"""With fewer calendar days left than this, an operator should bring in the next year."""


class Calendar:
    """Sessions between two dates: every weekday not a closure."""

    def __init__(self, first: date, last: date, closures: Iterable[date]) -> None:
        self.first = first
        self.called_off: frozenset[date] = frozenset()
        self._set(last, open_days(first, last, frozenset(closures)))

    def _set(self, last: date, sessions: tuple[date, ...]) -> None:
        # The horizon moves last: a thread that is asked meanwhile knows each day up to it.
        self._known, self.sessions = frozenset(sessions), sessions
        self.last = last

    def learn(self, sessions: Iterable[date], until: date, *, source: str) -> None:
        """Add the sessions after the horizon up to `until`, as an overlay file or a vendor (trade_cal) names them.

        Days already known may be among them if they say the same; if they contradict what is known, nothing is
        learnt and `InvalidInput` names the first such day.
        """
        given = frozenset(sessions)
        later = tuple(sorted(day for day in given if day > self.last))
        if not given or max(given) > until or any(day.weekday() > 4 for day in later):
            raise InvalidInput("calendar", f"{source} names no session, or one on a weekend or after {until}")
        known = {day for day in self._known if min(given) <= day <= until}
        wrong = sorted(known ^ {day for day in given if self.first <= day <= self.last})
        if wrong:
            raise InvalidInput("calendar", f"{source} contradicts the calendar on {wrong[0]}")
        if until > self.last:
            if not later:
                raise InvalidInput("calendar", f"{source} names no session between {self.last} and {until}")
            self._set(until, (*self.sessions, *later))

    def close(self, days: Iterable[date], after: date) -> None:
        """Take back sessions later than `after` that an exchange has called off at short notice."""
        off = frozenset(days)
        early = sorted(day for day in off if day <= after)
        if early:
            raise InvalidInput("calendar", f"{early[0]} is not after {after}: a past session cannot be called off")
        self.called_off |= off & self._known
        self._set(self.last, tuple(day for day in self.sessions if day not in off))

    def horizon_days(self, today: date) -> int:
        """Calendar days from `today` to the last day known; negative beyond it."""
        return (self.last - today).days

    def horizon_is_near(self, today: date) -> bool:
        """Whether it is time to bring in the next year's closures."""
        return self.horizon_days(today) < HORIZON_WARNING_DAYS

    def require(self, day: date) -> date:
        """`day` itself if the calendar knows it, else `UnknownRule`."""
        if not self.first <= day <= self.last:
            raise UnknownRule(_RULE, f"{day.isoformat()} (known: {self.first} to {self.last})")
        return day

    def is_session(self, day: date) -> bool:
        """Whether the exchanges trade on `day`."""
        return self.require(day) in self._known

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
        if list_date < self.first:
            return None
        return bisect_right(self.sessions, session) - bisect_left(self.sessions, list_date)

    def listing_session(self, session: date, sessions_since_listing: int) -> date:
        """The listing day of a share whose `sessions_since_listing`-th session is `session`."""
        at = bisect_right(self.sessions, self.require(session)) - sessions_since_listing
        if at < 0 or sessions_since_listing < 1:
            raise UnknownRule(
                _RULE, f"the listing day {sessions_since_listing} sessions back from {session.isoformat()}"
            )
        return self.sessions[at]


def closed_days(rows: Iterable[ClosureRow]) -> frozenset[date]:
    """Every day of some closures."""
    return frozenset(
        row.first + timedelta(days=offset) for row in rows for offset in range((row.last - row.first).days + 1)
    )


def open_days(first: date, last: date, closures: frozenset[date]) -> tuple[date, ...]:
    """The weekdays from `first` to `last` that are no closure."""
    days = (first + timedelta(days=offset) for offset in range((last - first).days + 1))
    return tuple(day for day in days if day.weekday() < 5 and day not in closures)


def load() -> Calendar:
    """The calendar of the data files."""
    past, present = read("closures_history.toml", ClosureHistoryFile), read("closures.toml", ClosureFile)
    return Calendar(past.known_from, present.known_until, closed_days((*past.closure, *present.closure)))


CALENDAR = load()
"""The desk's calendar."""

is_session = CALENDAR.is_session
next_session = CALENDAR.next_session
previous_session = CALENDAR.previous_session
sessions_between = CALENDAR.sessions_between
sessions_since_listing = CALENDAR.sessions_since_listing
