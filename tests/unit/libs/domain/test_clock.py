"""Machine time, and the exchange's dates."""

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest

from libs.domain.clock import ManualClock, SystemClock, at_shanghai, exchange_date


def test_the_manual_clock_moves_only_when_told_to() -> None:
    clock = ManualClock(datetime(2024, 9, 2, 16, tzinfo=timezone(timedelta(hours=8))))
    assert clock.utc_now() == datetime(2024, 9, 2, 8, tzinfo=UTC)
    clock.advance(1.5)
    assert clock.utc_now() == datetime(2024, 9, 2, 8, 0, 1, 500_000, tzinfo=UTC)
    assert clock.monotonic() == 1.5


def test_the_system_clock_is_aware_and_never_steps_back() -> None:
    clock = SystemClock()
    assert clock.utc_now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()


def test_an_instant_belongs_to_the_exchanges_date_not_to_the_worlds() -> None:
    assert exchange_date(datetime(2024, 9, 2, 16, 30, tzinfo=UTC)) == date(2024, 9, 3)
    assert at_shanghai(date(2024, 9, 3), time(9, 15)) == datetime(2024, 9, 3, 1, 15, tzinfo=UTC)


def test_a_naive_instant_has_no_exchange_date() -> None:
    with pytest.raises(ValueError, match="naive"):
        exchange_date(datetime(2024, 9, 2, 16, 30))  # noqa: DTZ001
