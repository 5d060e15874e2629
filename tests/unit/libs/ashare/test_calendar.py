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


@pytest.mark.parametrize("day", [date(2019, 12, 31), date(2027, 1, 1)])
def test_a_day_beyond_the_horizon_is_an_error(day: date) -> None:
    for ask in (calendar.is_session, calendar.next_session, calendar.previous_session):
        with pytest.raises(UnknownRule, match=day.isoformat()):
            ask(day)


def test_the_neighbours_beyond_the_horizon_are_errors_too() -> None:
    with pytest.raises(UnknownRule, match="the session after 2026-12-31"):
        calendar.next_session(date(2026, 12, 31))
    with pytest.raises(UnknownRule, match="the session before 2020-01-02"):
        calendar.previous_session(date(2020, 1, 2))


def test_the_listing_day_is_session_one() -> None:
    listed = date(2024, 9, 27)
    assert calendar.sessions_since_listing(listed, listed) == 1
    assert calendar.sessions_since_listing(listed, date(2024, 9, 30)) == 2
    assert calendar.sessions_since_listing(listed, date(2024, 10, 8)) == 3
    assert calendar.CALENDAR.listing_session(date(2024, 10, 8), 3) == listed


def test_a_listing_of_the_last_days_of_2019_is_still_counted() -> None:
    assert calendar.sessions_since_listing(date(2019, 12, 26), date(2020, 1, 2)) == 5
    assert calendar.sessions_since_listing(date(2019, 12, 20), date(2020, 1, 2)) is None


def test_a_share_not_yet_listed_has_no_age() -> None:
    with pytest.raises(InvalidInput, match="session"):
        calendar.sessions_since_listing(date(2024, 9, 27), date(2024, 9, 26))


def test_the_listing_day_cannot_be_guessed_before_the_calendar() -> None:
    with pytest.raises(UnknownRule):
        calendar.CALENDAR.listing_session(date(2020, 1, 2), 60)
    with pytest.raises(UnknownRule):
        calendar.CALENDAR.listing_session(date(2020, 1, 2), 0)
