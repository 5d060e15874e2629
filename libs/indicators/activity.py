"""How much a share moves and trades: ATR, volume ratio, mean turnover. Also the adjustment of prices as of a date."""

from libs.indicators.errors import UnusableSeries
from libs.indicators.series import Floats, Values, series, together
from libs.indicators.talib_door import talib


def atr(high: Values, low: Values, close: Values, period: int = 14) -> Floats:
    """Average true range (Wilder), in the unit of the prices; no warm-up, the last value belongs to the last bar."""
    highs, lows, closes = together("ATR", high, low, close, needed=period + 1)
    result: Floats = talib.ATR(highs, lows, closes, period)[period:]
    return result


def volume_ratio(volume: Values, period: int = 5) -> float:
    """The last bar's volume over the mean of the `period` bars before it (量比, on daily bars)."""
    volumes = series("volume ratio", volume, needed=period + 1)
    usual = float(volumes[-period - 1 : -1].mean())
    if usual <= 0.0:
        raise UnusableSeries(f"volume ratio: nothing was traded in the {period} bars before the last")
    return float(volumes[-1]) / usual


def mean_turnover(turnover_rate: Values, period: int = 20) -> float:
    """The mean turnover (换手率) of the last `period` bars, in the unit given."""
    return float(series("turnover", turnover_rate, needed=period)[-period:].mean())


def adjust(prices: Values, factors: Values) -> Floats:
    """Prices adjusted forward (前复权) as of the last row, with the factors known at that date and no later one.

    The last price stays what it was; earlier ones are scaled by factor ÷ last factor. Cut the rows at the date first.
    """
    raw, cumulative = together("adjustment", prices, factors, needed=1)
    if (cumulative <= 0.0).any():
        raise UnusableSeries("adjustment: a factor is not positive")
    adjusted: Floats = raw * (cumulative / cumulative[-1])
    return adjusted
