"""The arithmetic of the token buckets."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.domain.errors import InvalidInput
from libs.marketdata.quota import MemoryQuota

START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


@given(
    rate=st.floats(min_value=1, max_value=600),
    burst=st.integers(min_value=1, max_value=20),
    gaps=st.lists(st.floats(min_value=0, max_value=90), min_size=1, max_size=80),
)
def test_no_minute_ever_sees_more_than_the_rate_and_what_was_saved_up(
    rate: float, burst: int, gaps: list[float]
) -> None:
    quota, now, starts = MemoryQuota(), START, []
    for gap in gaps:
        now += timedelta(seconds=gap)
        wait = quota.take("k", rate_per_minute=rate, burst=burst, now=now, patience_seconds=1e9)
        assert wait is not None
        starts.append(now + timedelta(seconds=wait))
    for first in starts:
        inside = [at for at in starts if first <= at < first + timedelta(minutes=1)]
        assert len(inside) <= rate + burst


def test_what_waits_longer_than_the_patience_takes_nothing() -> None:
    quota = MemoryQuota()

    def take(patience: float) -> float | None:
        return quota.take("k", rate_per_minute=2, burst=1, now=START, patience_seconds=patience)

    assert take(0) == 0
    assert take(29) is None
    assert take(29) is None
    assert take(30) == 30
    assert take(60) == 60


@pytest.mark.parametrize(("rate", "burst", "field"), [(0, 1, "rate_per_minute"), (1, 0.5, "burst")])
def test_a_rate_or_burst_that_makes_no_sense_is_named(rate: float, burst: float, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        MemoryQuota().take("k", rate_per_minute=rate, burst=burst, now=START, patience_seconds=1)
    assert caught.value.field == field
