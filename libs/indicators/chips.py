"""At which prices the float was bought: the chip distribution (筹码分布) and how concentrated it is.

The usual model: on every day the fraction of the float that traded (the turnover) is taken evenly from all holders and
lies afterwards between that day's low and high, most of it at the mean price (a triangle). It is a model: nobody
publishes holders' costs. Prices must be adjusted as of one date.
"""

from dataclasses import dataclass

import numpy as np

from libs.indicators.errors import UnusableSeries
from libs.indicators.series import Floats, Values, together

_BINS = 240


@dataclass(frozen=True, slots=True)
class Chips:
    """The float by cost. `concentration_*` is (high − low) ÷ (high + low) of the cost range: small is concentrated."""

    prices: Floats
    weights: Floats
    """Fraction of the float at each price; they sum to one."""
    profit_ratio: float
    """Fraction of the float whose cost lies below the last close (获利比例)."""
    average_cost: float
    concentration_90: float
    concentration_70: float


def chip_distribution(high: Values, low: Values, mean: Values, close: Values, turnover_rate: Values) -> Chips:
    """Chips after the last bar; `mean` is amount ÷ volume of each day, `turnover_rate` a fraction of the float."""
    highs, lows, means, closes, turnovers = together("chips", high, low, mean, close, turnover_rate, needed=2)
    _require_sound(highs, lows, means, turnovers)
    edges = np.linspace(float(lows.min()) * 0.999, float(highs.max()) * 1.001, _BINS + 1)
    prices: Floats = (edges[:-1] + edges[1:]) / 2.0
    weights = _triangle(edges, lows[0], means[0], highs[0])
    for low_, mean_, high_, turnover in zip(lows[1:], means[1:], highs[1:], turnovers[1:], strict=True):
        share = min(float(turnover), 1.0)
        weights = weights * (1.0 - share) + _triangle(edges, low_, mean_, high_) * share
    below = prices < closes[-1]
    return Chips(
        prices=prices,
        weights=weights,
        profit_ratio=float(weights[below].sum()),
        average_cost=float(weights @ prices),
        concentration_90=_concentration(prices, weights, 0.90),
        concentration_70=_concentration(prices, weights, 0.70),
    )


def _require_sound(highs: Floats, lows: Floats, means: Floats, turnovers: Floats) -> None:
    if (lows <= 0.0).any() or (highs < lows).any():
        raise UnusableSeries("chips: lows must be positive and not above the highs")
    if ((means < lows * 0.98) | (means > highs * 1.02)).any():
        raise UnusableSeries("chips: a mean price lies outside its day's range")
    if (turnovers < 0.0).any():
        raise UnusableSeries("chips: a turnover is negative")


def _triangle(edges: Floats, low: float, mode: float, high: float) -> Floats:
    """The mass between the edges of a triangle from low to high with its top at the mode."""
    mode = min(max(mode, low), high)
    mass = np.diff(_triangle_below(edges, low, mode, high))
    total = float(mass.sum())
    result: Floats = mass / total
    return result


def _triangle_below(at: Floats, low: float, mode: float, high: float) -> Floats:
    """The distribution function of the triangle; one price is a step."""
    width = high - low
    if width <= 0.0:
        return np.where(at >= low, 1.0, 0.0)
    x = np.clip(at, low, high)
    rising = (x - low) ** 2 / (width * max(mode - low, 1e-12))
    falling = 1.0 - (high - x) ** 2 / (width * max(high - mode, 1e-12))
    below: Floats = np.where(x < mode, rising, falling)
    return below


def _concentration(prices: Floats, weights: Floats, share: float) -> float:
    cumulated = np.cumsum(weights)
    tail = (1.0 - share) / 2.0
    low, high = (float(prices[min(int(np.searchsorted(cumulated, q)), _BINS - 1)]) for q in (tail, 1.0 - tail))
    return (high - low) / (high + low)
