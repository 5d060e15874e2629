"""Read the dates and times that Chinese pages write, as Shanghai wall time.

A text that carries a date alone is public for certain at the end of that day, and at midnight nobody publishes: a time
of exactly 00:00 is how systems write "no time known".
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from libs.domain.clock import SHANGHAI, at_shanghai, exchange_date
from libs.newswire.errors import NewswireError

END_OF_DAY = time(23, 59)
_FIRST_YEAR, _LAST_YEAR = 1990, 2100
_WRITTEN = re.compile(
    r"(?<!\d)(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})(?!\d)\s*日?"
    r"(?:[\sT-]*(\d{1,2})[:：时](\d{1,2})(?:[:：分](\d{1,2}))?)?"
)


class FutureDated(NewswireError):
    """A text that says it was published after now: a wrong clock, or a page that lies."""

    code = "newswire.future_dated"


@dataclass(frozen=True, slots=True)
class When:
    """When a page says it was published; `moment` is None where it names the day alone."""

    day: date
    moment: time | None = None


def read_when(text: str) -> When | None:
    """The first date in `text`, with the time right behind it where there is one; None where there is no date."""
    found = _WRITTEN.search(text)
    if found is None:
        return None
    year, month, day = (int(part) for part in found.groups()[:3])
    hour, minute, second = (int(part) if part else 0 for part in found.groups()[3:])
    try:
        written = date(year, month, day)
        moment = time(hour, minute, second)
    except ValueError:
        return None
    if not _FIRST_YEAR <= year < _LAST_YEAR:
        return None
    return When(written, moment if moment != time(0, 0) else None)


def from_epoch(seconds: float) -> When | None:
    """The Shanghai date and time of an instant in seconds since 1970; None where no text can be that old or new."""
    if not 0 <= seconds < 4_102_444_800:
        return None
    instant = datetime.fromtimestamp(int(seconds), SHANGHAI)
    if instant.year < _FIRST_YEAR:
        return None
    moment = instant.time()
    return When(instant.date(), moment if moment != time(0, 0) else None)


def published_at(when: When, now: datetime) -> datetime:
    """The instant a text counts as published, never after `now`; raises `FutureDated` where the page claims that.

    A text of today without a time was public when it was seen, that is now.
    """
    today = exchange_date(now)
    if when.moment is not None:
        instant = at_shanghai(when.day, when.moment)
        if instant > now:
            raise FutureDated(f"published at {instant:%Y-%m-%d %H:%M}, which is yet to come")
        return instant
    if when.day > today:
        raise FutureDated(f"published on {when.day}, which is yet to come")
    return min(at_shanghai(when.day, END_OF_DAY), now.astimezone(SHANGHAI))


def days_back(now: datetime, since: datetime, most: int) -> list[date]:
    """The Shanghai dates from `since` to `now`, oldest first, the newest `most` of them."""
    last, first = exchange_date(now), exchange_date(since)
    count = min(most, max(0, (last - first).days) + 1)
    return [last - timedelta(days=back) for back in reversed(range(count))]
