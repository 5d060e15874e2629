"""The chip distribution: mass is kept, all of the float trades once a day at most, costs lie where was traded."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.indicators.chips import chip_distribution
from libs.indicators.errors import UnusableSeries


@pytest.mark.requirement("D1")
@given(
    steps=st.lists(st.floats(-0.05, 0.05), min_size=2, max_size=60),
    turnover=st.floats(0.0, 1.5),
)
@settings(deadline=None)
def test_the_float_is_never_more_or_less_than_itself(steps: list[float], turnover: float) -> None:
    close = 20 * np.exp(np.cumsum(steps))
    chips = chip_distribution(close * 1.02, close * 0.98, close, close, np.full(len(steps), turnover))
    assert chips.weights.sum() == pytest.approx(1.0)
    assert (chips.weights >= 0).all()
    assert 0.0 <= chips.profit_ratio <= 1.0 + 1e-9
    assert close.min() * 0.97 <= chips.average_cost <= close.max() * 1.03
    assert 0.0 <= chips.concentration_70 <= chips.concentration_90 < 1.0


def test_when_the_whole_float_changes_hands_only_the_last_day_counts() -> None:
    chips = chip_distribution([10.2, 30.3], [9.8, 29.7], [10.0, 30.0], [10.0, 30.0], [0.1, 1.0])
    assert chips.average_cost == pytest.approx(30.0, rel=0.01)
    assert chips.concentration_90 < 0.01


def test_without_turnover_the_first_days_costs_stay() -> None:
    chips = chip_distribution([10.2, 30.3], [9.8, 29.7], [10.0, 30.0], [10.0, 30.0], [0.1, 0.0])
    assert chips.average_cost == pytest.approx(10.0, rel=0.01)
    assert chips.profit_ratio == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("high", "low", "mean", "turnover", "words"),
    [
        ([2.0, 1.0], [1.0, 1.5], [1.5, 1.2], [0.1, 0.1], "not above the highs"),
        ([2.0, 2.0], [1.0, 1.0], [1.5, 150.0], [0.1, 0.1], "outside its day's range"),
        ([2.0, 2.0], [1.0, 1.0], [1.5, 1.5], [0.1, -0.1], "negative"),
    ],
)
def test_days_that_cannot_be_are_refused(
    high: list[float], low: list[float], mean: list[float], turnover: list[float], words: str
) -> None:
    with pytest.raises(UnusableSeries, match=words):
        chip_distribution(high, low, mean, mean, turnover)
