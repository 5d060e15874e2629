"""Moving averages and what stands on them: SMA, EMA, the set of averages, Bollinger bands.

Results hold no warm-up: `result[-1]` belongs to the last bar.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from libs.indicators.series import Floats, Values, series
from libs.indicators.talib_door import talib

USUAL_PERIODS = (5, 10, 20, 60)


@dataclass(frozen=True, slots=True)
class Bollinger:
    """The middle average and the bands around it."""

    upper: Floats
    middle: Floats
    lower: Floats

    def percent_b(self, close: float) -> float:
        """Where `close` lies in the last band: 0 at the lower, 1 at the upper, 0.5 where the band has no width."""
        width = float(self.upper[-1] - self.lower[-1])
        return 0.5 if width <= 0.0 else (close - float(self.lower[-1])) / width

    @property
    def bandwidth(self) -> float:
        """The width of the last band as a fraction of its middle."""
        return float((self.upper[-1] - self.lower[-1]) / self.middle[-1])


def sma(values: Values, period: int) -> Floats:
    """Simple moving average."""
    result: Floats = talib.SMA(series("SMA", values, needed=period), period)[period - 1 :]
    return result


def ema(values: Values, period: int) -> Floats:
    """Exponential moving average, started from the simple average of its first `period` values."""
    result: Floats = talib.EMA(series("EMA", values, needed=period), period)[period - 1 :]
    return result


def moving_averages(close: Values, periods: Iterable[int] = USUAL_PERIODS) -> dict[int, float]:
    """The last simple average of every period that the history is long enough for."""
    prices = series("moving averages", close, needed=1)
    return {period: float(prices[-period:].mean()) for period in periods if prices.size >= period}


def bollinger(close: Values, period: int = 20, width: float = 2.0) -> Bollinger:
    """Bollinger bands: `width` standard deviations (of the whole window) around the simple average."""
    prices = series("Bollinger", close, needed=period)
    upper, middle, lower = talib.BBANDS(prices, period, width, width)
    spread = np.maximum(upper - lower, 0.0)[period - 1 :] / 2.0
    centre: Floats = middle[period - 1 :]
    return Bollinger(centre + spread, centre, centre - spread)
