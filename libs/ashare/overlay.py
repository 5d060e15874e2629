"""The operator's own calendar days: a TOML file with next year's closures, or a session called off at short notice.

The shape is that of `data/closures.toml`, with one `source` for all and the days an exchange has called off:

    source = "SSE and SZSE closure notice for 2027"
    known_until = 2027-12-31
    called_off = []
    closure = [{ first = 2027-01-01, last = 2027-01-01, holiday = "New Year" }]
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


def read_overlay(path: Path) -> Overlay:
    """The overlay file; a file that cannot be read or is no overlay raises `ConfigurationError` naming it."""
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Overlay)
    except OSError as e:
        raise ConfigurationError(f"calendar overlay {path}: {e.strerror}") from e
    except msgspec.DecodeError as e:
        raise ConfigurationError(f"calendar overlay {path}: {e}") from e


def apply(overlay: Overlay, calendar: Calendar, *, today: date) -> None:
    """Add the overlay to the calendar; called-off days must lie after `today`, closures beyond the horizon.

    Raises `ConfigurationError` where the overlay contradicts the calendar or adds nothing to it.
    """
    if overlay.known_until < calendar.last:
        raise ConfigurationError(f"calendar overlay: known_until lies before the horizon, {calendar.last}")
    closed = closed_days(overlay.closure)
    early = sorted(day for day in closed if day <= calendar.last)
    if early:
        raise ConfigurationError(
            f"calendar overlay: the closure on {early[0]} lies before the horizon, {calendar.last}"
        )
    try:
        later = open_days(calendar.last + ONE_DAY, overlay.known_until, closed)
        calendar.learn(later, overlay.known_until, source="the overlay")
        calendar.close(overlay.called_off, after=today)
    except InvalidInput as e:
        raise ConfigurationError(f"calendar overlay: {e.message}") from e
