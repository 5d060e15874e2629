"""What is not public yet is not missing yet."""

from datetime import date, time

from libs.ashare.calendar import CALENDAR
from libs.domain.clock import at_shanghai
from libs.marketdata.completeness import Completeness, due_kinds
from libs.marketdata.source import Kind

FRIDAY, MONDAY = date(2024, 9, 6), date(2024, 9, 9)


def test_bars_are_due_after_the_close_and_limit_prices_before_the_open() -> None:
    morning = due_kinds(FRIDAY, at_shanghai(FRIDAY, time(9, 30)), CALENDAR)
    assert morning == {Kind.LIMIT_PRICES}
    assert Kind.BARS in due_kinds(FRIDAY, at_shanghai(FRIDAY, time(15, 30)), CALENDAR)


def test_flows_are_due_in_the_evening_when_they_are_out() -> None:
    assert not {Kind.NORTHBOUND, Kind.SECTOR_FLOWS} & due_kinds(FRIDAY, at_shanghai(FRIDAY, time(17, 59)), CALENDAR)
    assert {Kind.NORTHBOUND, Kind.SECTOR_FLOWS} <= due_kinds(FRIDAY, at_shanghai(FRIDAY, time(18)), CALENDAR)


def test_margin_is_due_on_the_morning_of_the_next_session_and_not_on_the_weekend() -> None:
    assert Kind.MARGIN not in due_kinds(FRIDAY, at_shanghai(date(2024, 9, 8), time(12)), CALENDAR)
    assert Kind.MARGIN in due_kinds(FRIDAY, at_shanghai(MONDAY, time(9, 5)), CALENDAR)


def test_the_last_session_of_the_calendar_has_no_next_one_to_wait_for() -> None:
    last = CALENDAR.sessions[-1]
    assert Kind.MARGIN not in due_kinds(last, at_shanghai(last, time(23)), CALENDAR)


def test_a_kind_of_which_nothing_is_expected_is_complete() -> None:
    assert Completeness(FRIDAY, Kind.BARS, 0, 0, 0).ratio == 1.0
    half = Completeness(FRIDAY, Kind.BARS, 4, 2, 1)
    assert (half.ratio, half.missing) == (0.5, 2)
