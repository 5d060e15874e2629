"""Indicators against their definitions, written out plainly, and against series that mislead TA-Lib."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from libs.indicators import activity, averages, momentum
from libs.indicators.errors import InsufficientHistory, UnusableSeries
from libs.indicators.series import Floats, Values

PRICES = st.lists(st.floats(min_value=1.0, max_value=500.0), min_size=60, max_size=120).map(np.array)
RNG = np.random.default_rng(20240902)
CLOSE: Floats = 20.0 * np.exp(np.cumsum(RNG.normal(0.0, 0.02, 200)))
HIGH: Floats = CLOSE * (1 + np.abs(RNG.normal(0.0, 0.01, 200)))
LOW: Floats = CLOSE * (1 - np.abs(RNG.normal(0.0, 0.01, 200)))

OVER_CLOSE: dict[str, Callable[[Values], object]] = {
    "RSI": momentum.rsi,
    "MACD": momentum.macd,
    "ROC": momentum.rate_of_change,
    "SMA": lambda values: averages.sma(values, 20),
    "EMA": lambda values: averages.ema(values, 20),
    "Bollinger": averages.bollinger,
    "ATR": lambda values: activity.atr(values, values, values),
    "ADX": lambda values: momentum.adx(values, values, values),
    "volume ratio": activity.volume_ratio,
    "turnover": activity.mean_turnover,
}


@pytest.mark.parametrize("name", OVER_CLOSE)
def test_a_short_series_is_an_error_that_says_what_is_missing(name: str) -> None:
    for bars in (np.array([]), np.array([10.0, 11.0, 12.0])):
        with pytest.raises(InsufficientHistory, match=name) as caught:
            OVER_CLOSE[name](bars)
        assert caught.value.given == bars.size < caught.value.needed


@pytest.mark.parametrize("name", OVER_CLOSE)
@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_a_nan_in_the_series_is_refused_and_never_passed_on(name: str, poison: float) -> None:
    series = CLOSE.copy()
    series[100] = poison
    with pytest.raises(UnusableSeries, match=name):
        OVER_CLOSE[name](series)


@pytest.mark.parametrize("name", OVER_CLOSE)
def test_whole_numbers_are_taken_as_prices(name: str) -> None:
    OVER_CLOSE[name](np.arange(100, 200))


@pytest.mark.parametrize(
    ("bars", "result"),
    [
        (15, lambda close: momentum.rsi(close, 14)),
        (34, lambda close: momentum.macd(close).line),
        (28, lambda close: momentum.adx(close, close, close).adx),
        (15, lambda close: activity.atr(close, close, close)),
        (11, lambda close: momentum.rate_of_change(close, 10)),
        (20, lambda close: averages.sma(close, 20)),
        (20, lambda close: averages.ema(close, 20)),
        (20, lambda close: averages.bollinger(close, 20).upper),
    ],
)
def test_the_least_history_gives_exactly_one_value(
    bars: int, result: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> None:
    values = result(CLOSE[:bars])
    assert values.shape == (1,)
    assert np.isfinite(values).all()
    with pytest.raises(InsufficientHistory):
        result(CLOSE[: bars - 1])


@given(PRICES)
def test_every_value_is_finite_and_in_its_range(close: Floats) -> None:
    rsi = momentum.rsi(close)
    assert rsi.size == close.size - 14
    assert ((rsi >= -1e-9) & (rsi <= 100 + 1e-9)).all()
    adx = momentum.adx(close * 1.01, close * 0.99, close)
    for line in (adx.adx, adx.plus_di, adx.minus_di):
        assert line.size == close.size - 27
        assert ((line >= -1e-9) & (line <= 100 + 1e-9)).all()
    macd = momentum.macd(close)
    np.testing.assert_allclose(macd.histogram, macd.line - macd.signal, atol=1e-9)
    bands = averages.bollinger(close)
    assert ((bands.lower <= bands.middle) & (bands.middle <= bands.upper)).all()


def test_rsi_is_wilders_average_gain_over_all_moves() -> None:
    moves = np.diff(CLOSE)
    gain, loss = np.maximum(moves[:14], 0).mean(), np.maximum(-moves[:14], 0).mean()
    for move in moves[14:]:
        gain = (gain * 13 + max(move, 0.0)) / 14
        loss = (loss * 13 + max(-move, 0.0)) / 14
    assert momentum.rsi(CLOSE)[-1] == pytest.approx(100 * gain / (gain + loss))


def test_rsi_of_a_price_that_never_moved_is_neutral() -> None:
    flat = np.full(30, 10.0)
    assert momentum.rsi(flat).tolist() == [50.0] * 16
    flat[-1] = 10.5
    assert momentum.rsi(flat)[-1] == pytest.approx(100.0)
    assert momentum.rsi(flat)[-2] == 50.0


def test_averages_are_what_their_names_say() -> None:
    assert averages.sma(CLOSE, 20)[-1] == pytest.approx(CLOSE[-20:].mean())
    expected = CLOSE[:20].mean()
    for price in CLOSE[20:]:
        expected += (price - expected) * 2 / 21
    assert averages.ema(CLOSE, 20)[-1] == pytest.approx(expected)
    found = averages.moving_averages(CLOSE[:30], (5, 20, 60))
    assert found == {5: pytest.approx(CLOSE[25:30].mean()), 20: pytest.approx(CLOSE[10:30].mean())}


def test_bollinger_bands_stand_two_deviations_off() -> None:
    bands = averages.bollinger(CLOSE)
    assert bands.upper[-1] - bands.middle[-1] == pytest.approx(2 * CLOSE[-20:].std())
    assert bands.percent_b(float(bands.upper[-1])) == pytest.approx(1.0)
    assert bands.percent_b(float(bands.lower[-1])) == pytest.approx(0.0)
    assert bands.bandwidth == pytest.approx(4 * CLOSE[-20:].std() / CLOSE[-20:].mean())


def test_bollinger_bands_without_width_have_no_place_but_the_middle() -> None:
    assert averages.bollinger(np.full(25, 10.0)).percent_b(10.0) == 0.5


def test_atr_is_wilders_average_of_the_true_range() -> None:
    before = CLOSE[:-1]
    ranges = np.maximum(HIGH[1:], before) - np.minimum(LOW[1:], before)
    expected = ranges[:14].mean()
    for true_range in ranges[14:]:
        expected = (expected * 13 + true_range) / 14
    assert activity.atr(HIGH, LOW, CLOSE)[-1] == pytest.approx(expected)


def test_rate_of_change_is_a_fraction() -> None:
    assert momentum.rate_of_change(CLOSE, 10)[-1] == pytest.approx(CLOSE[-1] / CLOSE[-11] - 1)


def test_the_volume_ratio_compares_the_last_bar_with_the_five_before() -> None:
    assert activity.volume_ratio([100, 100, 100, 100, 100, 250]) == pytest.approx(2.5)
    with pytest.raises(UnusableSeries, match="nothing was traded"):
        activity.volume_ratio([0, 0, 0, 0, 0, 250])


def test_mean_turnover_looks_at_the_last_bars_only() -> None:
    assert activity.mean_turnover([9.0] * 10 + [0.01] * 20) == pytest.approx(0.01)


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(UnusableSeries, match="columns"):
        activity.atr(HIGH, LOW[1:], CLOSE)
    with pytest.raises(UnusableSeries, match="dimension"):
        averages.sma(CLOSE.reshape(2, 100), 5)


def test_adjusted_prices_end_at_the_price_paid_that_day() -> None:
    adjusted = activity.adjust([10.0, 10.0, 5.0, 5.5], [1.0, 1.0, 2.0, 2.0])
    assert adjusted.tolist() == [5.0, 5.0, 5.0, 5.5]


@given(st.integers(min_value=1, max_value=200))
def test_adjusted_returns_are_the_ones_a_holder_earned(rows: int) -> None:
    factors = np.where(np.arange(200) >= 150, 3.0, 1.0)[:rows]
    adjusted = activity.adjust(CLOSE[:rows], factors)
    assert adjusted[-1] == CLOSE[rows - 1]
    held = CLOSE[:rows] * factors
    np.testing.assert_allclose(adjusted[1:] / adjusted[:-1], held[1:] / held[:-1])


@pytest.mark.parametrize("factor", [0.0, -1.0, math.nan])
def test_a_factor_that_is_none_is_refused(factor: float) -> None:
    with pytest.raises(UnusableSeries, match="adjustment"):
        activity.adjust([10.0, 10.0], [factor, 1.0])
