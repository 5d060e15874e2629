"""Which series are alive, which have ended or changed their meaning, and how fresh what is stored of them is.

A series that its publisher has ended is an error to read beyond its last day, never a zero. Freshness is a pure
function of the newest stored day and an instant, so that a replay sees the same as the day itself did.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

import msgspec

from libs.ashare.calendar import CALENDAR, Calendar
from libs.domain.clock import at_shanghai, exchange_date
from libs.domain.errors import HiddenGemError

_FILE = Path(__file__).with_name("series.toml")
_FRIDAY = 4


class SeriesUnavailable(HiddenGemError):
    """A series has no value for the day asked about: its publisher has ended it, or changed what it means."""

    code = "marketdata.series_unavailable"


class UnknownSeries(HiddenGemError):
    """Nobody has registered a series of this name; what is cited must stand in the registry."""

    code = "marketdata.unknown_series"


class Status(StrEnum):
    """What has become of a series."""

    ALIVE = "alive"
    DISCONTINUED = "discontinued"
    REDEFINED = "redefined"


class Cadence(StrEnum):
    """How often a value is due."""

    SESSION = "session"
    DAY = "day"
    WEEK = "week"
    """As of Fridays."""
    QUARTER = "quarter"
    EVENT = "event"
    """Whenever something happens: age says nothing about staleness."""


class Series(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One series; the fields are explained at the top of `series.toml`."""

    name: str
    title: str
    status: Status
    cadence: Cadence
    public_at: time
    unit: str
    source: str
    evidence: tuple[str, ...]
    table: str | None = None
    column: str | None = None
    select: str | None = None
    """Of `documents`, the kind that belongs to this series."""
    day: str | None = None
    """The column that holds the day of a row."""
    observe: bool = True
    """Whether ingestion shows its age; a table of ticks is too large to be asked for its newest row all day long."""
    lag_sessions: int = 0
    allowed_sessions: int = 0
    begins: date | None = None
    until: date | None = None
    gone: str = ""
    """Why nobody gives it any more, not even its past."""
    redefined_on: date | None = None
    was: str = ""
    window_sessions: int | None = None
    """How far back its publisher keeps it."""
    substitutes: tuple[str, ...] = ()
    trap: str = ""

    def __post_init__(self) -> None:
        if (self.status is Status.DISCONTINUED) != ((self.until is not None) or bool(self.gone)):
            raise ValueError(f"{self.name}: `until` or `gone` belongs to discontinued series, and only to them")
        if (self.status is Status.REDEFINED) != (self.redefined_on is not None and bool(self.was)):
            raise ValueError(f"{self.name}: `redefined_on` and `was` belong to redefined series, and only to them")
        if self.table and not self.day:
            raise ValueError(f"{self.name}: which column of {self.table} is the day?")


@dataclass(frozen=True, slots=True)
class Freshness:
    """How far the newest value of a series lies behind the newest one that was due."""

    series: str
    newest: date | None
    """None: there is no value at all."""
    age_sessions: int | None
    """Sessions between the newest value and the one that was due; None without a value."""
    stale: bool


def read_registry(path: Path = _FILE) -> Mapping[str, Series]:
    """The series of a file by name; raises `ValueError` where it contradicts itself."""
    rows = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8"))["series"], list[Series])
    registry = {row.name: row for row in rows}
    if len(registry) != len(rows):
        raise ValueError("two series have the same name")
    for row in rows:
        if missing := [name for name in row.substitutes if name not in registry]:
            raise ValueError(f"{row.name}: no series {missing[0]} to take instead")
    return MappingProxyType(registry)


REGISTRY = read_registry()


def series_named(name: str) -> Series:
    """The series with this name; raises `UnknownSeries`."""
    try:
        return REGISTRY[name]
    except KeyError:
        raise UnknownSeries(f"no series {name} in the registry") from None


