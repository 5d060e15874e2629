"""When what is due, by the exchange's calendar."""

from datetime import date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.ashare.calendar import CALENDAR, Calendar
from libs.ashare.errors import UnknownRule
from libs.domain.clock import at_shanghai
from libs.marketdata.source import Kind, Window
from services.ingestion.schedule import SCHEDULE, due, spanned

ENTRIES = {entry.name: entry for entry in SCHEDULE}
FRIDAY, MONDAY = date(2024, 9, 6), date(2024, 9, 9)
instants = st.builds(at_shanghai, st.dates(date(2024, 1, 2), date(2025, 6, 30)), st.times())


def days(name: str, after: datetime, until: datetime) -> list[date]:
    return [item.at.date() for item in due(ENTRIES[name], after, until, CALENDAR)]


def test_the_close_is_fetched_on_sessions_at_1535_and_on_no_other_day() -> None:
    found = due(
        ENTRIES["close"], at_shanghai(date(2024, 9, 27), time(0)), at_shanghai(date(2024, 10, 9), time(0)), CALENDAR
    )
    assert [item.at for item in found] == [
        at_shanghai(day, time(15, 35)) for day in (date(2024, 9, 27), date(2024, 9, 30), date(2024, 10, 8))
    ]
    assert found[-1].window == Window(date(2024, 10, 8), date(2024, 10, 8))
    assert {Kind.BARS, Kind.INDEX_BARS, Kind.VALUATIONS, Kind.SUSPENSIONS} <= set(ENTRIES["close"].kinds)


def test_margin_of_a_friday_is_fetched_on_monday_morning() -> None:
    [found] = due(ENTRIES["margin"], at_shanghai(MONDAY, time(0)), at_shanghai(MONDAY, time(9, 5)), CALENDAR)
    assert (found.at, found.window) == (at_shanghai(MONDAY, time(9, 5)), Window(FRIDAY, FRIDAY))


def test_limit_prices_are_fetched_before_the_open_of_their_own_session() -> None:
    [found] = due(ENTRIES["before the open"], at_shanghai(MONDAY, time(0)), at_shanghai(MONDAY, time(9)), CALENDAR)
    assert (found.at.time(), found.window) == (time(8, 45), Window(MONDAY, MONDAY))


def test_documents_come_out_on_holidays_too() -> None:
    assert days("documents", at_shanghai(date(2024, 10, 1), time(0)), at_shanghai(date(2024, 10, 4), time(0))) == [
        date(2024, 10, 1), date(2024, 10, 2), date(2024, 10, 3)
    ]  # fmt: skip


def test_pledges_are_weekly_and_statements_follow_the_deadlines() -> None:
    year = (at_shanghai(date(2024, 1, 1), time(0)), at_shanghai(date(2024, 12, 31), time(0)))
    assert len(days("pledges", *year)) == 52
    assert {date(2024, 5, 1), date(2024, 9, 1), date(2024, 11, 1)} <= set(days("statements", *year))
    assert days("calendar", *year) == []


def test_the_next_year_is_asked_for_every_day_until_it_is_in_even_when_the_calendar_is_over() -> None:
    calendar = Calendar(date(2024, 1, 1), date(2024, 12, 31), ())
    since, until = at_shanghai(date(2024, 11, 1), time(0)), at_shanghai(date(2025, 1, 3), time(12))
    found = due(ENTRIES["calendar"], since, until, calendar)
    assert [item.at.date() for item in found] == [date(2024, 12, 2) + timedelta(days=at) for at in range(33)]
    assert found[0].window == Window(date(2024, 1, 1), date(2025, 12, 31))
    assert spanned(found[-1:]) == Window(date(2025, 1, 1), date(2026, 12, 31))
    calendar.learn(CALENDAR.sessions_between(date(2025, 1, 1), date(2025, 12, 31)), date(2025, 12, 31), source="test")
    assert due(ENTRIES["calendar"], since, until, calendar) == []


@given(cuts=st.lists(instants, min_size=2, max_size=6))
@pytest.mark.parametrize("name", list(ENTRIES))
def test_looking_often_or_seldom_finds_the_same_instants_once(name: str, cuts: list[datetime]) -> None:
    cuts = sorted(cuts)
    cuts[0] = max(cuts[0], cuts[-1] - timedelta(days=60))
    cuts = sorted(cuts)
    often = [item for a, b in pairwise(cuts) for item in due(ENTRIES[name], a, b, CALENDAR)]
    assert often == due(ENTRIES[name], cuts[0], cuts[-1], CALENDAR)


def test_what_was_missed_is_one_window() -> None:
    found = due(ENTRIES["close"], at_shanghai(FRIDAY, time(0)), at_shanghai(date(2024, 9, 11), time(0)), CALENDAR)
    assert spanned(found) == Window(FRIDAY, date(2024, 9, 10))


def test_beyond_the_calendar_nobody_guesses() -> None:
    beyond = CALENDAR.last + timedelta(days=3)
    with pytest.raises(UnknownRule):
        due(ENTRIES["close"], at_shanghai(CALENDAR.last, time(0)), at_shanghai(beyond, time(23)), CALENDAR)
