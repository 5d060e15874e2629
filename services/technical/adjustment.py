"""Bars as an analyst may use them: suspended days dropped, prices adjusted with the factors known at the date."""

from dataclasses import dataclass

import numpy as np

from libs.indicators.series import Floats
from libs.storage.bars_read import BarColumns


@dataclass(frozen=True, slots=True)
class AdjustedBars:
    """The traded bars of one share, oldest first; the last price is the real one, earlier ones are scaled to it."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    amount: Floats
    turnover_rate: Floats | None
    """None where a traded day has none."""


def adjusted(bars: BarColumns) -> AdjustedBars:
    """Adjust as of the last traded bar. The volume is scaled the other way, so that a split changes no ratio."""
    traded = ~np.array(bars.suspended, dtype=bool)
    ratio = _ratio(bars, traded)
    turnover = np.array([np.nan if rate is None else rate for rate in bars.turnover_rate])[traded]
    return AdjustedBars(
        open=np.array(bars.open)[traded] * ratio,
        high=np.array(bars.high)[traded] * ratio,
        low=np.array(bars.low)[traded] * ratio,
        close=np.array(bars.close)[traded] * ratio,
        volume=np.array(bars.volume)[traded] / ratio,
        amount=np.array(bars.amount)[traded],
        turnover_rate=None if np.isnan(turnover).any() else turnover,
    )


def _ratio(bars: BarColumns, traded: np.ndarray) -> Floats:
    """Factor over last factor. A source without factors has them in its reference prices (前收盘)."""
    if traded.sum() == 0:
        return np.empty(0)
    if all(factor is not None for factor in bars.adj_factor):
        factors = np.array(bars.adj_factor, dtype=np.float64)[traded]
    else:
        close, pre_close = np.array(bars.close)[traded], np.array(bars.pre_close)[traded]
        factors = np.concatenate(([1.0], np.cumprod(close[:-1] / pre_close[1:])))
    ratio: Floats = factors / factors[-1]
    return ratio