def series_of_evidence(kind: str, field: str) -> Series:
    """The series a cited datum belongs to; raises `UnknownSeries`."""
    found = _BY_EVIDENCE.get(f"{kind}:{field}") or _BY_EVIDENCE.get(kind)
    if found is None:
        raise UnknownSeries(f"evidence {kind}:{field} belongs to no registered series")
    return found


def require_alive(name: str, day: date) -> Series:
    """The series, if it has values for `day`; raises `SeriesUnavailable` with the reason and what to use instead."""
    series = series_named(name)
    instead = f"; use {', '.join(series.substitutes)}" if series.substitutes else ""
    if series.gone:
        raise SeriesUnavailable(f"{name} is gone: {series.gone}{instead}")
    if series.until is not None and day > series.until:
        raise SeriesUnavailable(f"{name} ended on {series.until} ({series.source}), asked about {day}{instead}")
    if series.begins is not None and day < series.begins:
        raise SeriesUnavailable(f"{name} begins on {series.begins}, asked about {day}")
    return series


def require_one_meaning(name: str, first: date, last: date) -> Series:
    """The series, if it means the same from `first` to `last`; raises `SeriesUnavailable`."""
    require_alive(name, first)
    series = require_alive(name, last)
    if series.redefined_on is not None and first < series.redefined_on <= last:
        raise SeriesUnavailable(f"{name} was redefined on {series.redefined_on}: before it was {series.was}")
    return series


def due(series: Series, now: datetime, calendar: Calendar = CALENDAR) -> date:
    """The newest day whose value was public at `now`; of a discontinued series at most its last day.

    Raises `UnknownRule` beyond the calendar.
    """
    day = _due_if_alive(series, now, calendar)
    return min(day, series.until) if series.until else day


def freshness(series: Series, newest: date | None, now: datetime, calendar: Calendar = CALENDAR) -> Freshness:
    """How old the newest value was at `now`. A series that has ended goes on ageing, and is stale whatever its age."""
    if newest is None:
        return Freshness(series.name, None, None, stale=series.cadence is not Cadence.EVENT)
    wanted = _due_if_alive(series, now, calendar)
    first = max(newest, calendar.first)
    age = len(calendar.sessions_between(first, wanted)) - calendar.is_session(first) if wanted > first else 0
    ended = bool(series.gone) or (series.until is not None and exchange_date(now) > series.until)
    too_old = age > series.allowed_sessions and series.cadence is not Cadence.EVENT
    return Freshness(series.name, newest, age, stale=ended or too_old)


def observed_series(registry: Mapping[str, Series] = REGISTRY) -> Sequence[Series]:
    """The series whose age can be read from their table, in the order of the registry."""
    return tuple(series for series in registry.values() if series.table and series.observe)


def _due_if_alive(series: Series, now: datetime, calendar: Calendar) -> date:
    today = exchange_date(now)
    public_today = now >= at_shanghai(today, series.public_at)
    if series.cadence is Cadence.SESSION:
        return _session_due(today, series.lag_sessions, calendar, public_today=public_today)
    day = today if public_today else today - timedelta(days=1)
    return day - timedelta(days=(day.weekday() - _FRIDAY) % 7) if series.cadence is Cadence.WEEK else day


def _session_due(today: date, lag: int, calendar: Calendar, *, public_today: bool) -> date:
    """The session whose value came out last; `lag` sessions pass between a session and its value."""
    on_time = calendar.is_session(today) and public_today
    published = today if on_time else calendar.previous_session(today)
    for _ in range(lag):
        published = calendar.previous_session(published)
    return published


def _by_evidence() -> Mapping[str, Series]:
    found: dict[str, Series] = {}
    for series in REGISTRY.values():
        for cited in series.evidence:
            if cited in found:
                raise ValueError(f"{cited} is evidence of {found[cited].name} and of {series.name}")
            found[cited] = series
    return MappingProxyType(found)


_BY_EVIDENCE = _by_evidence()
