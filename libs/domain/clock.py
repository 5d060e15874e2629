"""Where time comes from. Nothing else in the desk reads the system's clock.

*Machine time* (leases, deadlines, heartbeats) is `Clock.utc_now()` and `Clock.monotonic()`. *Desk time* (as-of, trading
day, session checks) travels with every message and is never taken from here except by the orchestrator in live mode.
"""

import time as _time
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


class Clock(Protocol):
    """Machine time."""

    def utc_now(self) -> datetime:
        """The aware wall time in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only ever grow; for durations."""
        ...


class SystemClock:
    """The clock of this machine."""

    def utc_now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return _time.monotonic()


class ManualClock:
    """A clock that moves only when told to; for tests."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)
        self._elapsed = 0.0

    def utc_now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds`."""
        self._now += timedelta(seconds=seconds)
        self._elapsed += seconds


def at_shanghai(day: date, moment: time) -> datetime:
    """The aware instant of a wall time on an exchange date."""
    return datetime.combine(day, moment, tzinfo=SHANGHAI)


def exchange_date(instant: datetime) -> date:
    """The date in Shanghai of an aware instant."""
    if instant.tzinfo is None:
        raise ValueError("a naive datetime has no exchange date")
    return instant.astimezone(SHANGHAI).date()
