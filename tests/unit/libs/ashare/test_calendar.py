"""Sessions and closures, and the refusal to answer beyond the horizon."""

from datetime import date

import pytest

from libs.ashare import calendar
from libs.ashare.errors import UnknownRule
from libs.domain.errors import InvalidInput


def test_weekends_and_closures_are_no_sessions() -> None:
    assert calendar.is_session(date(2024, 9, 2))
    assert not calendar.is_session(date(2024, 9, 14))  # a Saturday, a working day elsewhere
    assert not calendar.is_session(date(2020, 1, 31))  # the Spring Festival extended in 2020
    assert calendar.is_session(date(2020, 2, 3))


def test_sessions_are_found_across_holidays() -> None:
    assert calendar.next_session(date(2024, 9, 30)) == date(2024, 10, 8)
    assert calendar.previous_session(date(2024, 10, 8)) == date(2024, 9, 30)
    assert calendar.next_session(date(2024, 10, 3)) == date(2024, 10, 8)
    assert calendar.sessions_between(date(2024, 9, 27), date(2024, 10, 8)) == (
        date(2024, 9, 27),
        date(2024, 9, 30),
        date(2024, 10, 8),
    )
    assert calendar.sessions_between(date(2024, 10, 1), date(2024, 10, 7)) == ()


def test_2026_has_242_sessions() -> None:
    assert len(calendar.sessions_between(date(2026, 1, 1), date(2026, 12, 31))) == 242


@pytest.mark.parametrize("day", [date(1990, 12, 18), date(2027, 1, 1)])
def test_a_day_beyond_the_horizon_is_an_error(day: date) -> None:
    for ask in (calendar.is_session, calendar.next_session, calendar.previous_session):
        with pytest.raises(UnknownRule, match=day.isoformat()):
            ask(day)


def test_the_neighbours_beyond_the_horizon_are_errors_too() -> None:
    with pytest.raises(UnknownRule, match="the session after 2026-12-31"):
        calendar.next_session(date(2026, 12, 31))
    with pytest.raises(UnknownRule, match="the session before 1990-12-19"):
        calendar.previous_session(date(1990, 12, 19))


def test_the_listing_day_is_session_one() -> None:
    listed = date(2024, 9, 27)
    assert calendar.sessions_since_listing(listed, listed) == 1
    assert calendar.sessions_since_listing(listed, date(2024, 9, 30)) == 2
    assert calendar.sessions_since_listing(listed, date(2024, 10, 8)) == 3
    assert calendar.CALENDAR.listing_session(date(2024, 10, 8), 3) == listed


def test_a_listing_is_counted_across_years_and_back_to_the_first_session() -> None:
    assert calendar.sessions_since_listing(date(2019, 12, 26), date(2020, 1, 2)) == 5
    assert calendar.sessions_since_listing(date(1990, 12, 19), date(1990, 12, 19)) == 1
    assert calendar.sessions_since_listing(date(1990, 12, 1), date(2020, 1, 2)) is None


def test_the_calendar_begins_with_the_first_session_of_shanghai() -> None:
    assert calendar.CALENDAR.sessions[0] == date(1990, 12, 19)
    assert not calendar.is_session(date(1997, 7, 1))
    assert not calendar.is_session(date(2015, 9, 3))
    assert len(calendar.sessions_between(date(2016, 1, 1), date(2016, 12, 31))) == 244


def test_a_share_not_yet_listed_has_no_age() -> None:
    with pytest.raises(InvalidInput, match="session"):
        calendar.sessions_since_listing(date(2024, 9, 27), date(2024, 9, 26))


def test_the_listing_day_cannot_be_guessed_before_the_calendar() -> None:
    with pytest.raises(UnknownRule):
        calendar.CALENDAR.listing_session(date(1991, 1, 2), 60)
    with pytest.raises(UnknownRule):
        calendar.CALENDAR.listing_session(date(2020, 1, 2), 0)


def test_the_horizon_is_told_in_days_and_warns_in_time() -> None:
    assert calendar.CALENDAR.horizon_days(date(2026, 12, 1)) == 30
    assert not calendar.CALENDAR.horizon_is_near(date(2026, 12, 1))
    assert calendar.CALENDAR.horizon_is_near(date(2026, 12, 2))
    assert calendar.CALENDAR.horizon_days(date(2027, 1, 2)) == -2


def test_a_vendor_may_add_later_sessions_but_change_none() -> None:
    mine = calendar.load()
    known = [date(2026, 12, 30), date(2026, 12, 31)]
    mine.learn([*known, date(2027, 1, 4), date(2027, 1, 5)], date(2027, 1, 5), source="trade_cal")
    assert mine.last == date(2027, 1, 5)
    assert mine.next_session(date(2026, 12, 31)) == date(2027, 1, 4)
    with pytest.raises(InvalidInput, match="contradicts the calendar on 2026-12-31"):
        mine.learn([known[0], date(2027, 1, 4)], date(2027, 1, 6), source="trade_cal")
    with pytest.raises(InvalidInput, match="contradicts the calendar on 2026-10-01"):
        mine.learn((date(2026, 10, 1), *mine.sessions_between(date(2026, 9, 30), mine.last)), mine.last, source="x")
    with pytest.raises(InvalidInput, match="weekend"):
        mine.learn([date(2027, 1, 9)], date(2027, 1, 12), source="trade_cal")
    assert mine.last == date(2027, 1, 5)


def test_what_a_vendor_repeats_is_learnt_without_effect() -> None:
    mine = calendar.load()
    mine.learn(mine.sessions_between(date(2026, 1, 1), date(2026, 6, 30)), date(2026, 6, 30), source="trade_cal")
    assert mine.sessions == calendar.CALENDAR.sessions
