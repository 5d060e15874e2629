"""The chart's score: with the trend, against the stretch, bounded on anything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.indicators.errors import InsufficientHistory
from libs.indicators.series import Floats
from services.technical.adjustment import AdjustedBars
from services.technical.chart import Reading, chart_of, read


def _bars(close: Floats, spread: float = 0.01) -> AdjustedBars:
    return AdjustedBars(
        open=close,
        high=close * (1 + spread),
        low=close * (1 - spread),
        close=close,
        volume=np.full(close.size, 1e6),
        amount=close * 1e6,
        turnover_rate=None,
    )


def _walk(drift: float, count: int = 120, wobble: float = 0.01) -> Floats:
    steps = drift + wobble * np.sin(np.arange(count) * 1.7)
    return np.asarray(10.0 * np.exp(np.cumsum(steps)), dtype=np.float64)


def _read(close: Floats) -> Reading:
    return read(chart_of(_bars(close)))


def test_a_rising_chart_scores_above_a_falling_one() -> None:
    rising, falling = _read(_walk(0.004)), _read(_walk(-0.004))
    assert rising.score > 0.15
    assert falling.score < -0.15
    assert rising.trend > 0 > falling.trend


def test_a_flat_chart_says_next_to_nothing() -> None:
    reading = _read(np.full(120, 10.0))
    assert reading.score == 0.0
    assert reading.reversion == 0.0


def test_a_price_that_ran_too_far_holds_its_own_score_back() -> None:
    run = _walk(0.001)
    run[-8:] = run[-9] * 1.05 ** np.arange(1, 9)
    reading = _read(run)
    assert reading.reversion < -0.3
    assert reading.score < 0.45 * reading.trend + 0.35 * reading.momentum


def test_fewer_than_sixty_bars_are_too_few() -> None:
    with pytest.raises(InsufficientHistory):
        chart_of(_bars(_walk(0.0, count=59)))


def test_without_volume_there_is_no_volume_ratio() -> None:
    bars = _bars(_walk(0.0))
    silent = AdjustedBars(bars.open, bars.high, bars.low, bars.close, np.zeros(120), bars.amount, None)
    assert chart_of(silent).volume_ratio is None


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-0.2, 0.2), min_size=60, max_size=90), st.floats(0.0, 0.1))
def test_the_score_is_bounded_whatever_the_market_does(moves: list[float], spread: float) -> None:
    reading = read(chart_of(_bars(10.0 * np.exp(np.cumsum(moves)), spread)))
    assert -1.0 <= reading.score <= 1.0
    assert 0.0 <= reading.confidence <= 1.0
