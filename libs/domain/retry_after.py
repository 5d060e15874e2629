"""How long somebody else's server asks us to wait: the header Retry-After (RFC 9110 §10.2.3)."""

from datetime import datetime
from email.utils import parsedate_to_datetime

_MOST_DIGITS = 9
"""Thirty years; whoever says more says nothing usable."""


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Seconds from `now`, whether the header names seconds or a date; None where it says nothing usable.

    A date that is over is 0.
    """
    said = (value or "").strip()
    if said.isascii() and said.isdecimal():
        return float(said) if len(said) <= _MOST_DIGITS else None
    try:
        at = parsedate_to_datetime(said)
    except (ValueError, TypeError, OverflowError):
        return None
    return None if at.tzinfo is None else max(0.0, (at - now).total_seconds())
