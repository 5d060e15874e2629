"""How often a vendor may be called: one bucket of tokens per key, shared by every process of the desk.

A bucket is one instant: when its next free slot lies (the generic cell rate algorithm). Taking a token moves it on and
says how long to wait for that slot; so a process that is killed while it waits loses its slot and holds up nobody.
"""

from datetime import datetime, timedelta
from typing import Protocol

from libs.domain.errors import InvalidInput


class Quota(Protocol):
    """Buckets of tokens by key, such as `host:push2his.eastmoney.com`."""

    def take(
        self, key: str, *, rate_per_minute: float, burst: float, now: datetime, patience_seconds: float
    ) -> float | None:
        """Seconds to wait before the call; None: longer than the patience, and nothing was taken.

        `rate_per_minute` tokens come back a minute and at most `burst` are kept; raises `InvalidInput` naming the one
        that makes no sense.
        """
        ...

    def defer(self, key: str, until: datetime) -> None:
        """Nothing of this bucket is free before `until`: the vendor said so (429 with Retry-After)."""
        ...


def interval_of(rate_per_minute: float, burst: float) -> timedelta:
    """The time between two tokens; raises `InvalidInput` where rate or burst makes no sense."""
    if not rate_per_minute > 0:
        raise InvalidInput("rate_per_minute", f"{rate_per_minute} is not positive")
    if not burst >= 1:
        raise InvalidInput("burst", f"{burst} is less than one call")
    return timedelta(minutes=1 / rate_per_minute)


def slot(free_at: datetime | None, now: datetime, interval: timedelta, burst: float) -> datetime:
    """When the next token may be used; an idle bucket has saved up `burst` of them and no more."""
    earliest = now - (burst - 1) * interval
    return max(free_at, earliest) if free_at else earliest


class MemoryQuota:
    """Buckets of this process alone; the twin of the stored ones."""

    def __init__(self) -> None:
        self._free_at: dict[str, datetime] = {}

    def take(
        self, key: str, *, rate_per_minute: float, burst: float, now: datetime, patience_seconds: float
    ) -> float | None:
        interval = interval_of(rate_per_minute, burst)
        at = slot(self._free_at.get(key), now, interval, burst)
        wait = max(0.0, (at - now).total_seconds())
        if wait > patience_seconds:
            return None
        self._free_at[key] = at + interval
        return wait

    def defer(self, key: str, until: datetime) -> None:
        self._free_at[key] = max(self._free_at.get(key, until), until)
