"""When what is fetched, by the exchange's calendar: pure rules, no clock and no database.

Instants are exchange time (Asia/Shanghai). An entry says on which days it is due, at what time, which kinds it fetches,
and which sessions they cover. What was missed while nobody ran is due at once, put together in one request.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from libs.ashare.calendar import Calendar
from libs.domain.clock import at_shanghai, exchange_date
from libs.marketdata.source import Kind, Window

Days = Callable[[date, Calendar], bool]
Covers = Callable[[date, Calendar], Window]

LOOK_BACK = timedelta(days=30)
"""What was due longer ago is not caught up: whoever was away for so long asks for it by hand."""
FIRST_LOOK_BACK = timedelta(days=1)
"""The same for an entry that never ran: a new desk starts with what it imports."""
_SATURDAY = 5
_REPORT_MONTHS = frozenset({1, 2, 3, 4, 7, 8, 10})
_AFTER_DEADLINES = frozenset({(5, 1), (9, 1), (11, 1)})
"""Annual and first-quarter reports are due by 30 April, half-year ones by 31 August, third quarters by 31 October."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the schedule."""

    name: str
    at: time
    kinds: tuple[Kind, ...]
    days: Days
    covers: Covers
    canaries: bool = False
    """Ask the canaries instead of fetching anything."""


@dataclass(frozen=True, slots=True)
class Due:
    """An entry at an instant, and the days it is about."""

    entry: str
    at: datetime
    window: Window


def due(entry: Entry, after: datetime, until: datetime, calendar: Calendar) -> list[Due]:
    """The instants of an entry in (`after`, `until`], oldest first; raises `UnknownRule` beyond the calendar."""
    found = []
    day = exchange_date(after)
    while day <= exchange_date(until):
        instant = at_shanghai(day, entry.at)
        if after < instant <= until and entry.days(day, calendar):
            found.append(Due(entry.name, instant, entry.covers(day, calendar)))
        day += timedelta(days=1)
    return found


def spanned(found: Sequence[Due]) -> Window:
    """One window over several instants."""
    return Window(min(item.window.start for item in found), max(item.window.end for item in found))


def _on_sessions(day: date, calendar: Calendar) -> bool:
    return calendar.is_session(day)


def _every_day(_day: date, _calendar: Calendar) -> bool:
    return True


def _saturdays(day: date, _calendar: Calendar) -> bool:
    return day.weekday() == _SATURDAY


def _reports(day: date, _calendar: Calendar) -> bool:
    """Weekly while reports come out, and once after each deadline."""
    return (day.weekday() == _SATURDAY and day.month in _REPORT_MONTHS) or (day.month, day.day) in _AFTER_DEADLINES


def _before_the_calendar_ends(day: date, calendar: Calendar) -> bool:
    """The exchanges publish next year's calendar in December; until it is in, and after the last known day as well."""
    return calendar.horizon_is_near(day)


def _itself(day: date, _calendar: Calendar) -> Window:
    return Window(day, day)


def _session_before(day: date, calendar: Calendar) -> Window:
    before = calendar.previous_session(day)
    return Window(before, before)


def _two_days(day: date, _calendar: Calendar) -> Window:
    """With the day before, for what was published after the last look."""
    return Window(day - timedelta(days=1), day)


def _two_weeks(day: date, _calendar: Calendar) -> Window:
    return Window(day - timedelta(days=13), day)


def _half_year(day: date, _calendar: Calendar) -> Window:
    return Window(day - timedelta(days=183), day)


def _year_and_next(day: date, _calendar: Calendar) -> Window:
    return Window(date(day.year, 1, 1), date(day.year + 1, 12, 31))


_CLOSE = (Kind.BARS, Kind.INDEX_BARS, Kind.VALUATIONS, Kind.SUSPENSIONS)
_EVENING = (*_CLOSE, Kind.INSTRUMENTS, Kind.CORPORATE_ACTIONS, Kind.NORTHBOUND, Kind.SECTOR_FLOWS)

SCHEDULE = (
    Entry("before the open", time(8, 45), (Kind.LIMIT_PRICES, Kind.SUSPENSIONS), _on_sessions, _itself),
    Entry("margin", time(9, 5), (Kind.MARGIN,), _on_sessions, _session_before),
    Entry("close", time(15, 35), _CLOSE, _on_sessions, _itself),
    # Vendors are often not done at 15:35; what the first look did not find, the second does.
    Entry("evening", time(18, 0), _EVENING, _on_sessions, _itself),
    Entry("documents", time(19, 45), (Kind.DOCUMENTS,), _every_day, _two_days),
    Entry("canaries", time(20, 30), (), _on_sessions, _itself, canaries=True),
    Entry("late documents", time(22, 0), (Kind.DOCUMENTS,), _every_day, _two_days),
    Entry("pledges", time(10, 0), (Kind.PLEDGES, Kind.UNLOCKS, Kind.INSTRUMENT_HISTORY), _saturdays, _two_weeks),
    Entry("statements", time(11, 0), (Kind.STATEMENTS, Kind.GOODWILL), _reports, _half_year),
    Entry("calendar", time(6, 0), (Kind.CALENDAR,), _before_the_calendar_ends, _year_and_next),
)
