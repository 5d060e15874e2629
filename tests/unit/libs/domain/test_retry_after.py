"""What a server asks for is understood in both forms, and nothing it may say breaks the desk."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.domain.retry_after import retry_after_seconds

NOW = datetime(2024, 9, 2, 2, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("17", 17.0),
        (" 0 ", 0.0),
        ("Mon, 02 Sep 2024 02:31:30 GMT", 90.0),
        ("Mon, 02 Sep 2024 02:00:00 GMT", 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("١٢", None),
        ("9" * 400, None),
        ("Mon, 02 Sep 2024 02:31:30", None),
    ],
)
def test_seconds_and_dates_are_read_and_anything_else_says_nothing(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, NOW) == seconds


@given(st.text())
def test_no_header_breaks_the_desk_or_asks_for_the_past(header: str) -> None:
    found = retry_after_seconds(header, NOW)
    assert found is None or found >= 0


@given(st.integers(0, 10**9 - 1))
def test_a_date_means_what_its_distance_in_seconds_means(seconds: int) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after_seconds(date, NOW) == retry_after_seconds(str(seconds), NOW) == seconds
