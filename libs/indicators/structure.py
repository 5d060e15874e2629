"""What the chart looks like: support and resistance from pivots, and the trend; no bar is used before it closed."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from libs.indicators.series import Floats, Values, series, together


@dataclass(frozen=True, slots=True)
class Level:
    """A price that turned the market: a pivot, how many bars ago, and how many pivots lie close to it."""

    price: float
    bars_ago: int
    touches: int


@dataclass(frozen=True, slots=True)
class Levels:
    """The nearest level below and above the last close; None where the window shows none."""

    support: Level | None
    resistance: Level | None


class Direction(StrEnum):
    """Where a trend points."""

    UP = "up"
    DOWN = "down"
    SIDEWAYS = "sideways"


@dataclass(frozen=True, slots=True)
class Trend:
    """Direction, mean change per bar as a fraction, and how straight it was (R², 0 … 1)."""

    direction: Direction
    slope: float
    straightness: float


def support_resistance(
    high: Values, low: Values, close: Values, *, window: int = 60, span: int = 3, tolerance: float = 0.01
) -> Levels:
    """The nearest confirmed pivots around the last close within the last `window` bars.

    A pivot is the extreme of the `span` bars on either side of it, so it is known only `span` bars later.
    """
    highs, lows, closes = together("support and resistance", high, low, close, needed=2 * span + 1)
    last = float(closes[-1])
    peaks = _pivots(highs[-window:], span)
    troughs = [(-price, ago) for price, ago in _pivots(-lows[-window:], span)]
    pivots = peaks + troughs
    below = [pivot for pivot in pivots if pivot[0] < last]
    above = [pivot for pivot in pivots if pivot[0] > last]
    return Levels(
        support=_level(max(below), pivots, tolerance) if below else None,
        resistance=_level(min(above), pivots, tolerance) if above else None,
    )


def trend(close: Values, *, short: int = 20, long: int = 60) -> Trend:
    """Up when close > short average > long average and the short window rises; down mirrored; else sideways."""
    prices = series("trend", close, needed=long)
    slope, straightness = _line(np.log(prices[-short:]))
    fast, slow = float(prices[-short:].mean()), float(prices[-long:].mean())
    last = float(prices[-1])
    if last > fast > slow and slope > 0.0:
        return Trend(Direction.UP, slope, straightness)
    if last < fast < slow and slope < 0.0:
        return Trend(Direction.DOWN, slope, straightness)
    return Trend(Direction.SIDEWAYS, slope, straightness)


def _pivots(values: Floats, span: int) -> list[tuple[float, int]]:
    """Local maxima as (value, bars ago); of equal neighbours the first counts."""
    if values.size < 2 * span + 1:
        return []
    windows = sliding_window_view(values, 2 * span + 1)
    centres = np.flatnonzero(windows.argmax(axis=1) == span)
    return [(float(values[at + span]), int(values.size - 1 - at - span)) for at in centres]


def _level(pivot: tuple[float, int], pivots: list[tuple[float, int]], tolerance: float) -> Level:
    price, ago = pivot
    touches = sum(1 for other, _ in pivots if abs(other - price) <= tolerance * price)
    return Level(price, ago, touches)


def _line(values: Floats) -> tuple[float, float]:
    """Slope and R² of the least-squares line."""
    steps = np.arange(values.size, dtype=np.float64)
    steps -= steps.mean()
    deviations = values - values.mean()
    total = float(deviations @ deviations)
    slope = float(steps @ deviations) / float(steps @ steps)
    return slope, 0.0 if total <= 1e-18 else min(1.0, slope * slope * float(steps @ steps) / total)
