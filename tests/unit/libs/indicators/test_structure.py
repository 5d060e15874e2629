"""Levels, trends and candles on charts drawn by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.indicators.candles import NEEDED, RECOGNISERS, Pattern, patterns
from libs.indicators.errors import InsufficientHistory, UnusableSeries
from libs.indicators.series import Floats
from libs.indicators.structure import Direction, Level, support_resistance, trend

ZIGZAG: Floats = np.array([10, 11, 12, 13, 12, 11, 10, 9, 10, 11, 12, 13.05, 12, 11, 10.5, 10, 10.5, 11, 11.5], float)


def test_levels_are_the_nearest_pivots_around_the_last_close() -> None:
    levels = support_resistance(ZIGZAG, ZIGZAG, ZIGZAG)
    assert levels.support == Level(10.0, 3, 1)
    assert levels.resistance == Level(13.0, 15, 2)


def test_a_pivot_is_not_known_before_the_bars_that_confirm_it() -> None:
    early = ZIGZAG[:-1]
    levels = support_resistance(early, early, early)
    assert levels.support == Level(9.0, 10, 1)


def test_a_straight_rise_has_neither_support_nor_resistance() -> None:
    rise = np.linspace(10.0, 20.0, 80)
    levels = support_resistance(rise, rise, rise)
    assert levels.support is None
    assert levels.resistance is None


@given(st.lists(st.floats(min_value=1.0, max_value=100.0), min_size=7, max_size=120))
def test_levels_always_enclose_the_last_close(prices: list[float]) -> None:
    levels = support_resistance(prices, prices, prices)
    if levels.support:
        assert levels.support.price < prices[-1]
        assert levels.support.touches >= 1
        assert levels.support.bars_ago >= 3
    if levels.resistance:
        assert levels.resistance.price > prices[-1]


@pytest.mark.parametrize(
    ("close", "direction", "sign"),
    [
        (np.geomspace(10.0, 20.0, 80), Direction.UP, 1),
        (np.geomspace(20.0, 10.0, 80), Direction.DOWN, -1),
        (np.full(80, 10.0), Direction.SIDEWAYS, 0),
        (np.r_[np.geomspace(10.0, 20.0, 60), np.geomspace(20.0, 14.0, 20)], Direction.SIDEWAYS, -1),
    ],
)
def test_a_trend_needs_averages_and_slope_to_agree(close: Floats, direction: Direction, sign: int) -> None:
    found = trend(close)
    assert found.direction is direction
    assert np.sign(found.slope) == sign
    assert 0.0 <= found.straightness <= 1.0


def test_an_even_rise_is_straight_and_its_slope_is_the_daily_change() -> None:
    found = trend(np.array([10.0 * 1.01**bar for bar in range(80)]))
    assert found.slope == pytest.approx(np.log(1.01))
    assert found.straightness == pytest.approx(1.0)


def _candles(*last: tuple[float, float, float, float]) -> tuple[Floats, Floats, Floats, Floats]:
    """A quiet fall of ordinary candles, then the ones given as (open, high, low, close)."""
    rows = [(20.0 - 0.2 * n, 20.1 - 0.2 * n, 19.7 - 0.2 * n, 19.8 - 0.2 * n) for n in range(25)]
    columns = np.array(rows + list(last), float).T
    return columns[0].copy(), columns[1].copy(), columns[2].copy(), columns[3].copy()


def test_a_bullish_engulfing_candle_is_found_by_name_and_direction() -> None:
    bars = _candles((14.7, 16.0, 14.6, 15.9))
    assert Pattern("CDLENGULFING", 1) in patterns(*bars)
    assert patterns(*bars, names=["CDLENGULFING"]) == (Pattern("CDLENGULFING", 1),)


def test_a_doji_has_no_direction() -> None:
    assert patterns(*_candles((15.0, 15.3, 14.7, 15.0)), names=["CDLDOJI"]) == (Pattern("CDLDOJI", 0),)


def test_quiet_candles_show_no_reversal() -> None:
    assert patterns(*_candles(), names=["CDLENGULFING", "CDLHAMMER", "CDLMORNINGSTAR"]) == ()


def test_patterns_need_history_and_a_known_name() -> None:
    bars = tuple(column[: NEEDED - 1] for column in _candles())
    with pytest.raises(InsufficientHistory, match="candlestick"):
        patterns(*bars)
    with pytest.raises(UnusableSeries, match="CDLNOTHING"):
        patterns(*_candles(), names=["CDLNOTHING"])
    assert len(RECOGNISERS) == 11
