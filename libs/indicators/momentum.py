"""Momentum and trend strength: RSI, MACD, ADX, rate of change.

Results hold no warm-up: `result[-1]` belongs to the last bar, and a result is shorter than its input by the look-back.
"""

from dataclasses import dataclass

import numpy as np

from libs.indicators.series import Floats, Values, series, together
from libs.indicators.talib_door import talib

NEUTRAL_RSI = 50.0


@dataclass(frozen=True, slots=True)
class Macd:
    """MACD line (DIF), signal line (DEA) and histogram; the Chinese MACD column is twice this histogram."""

    line: Floats
    signal: Floats
    histogram: Floats


@dataclass(frozen=True, slots=True)
class Adx:
    """Average directional index with its two directional indicators, 0 … 100."""

    adx: Floats
    plus_di: Floats
    minus_di: Floats


def rsi(close: Values, period: int = 14) -> Floats:
    """Relative strength index (Wilder), 0 … 100; neutral as long as the price has never moved (TA-Lib would say 0)."""
    prices = series("RSI", close, needed=period + 1)
    moved = np.maximum.accumulate(np.abs(np.diff(prices)) > 0)[period - 1 :]
    return np.where(moved, talib.RSI(prices, period)[period:], NEUTRAL_RSI)


def macd(close: Values, fast: int = 12, slow: int = 26, signal: int = 9) -> Macd:
    """Moving average convergence divergence."""
    lookback = slow + signal - 2
    prices = series("MACD", close, needed=lookback + 1)
    line, smoothed, histogram = talib.MACD(prices, fast, slow, signal)
    return Macd(line[lookback:], smoothed[lookback:], histogram[lookback:])


def adx(high: Values, low: Values, close: Values, period: int = 14) -> Adx:
    """Average directional index; all three arrays start where the ADX does."""
    lookback = 2 * period - 1
    highs, lows, closes = together("ADX", high, low, close, needed=lookback + 1)
    return Adx(
        talib.ADX(highs, lows, closes, period)[lookback:],
        talib.PLUS_DI(highs, lows, closes, period)[lookback:],
        talib.MINUS_DI(highs, lows, closes, period)[lookback:],
    )


def rate_of_change(close: Values, period: int = 10) -> Floats:
    """The return over `period` bars as a fraction."""
    prices = series("ROC", close, needed=period + 1)
    result: Floats = talib.ROCP(prices, period)[period:]
    return result
