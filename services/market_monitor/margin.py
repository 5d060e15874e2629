"""How the financing balance (融资余额) moved over a week; what is old or broken is unknown, never unchanged."""

from collections.abc import Sequence
from datetime import date

from libs.ashare.calendar import CALENDAR
from libs.storage.market_read import Margin

MARGIN_SESSIONS = 6
"""Balances at both ends of a week of sessions and between them."""


def margin_change(margin: Sequence[Margin], session: date) -> float | None:
    """The change over the last week as a fraction; the balance of `session` itself may not be public yet."""
    if len(margin) < MARGIN_SESSIONS or margin[-1].session < CALENDAR.previous_session(session):
        return None
    first, last = margin[-MARGIN_SESSIONS], margin[-1]
    if len(CALENDAR.sessions_between(first.session, last.session)) != MARGIN_SESSIONS or first.financing_balance <= 0:
        return None
    return last.financing_balance / first.financing_balance - 1
