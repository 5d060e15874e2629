"""The trading calendar as a process of the desk knows it: the data files, the operator's overlay, and what was stored.

Every process applies the overlay at its start; a file that is wrong stops it. What a vendor's calendar adds is learnt
at the start and looked for again while the process lives, so that a desk which runs over New Year needs no restart.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

from libs.ashare.calendar import CALENDAR, Calendar
from libs.ashare.later_sessions import learn_stored
from libs.ashare.overlay import apply, read_overlay
from libs.domain.clock import Clock, exchange_date
from libs.domain.errors import ConfigurationError, InvalidInput
from libs.runtime.settings import PREFIX
from libs.storage.calendar_read import sessions_since
from libs.storage.engine import Engine, StorageUnavailable, transaction

log = logging.getLogger(__name__)

OVERLAY = f"{PREFIX}CALENDAR_OVERLAY"
_LOOK_SECONDS = 3600.0
_AGAIN_SECONDS = 30.0
_A_YEAR = timedelta(days=366)


def overlay_of(environment: Mapping[str, str]) -> Path | None:
    """The file that the environment names, for the command line, which has no settings class."""
    named = environment.get(OVERLAY)
    return Path(named) if named else None


def apply_overlay(path: Path | None, *, asked_by: str = OVERLAY, calendar: Calendar = CALENDAR) -> None:
    """Add the operator's file to the calendar; raises `ConfigurationError` that names who asked for it."""
    if path is None:
        return
    try:
        apply(read_overlay(path), calendar)
    except ConfigurationError as e:
        raise ConfigurationError(f"{asked_by}: {e}") from e


def learn_calendar(engine: Engine, calendar: Calendar = CALENDAR) -> int:
    """Add the stored sessions beyond the horizon: how many. Raises `InvalidInput` where they cannot be believed."""
    with transaction(engine, read_only=True) as connection:
        stored = sessions_since(connection, calendar.last - _A_YEAR)
    return learn_stored(calendar, stored)


def prepare_calendar(overlay: Path | None, engine: Engine, clock: Clock) -> None:
    """For a process that does one thing and ends: the overlay, and what is stored by now."""
    apply_overlay(overlay)
    CalendarKeeper(engine, clock).look()


class CalendarKeeper:
    """Learns what is stored, and warns in time when nobody has brought in the next year."""

    def __init__(self, engine: Engine, clock: Clock, calendar: Calendar = CALENDAR) -> None:
        self._engine = engine
        self._clock = clock
        self._calendar = calendar
        self._warned_on: date | None = None
        self._refused = ""
        self._has_read = False

    def horizon_days(self) -> int:
        """Calendar days that are left; negative when the calendar is over."""
        return self._calendar.horizon_days(self._today())

    async def run(self) -> None:
        """Look for ever, after the first `look`."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS if self._has_read else _AGAIN_SECONDS)
            await asyncio.to_thread(self.look)

    def look(self) -> None:
        """Look once; where the database does not answer the horizon stays."""
        try:
            self._learn()
            self._has_read = True
        except StorageUnavailable as e:
            self._has_read = False
            log.warning("the stored calendar cannot be read", extra={"code": e.code, "reason": str(e)})
        self._warn()

    def _learn(self) -> None:
        try:
            learnt = learn_calendar(self._engine, self._calendar)
        except InvalidInput as e:
            if str(e) != self._refused:
                log.warning("the stored calendar is not believed", extra={"reason": e.message})
            self._refused = str(e)
            return
        if learnt:
            log.info("trading calendar extended", extra={"sessions": learnt, "until": str(self._calendar.last)})

    def _warn(self) -> None:
        """Once a day at most."""
        today = self._today()
        if self._calendar.horizon_is_near(today) and self._warned_on != today:
            self._warned_on = today
            left = {"until": str(self._calendar.last), "days": self.horizon_days(), "setting": OVERLAY}
            log.warning("the trading calendar ends soon", extra=left)

    def _today(self) -> date:
        return exchange_date(self._clock.utc_now())
