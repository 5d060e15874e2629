"""Answers of vendors, kept so that nothing is asked twice; durable, keyed by endpoint, parameters and trade date.

What a vendor says about a session that is over and settled does not change and is kept for good. What it says before
is kept for minutes only, so that a job that was killed goes on where it was and the next look is a new one: vendors
fill in for hours after the close. Lists hold a few hours. An empty answer is never kept: it may have come too early.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Protocol

from libs.ashare.calendar import CALENDAR
from libs.ashare.errors import UnknownRule
from libs.domain.clock import at_shanghai, exchange_date
from libs.marketdata.gate import VendorCall
from libs.marketdata.sessions import AFTER_CLOSE

SETTLED = time(9, 30)
"""By this time of the next session everything about a session is out, margin balances (T+1 09:00) included."""
A_LIST = timedelta(hours=6)
"""Less than a day, so that a list that is asked for every evening is a new one every evening."""
NOT_SETTLED = timedelta(minutes=20)
FOR_GOOD = None
LARGEST_ANSWER = 64 * 2**20
"""Bytes; a larger answer is not kept."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One answer in the cache."""

    payload: bytes
    """The vendor's table as Arrow IPC."""
    stored_at: datetime
    expires_at: datetime | None
    """None: for good."""


class VendorCache(Protocol):
    """Answers by key (`cache_key`)."""

    def get(self, key: str, now: datetime) -> Kept | None:
        """The answer, unless it has expired."""
        ...

    def put(self, key: str, call: VendorCall, kept: Kept) -> None:
        """Keep an answer in place of an older one."""
        ...

    def forget(self, keys: list[str]) -> None:
        """Drop answers that turned out to be unfit to be used."""
        ...


def cache_key(call: VendorCall) -> str:
    """SHA-256 (hex) over vendor, endpoint, parameters and trade date: the same question, the same key."""
    asked = {
        "vendor": call.vendor,
        "endpoint": call.endpoint,
        "params": dict(call.params),
        "trade_date": call.trade_date.isoformat() if call.trade_date else None,
    }
    canonical = json.dumps(asked, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def expires_at(trade_date: date | None, now: datetime) -> datetime | None:
    """When an answer that came in at `now` is no longer believed; None: never."""
    if trade_date is None or trade_date > exchange_date(now):
        return now + A_LIST
    settles = _settles_at(trade_date)
    if settles is None:
        return now + NOT_SETTLED
    if now >= settles:
        return FOR_GOOD
    turns = (at_shanghai(trade_date, AFTER_CLOSE), settles)
    return min(now + NOT_SETTLED, *(turn for turn in turns if turn > now))


def _settles_at(trade_date: date) -> datetime | None:
    """The morning of the first session after a date; None beyond what the calendar knows."""
    if trade_date < CALENDAR.first:
        return at_shanghai(CALENDAR.first, SETTLED)
    try:
        return at_shanghai(CALENDAR.next_session(trade_date), SETTLED)
    except UnknownRule:
        return None


class MemoryCache:
    """A cache of this process alone; the twin of the stored one."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}

    def get(self, key: str, now: datetime) -> Kept | None:
        kept = self._kept.get(key)
        return kept if kept and (kept.expires_at is None or now < kept.expires_at) else None

    def put(self, key: str, call: VendorCall, kept: Kept) -> None:
        del call
        self._kept[key] = kept

    def forget(self, keys: list[str]) -> None:
        for key in keys:
            self._kept.pop(key, None)
