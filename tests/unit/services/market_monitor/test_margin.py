"""The change of the financing balance counts only while it is fresh and of one unbroken week."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from libs.ashare.calendar import CALENDAR
from libs.storage.market_read import Margin
from services.market_monitor.margin import MARGIN_SESSIONS, margin_change

TODAY = date(2024, 9, 30)
WEEK = [day for day in CALENDAR.sessions if day < TODAY][-MARGIN_SESSIONS:]


def _margin(sessions: list[date]) -> tuple[Margin, ...]:
    public = datetime(2024, 9, 30, 9, tzinfo=ZoneInfo("Asia/Shanghai"))
    return tuple(Margin(day, 100.0 + at, "made", False, public) for at, day in enumerate(sessions))


def test_a_week_up_to_yesterday_is_a_change() -> None:
    change = margin_change(_margin(WEEK), TODAY)
    assert change is not None
    assert round(change, 6) == 0.05


def test_balances_that_ended_before_yesterday_are_stale() -> None:
    older = [day for day in CALENDAR.sessions if day < WEEK[-1]][-MARGIN_SESSIONS:]
    assert margin_change(_margin(older), TODAY) is None


def test_a_gap_makes_it_longer_than_a_week() -> None:
    before = CALENDAR.previous_session(WEEK[0])
    assert margin_change(_margin([before, *WEEK[:2], *WEEK[3:]]), TODAY) is None


def test_too_few_balances_are_none() -> None:
    assert margin_change(_margin(WEEK[1:]), TODAY) is None
