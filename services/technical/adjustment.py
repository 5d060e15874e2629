"""Bars as an analyst may use them: suspended days dropped, prices adjusted with the factors known at the date."""

from dataclasses import dataclass

import numpy as np

from libs.ashare.adjustment import backward_ratios, forward_factors
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
    """Factor over last factor, of the traded bars alone. A source without factors has them in its reference prices."""
    if traded.sum() == 0:
        return np.empty(0)
    factors = forward_factors(bars.close, bars.pre_close, bars.adj_factor, bars.suspended)
    ratio: Floats = np.array(backward_ratios([factor for factor, kept in zip(factors, traded, strict=True) if kept]))
    return ratio
