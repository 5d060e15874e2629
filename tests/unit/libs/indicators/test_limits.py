"""Runs of closes at the limit, the ladder they make, and what is left to the limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.indicators.errors import UnusableSeries
from libs.indicators.limits import distance_to_limits, ladder, limit_runs, promotion_rate, tradable_room

NAN = float("nan")


@pytest.mark.requirement("D1")
def test_a_run_counts_the_closes_at_the_limit_in_a_row() -> None:
    close = [11.0, 12.1, 12.5, 13.75, 15.13, 16.64]
    limit = [11.0, 12.1, 13.31, 13.75, 15.13, 16.65]
    assert limit_runs(close, limit).tolist() == [1, 2, 0, 1, 2, 0]


def test_a_session_without_limit_ends_the_run() -> None:
    assert limit_runs([11.0, 99.0, 12.1], [11.0, NAN, 12.1]).tolist() == [1, 0, 1]


@given(st.lists(st.booleans(), max_size=60))
def test_a_run_is_one_longer_than_the_one_before_or_over(sealed: list[bool]) -> None:
    runs = limit_runs([10.0] * len(sealed), [10.0 if at else 12.0 for at in sealed])
    before = 0
    for at, run in zip(sealed, runs, strict=True):
        before = before + 1 if at else 0
        assert run == before


def test_the_ladder_counts_shares_by_the_length_of_their_run() -> None:
    today = ladder([0, 1, 1, 3, 0, 2, 1])
    assert dict(today) == {3: 1, 2: 1, 1: 3}
    assert list(today) == [3, 2, 1]
    assert promotion_rate({1: 3, 2: 1}, today) == 0.5
    assert promotion_rate({}, today) is None


def test_the_distance_is_what_is_left_of_the_way() -> None:
    distance = distance_to_limits(10.0, 9.0, 11.0)
    assert distance.up == pytest.approx(0.1)
    assert distance.down == pytest.approx(0.1)
    assert distance_to_limits(11.0, 9.0, 11.0).up == 0.0
    free = distance_to_limits(50.0, None, None)
    assert (free.up, free.down) == (None, None)
    with pytest.raises(UnusableSeries):
        distance_to_limits(0.0, 9.0, 11.0)


def test_a_board_sealed_all_day_has_no_room() -> None:
    assert tradable_room([11.0, 11.0], [11.0, 10.0]).tolist() == pytest.approx([0.0, 0.1])


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(UnusableSeries, match="2 closes and 1 limits"):
        limit_runs([1.0, 2.0], np.array([1.0]))
    with pytest.raises(UnusableSeries):
        tradable_room([1.0, 2.0], [1.0])
