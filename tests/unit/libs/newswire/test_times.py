"""Dates as Chinese pages write them, and the instant a text counts as published."""

import contextlib
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.domain.clock import at_shanghai
from libs.newswire.times import FutureDated, When, days_back, from_epoch, published_at, read_when

DAY = date(2024, 9, 24)
NOON = datetime(2024, 9, 24, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2024-09-24", When(DAY)),
        ("2024/9/24", When(DAY)),
        ("2024.09.24", When(DAY)),
        ("发布时间：2024年9月24日 18:05 来源", When(DAY, time(18, 5))),
        ("2024-09-24 18:05:31", When(DAY, time(18, 5, 31))),
        ("2024-09-24T18:05:31", When(DAY, time(18, 5, 31))),
        ("2024-09-24-18:05:31", When(DAY, time(18, 5, 31))),
        ("2024-09-24 19:12:09:331", When(DAY, time(19, 12, 9))),
        ("2024-09-24 00:00:00", When(DAY)),
        ("2024-09-31", None),
        ("1024-09-24", None),
        ("2024-09-24 25:00", None),
        ("昨天", None),
        ("120240924", None),
    ],
)
def test_every_spelling_is_read(text: str, when: When | None) -> None:
    assert read_when(text) == when


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    read_when(text)


def test_seconds_since_1970_are_shanghai_time() -> None:
    assert from_epoch(1_727_141_465) == When(DAY, time(9, 31, 5))
    assert from_epoch(1_727_107_200) == When(DAY)
    assert from_epoch(-1) is None
    assert from_epoch(1e12) is None


def test_a_day_alone_is_public_at_its_end() -> None:
    assert published_at(When(date(2024, 9, 23)), NOON) == at_shanghai(date(2024, 9, 23), time(23, 59))


def test_a_text_of_today_without_a_time_was_public_when_it_was_seen() -> None:
    assert published_at(When(DAY), NOON) == NOON


@pytest.mark.parametrize("when", [When(DAY, time(12, 1)), When(DAY + timedelta(days=1))])
def test_what_is_yet_to_come_is_refused(when: When) -> None:
    with pytest.raises(FutureDated):
        published_at(when, NOON)


@given(
    st.dates(date(2020, 1, 1), date(2026, 1, 1)),
    st.one_of(st.none(), st.times()),
    st.datetimes(datetime(2020, 1, 1), datetime(2026, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds are naive
)
def test_nothing_is_ever_published_in_the_future(day: date, moment: time | None, now: datetime) -> None:
    with contextlib.suppress(FutureDated):
        assert published_at(When(day, moment), now) <= now


def test_the_days_of_a_window_are_the_newest_of_it() -> None:
    assert days_back(NOON, NOON - timedelta(days=2), 10) == [date(2024, 9, 22), date(2024, 9, 23), DAY]
    assert days_back(NOON, NOON - timedelta(days=30), 2) == [date(2024, 9, 23), DAY]
    assert days_back(NOON, NOON + timedelta(days=3), 2) == [DAY]
