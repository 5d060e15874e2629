"""The panel agrees with TA-Lib on every share, and a missing day harms nothing."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from libs.indicators.errors import UnusableSeries
from libs.indicators.panel import Bollinger, Directional, Macd, PanelBars, PanelIndicator, Rsi, Sma, compute
from libs.indicators.talib_door import talib

Floats = NDArray[np.float64]
ALL: tuple[PanelIndicator, ...] = (Sma(), Rsi(), Macd(), Bollinger(), Directional())


def made_bars(seed: int, *, shares: int = 7, sessions: int = 130, still: float = 0.2) -> PanelBars:
    """Prices on the tick of a cent; `still` is the share of days without a move."""
    random = np.random.default_rng(seed)
    moves = random.standard_t(4, (shares, sessions)) * 0.02
    moves[random.random((shares, sessions)) < still] = 0.0
    close = np.round(20 * np.exp(np.clip(np.cumsum(moves, axis=1), -2, 3)), 2)
    high = np.round(close * (1 + np.abs(random.normal(0, 0.01, close.shape))), 2)
    low = np.round(close * (1 - np.abs(random.normal(0, 0.01, close.shape))), 2)
    return PanelBars(high, low, close)


def talib_of(indicator: PanelIndicator, high: Floats, low: Floats, close: Floats) -> list[Floats]:
    match indicator:
        case Sma(period):
            return [talib.SMA(close, period)]
        case Rsi(period):
            values: Floats = talib.RSI(close, period)
            never_moved = np.maximum.accumulate(np.abs(np.diff(close, prepend=close[0])) > 0) == 0
            return [np.where(never_moved & np.isfinite(values), 50.0, values)]
        case Macd(fast, slow, signal):
            return list(talib.MACD(close, fast, slow, signal))
        case Bollinger(period, width):
            return list(talib.BBANDS(close, period, width, width))
        case Directional(period):
            return [talib.ADX(high, low, close, period), talib.ATR(high, low, close, period)]


def assert_equals_talib(bars: PanelBars, indicators: tuple[PanelIndicator, ...]) -> None:
    results = compute(bars, indicators)
    for indicator in indicators:
        for row in range(bars.shape[0]):
            expected = talib_of(indicator, bars.high[row], bars.low[row], bars.close[row])
            for made, wanted in zip(results[indicator].values(), expected, strict=True):
                np.testing.assert_allclose(made[row], wanted, rtol=0, atol=1e-9, err_msg=f"{indicator} of row {row}")


@pytest.mark.requirement("D1")
@given(seed=st.integers(0, 10_000), still=st.sampled_from([0.0, 0.3, 0.95]), sessions=st.integers(1, 140))
@settings(max_examples=40, deadline=None)
def test_every_indicator_of_every_share_equals_talibs(seed: int, still: float, sessions: int) -> None:
    assert_equals_talib(made_bars(seed, sessions=sessions, still=still), ALL)


@given(period=st.integers(2, 30), slow=st.integers(3, 40), signal=st.integers(2, 12), width=st.floats(0.5, 4))
@settings(max_examples=25, deadline=None)
def test_other_periods_equal_talibs_too(period: int, slow: int, signal: int, width: float) -> None:
    chosen = (Sma(period), Rsi(period), Macd(min(period, slow - 1), slow, signal), Bollinger(period, width))
    assert_equals_talib(made_bars(period), (*chosen, Directional(period)))


@given(seed=st.integers(0, 10_000), missing=st.floats(0.0, 0.9))
@settings(max_examples=25, deadline=None)
def test_a_suspended_day_has_no_value_and_the_next_one_goes_on_as_if_it_had_not_been(seed: int, missing: float) -> None:
    bars = made_bars(seed)
    gone = np.random.default_rng(seed).random(bars.shape) < missing
    holed = PanelBars(bars.high, bars.low, np.where(gone, np.nan, bars.close))
    results = compute(holed, ALL)
    for row in range(bars.shape[0]):
        traded = ~gone[row]
        alone = PanelBars(*(np.ascontiguousarray(p[row : row + 1, traded]) for p in (bars.high, bars.low, bars.close)))
        for indicator, panels in compute(alone, ALL).items():
            for name, panel in panels.items():
                np.testing.assert_array_equal(results[indicator][name][row, traded], panel[0])
                assert np.isnan(results[indicator][name][row, gone[row]]).all()


def test_a_share_with_too_short_a_history_has_no_values_at_all() -> None:
    bars = made_bars(1, sessions=60)
    bars.close[2, 10:] = np.nan
    results = compute(bars, [Macd()])
    assert np.isnan(results[Macd()]["line"][2]).all()
    assert np.isfinite(results[Macd()]["line"][1, 33:]).all()


def test_a_price_that_never_moved_has_a_neutral_rsi_and_no_trend() -> None:
    flat = np.full((1, 60), 10.0)
    results = compute(PanelBars(flat, flat.copy(), flat.copy()), ALL)
    assert set(results[Rsi()]["rsi"][0, 14:]) == {50.0}
    assert set(results[Directional()]["adx"][0, 27:]) == {0.0}
    assert set(results[Bollinger()]["upper"][0, 19:]) == {10.0}


def test_a_price_that_stands_still_for_years_keeps_its_last_rsi() -> None:
    bars = made_bars(5, shares=1, sessions=900)
    bars.close[0, 40:] = bars.close[0, 40]
    made = compute(bars, [Rsi()])[Rsi()]["rsi"][0]
    np.testing.assert_allclose(made, talib.RSI(bars.close[0], 14), rtol=0, atol=1e-9)
    assert made[-1] == pytest.approx(made[41])


@pytest.mark.parametrize("period", [2, 3, 5, 11, 12])
def test_narrow_bands_of_a_dear_share_keep_their_digits(period: int) -> None:
    random = np.random.default_rng(7)
    close = np.round(2_500 + np.cumsum(random.normal(0, 15, (1, 1_299)), axis=1), 2)
    close[:, ::3] = np.round(close[:, 1::3] + 0.01, 2)
    assert_equals_talib(PanelBars(close.copy(), close.copy(), close), (Bollinger(period),))


def test_where_no_folder_can_be_written_every_process_compiles_for_itself() -> None:
    program = (
        "import numpy as np\n"
        "from libs.indicators.panel import PanelBars, Sma, compute\n"
        "x = np.arange(1.0, 9.0).reshape(1, 8)\n"
        "print(compute(PanelBars(x, x, x), [Sma(2)])[Sma(2)]['sma'][0, -1])"
    )
    nowhere = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator", "NUMBA_CACHE_DIR": "/dev/null/nowhere"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | nowhere,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == "7.5", done.stderr


def test_threads_and_reused_results_change_nothing() -> None:
    bars = made_bars(3, shares=200)
    once = compute(bars, ALL)
    kept = {indicator: {name: panel.copy() for name, panel in panels.items()} for indicator, panels in once.items()}
    again = compute(bars, ALL, threads=2, reuse=once)
    for indicator, panels in again.items():
        for name, panel in panels.items():
            assert panel is once[indicator][name]
            np.testing.assert_array_equal(panel, kept[indicator][name])


def test_an_infinite_price_is_refused_with_its_row() -> None:
    bars = made_bars(4, shares=90)
    bars.low[70, 5] = -np.inf
    with pytest.raises(UnusableSeries, match="row 70 holds an infinite value"):
        compute(bars, [Sma()], threads=2)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Sma(0), "SMA: a period of 0"),
        (lambda: Rsi(1), "RSI: a period of 1"),
        (lambda: Macd(26, 12), "slow period 12 must exceed"),
        (lambda: Bollinger(1), "Bollinger: a period of 1"),
        (lambda: Directional(1), "ADX: a period of 1"),
        (lambda: PanelBars(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((3, 2))), "shapes differ"),
        (lambda: PanelBars(*[np.zeros((4, 6))[:, ::2]] * 3), "C-ordered float64"),
        (lambda: compute(made_bars(1), ALL, threads=0), "0 threads"),
        (lambda: compute(made_bars(1), [Sma(3)], reuse={Sma(4): {}}), "no Sma"),
        (lambda: compute(made_bars(1), [Sma(3)], reuse={Sma(3): {"sma": np.zeros((1, 1))}}), "has the shape"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(make: object, words: str) -> None:
    assert callable(make)
    with pytest.raises(UnusableSeries, match=words):
        make()
