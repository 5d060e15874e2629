"""Which session is the last one whose bars are final, and at which hours figures become public."""

from datetime import date, datetime, time

from libs.ashare.calendar import CALENDAR
from libs.domain.clock import SHANGHAI

AFTER_CLOSE = time(15, 30)
"""Bars, valuations and indices of a session are public from here on."""
FLOWS_OUT = time(18, 0)
"""When northbound figures and flows of sectors are out, whichever vendor tells them."""
MARGIN_MORNING = time(9, 0)
"""Margin balances are public from here on, in the session after their own."""


def last_completed_session(now: datetime) -> date:
    """The newest session whose bars were public at `now`; raises `UnknownRule` beyond the calendar's horizon."""
    local = now.astimezone(SHANGHAI)
    today = local.date()
    if CALENDAR.is_session(today) and local.time() >= AFTER_CLOSE:
        return today
    return CALENDAR.previous_session(today)
