"""Which sessions a vendor is asked for."""

from datetime import date, datetime

import pytest

from libs.ashare.calendar import CALENDAR
from libs.contracts.market import SyncRequest
from libs.domain.clock import SHANGHAI
from libs.domain.errors import InvalidInput
from libs.marketdata.source import Window
from services.ingestion.known import Known, asked_window, covering_window

EVENING = datetime(2024, 10, 31, 20, 0, tzinfo=SHANGHAI)


def known(stored: tuple[date, date] | None = None) -> Known:
    return Known(CALENDAR.sessions, stored, EVENING)


def request(start: date | None = None, end: date | None = None) -> SyncRequest:
    return SyncRequest(source="akshare", from_date=start, to_date=end)


def test_history_comes_before_the_first_session_asked_for() -> None:
    window = covering_window(request(date(2024, 9, 2), date(2024, 9, 30)), known())
    assert window.end == date(2024, 9, 30)
    assert len(CALENDAR.sessions_between(window.start, date(2024, 9, 1))) == 260


def test_without_dates_the_last_twenty_completed_sessions_are_meant() -> None:
    window = covering_window(request(), known())
    assert window.end == date(2024, 10, 31)
    assert len(CALENDAR.sessions_between(window.start, window.end)) == 280


def test_a_bar_that_is_not_final_is_not_asked_for() -> None:
    assert covering_window(request(date(2024, 9, 2), date(2026, 1, 5)), known()).end == date(2024, 10, 31)


def test_the_window_stretches_to_what_is_stored_so_that_no_gap_arises() -> None:
    later = covering_window(
        request(date(2024, 10, 8), date(2024, 10, 31)), known((date(2023, 1, 3), date(2023, 6, 30)))
    )
    assert later.start == date(2023, 6, 30)
    earlier = covering_window(
        request(date(2023, 1, 3), date(2023, 1, 31)), known((date(2024, 1, 2), date(2024, 9, 30)))
    )
    assert earlier.end == date(2024, 1, 2)


def test_a_start_in_the_future_is_an_error_naming_it() -> None:
    with pytest.raises(InvalidInput, match="from_date"):
        covering_window(request(date(2024, 11, 1)), known())


def test_events_are_asked_for_without_the_history_of_series() -> None:
    asked = request(date(2024, 9, 2), date(2024, 9, 30))
    assert asked_window(asked, known()) == Window(date(2024, 9, 2), date(2024, 9, 30))
    assert asked_window(request(), known()).end == date(2024, 10, 31)
    assert len(CALENDAR.sessions_between(asked_window(request(), known()).start, date(2024, 10, 31))) == 20
