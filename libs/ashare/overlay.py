"""The operator's own calendar days: a TOML file with next year's closures, or a session called off at short notice.

The shape is that of `data/closures.toml`, with one `source` for all and the days an exchange has called off:

    source = "SSE and SZSE closure notice for 2027"
    known_until = 2027-12-31
    closure = [{ first = 2027-01-01, last = 2027-01-01, holiday = "New Year" }]
    published = 2026-12-22
    called_off = [2026-12-30]

The file may stay where it is when its days are over, or a newer desk knows them itself: it may say again what the
calendar knows, and never the contrary.
"""

from datetime import date, timedelta
from pathlib import Path

import msgspec

from libs.ashare.calendar import Calendar, closed_days, open_days
from libs.ashare.rows import ClosureRow
from libs.domain.errors import ConfigurationError, InvalidInput

ONE_DAY = timedelta(days=1)


class Overlay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator adds to the calendar."""

    source: str
    known_until: date
    closure: tuple[ClosureRow, ...]
    called_off: tuple[date, ...] = ()
    published: date | None = None
    """When the exchange gave notice; needed where sessions are called off, which is never done for the past."""


def read_overlay(path: Path) -> Overlay:
    """The overlay file; a file that cannot be read or is no overlay raises `ConfigurationError` naming it."""
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Overlay)
    except OSError as e:
        raise ConfigurationError(f"calendar overlay {path}: {e.strerror}") from e
    except msgspec.DecodeError as e:
        raise ConfigurationError(f"calendar overlay {path}: {e}") from e


def apply(overlay: Overlay, calendar: Calendar) -> None:
    """Add the overlay to the calendar. Raises `ConfigurationError` where it contradicts the calendar or itself."""
    closed = closed_days(overlay.closure)
    late = sorted(day for day in closed if day > overlay.known_until)
    if late:
        raise ConfigurationError(f"calendar overlay: the closure on {late[0]} lies after known_until")
    wrong = sorted(day for day in closed if calendar.first <= day <= calendar.last and calendar.is_session(day))
    if wrong:
        raise ConfigurationError(f"calendar overlay: {wrong[0]} is a session, known until {calendar.last}")
    if overlay.called_off and overlay.published is None:
        raise ConfigurationError("calendar overlay: called_off needs published, the day of the exchange's notice")
    try:
        if overlay.known_until > calendar.last:
            later = open_days(calendar.last + ONE_DAY, overlay.known_until, closed)
            calendar.learn(later, overlay.known_until, source="the overlay")
        if overlay.published is not None:
            calendar.close(overlay.called_off, after=overlay.published - ONE_DAY)
    except InvalidInput as e:
        raise ConfigurationError(f"calendar overlay: {e.message}") from e
