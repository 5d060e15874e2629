"""How shares stand to their price limits (涨跌停): distance, closes at the limit, and the ladder of runs (连板).

The limits of each session are given, since the rulebook knows them; NaN is a session without limit, which never closes
at one. Rows are those that traded: a suspension neither breaks a run nor adds to it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from libs.indicators.errors import UnusableSeries
from libs.indicators.series import Floats, Values, series

Runs = NDArray[np.int64]

_HALF_TICK = 0.005


@dataclass(frozen=True, slots=True)
class LimitDistance:
    """What is left of the way to either limit, as fractions of the price; 0 at the limit, None without limits."""

    up: float | None
    down: float | None


def distance_to_limits(price: float, lower: float | None, upper: float | None) -> LimitDistance:
    """How far `price` is from its limits of the day."""
    if not price > 0.0:
        raise UnusableSeries(f"distance to limits: a price of {price} is not positive")
    return LimitDistance(
        up=None if upper is None else max(0.0, upper / price - 1.0),
        down=None if lower is None else max(0.0, 1.0 - lower / price),
    )


def limit_runs(close: Values, limit: Values) -> Runs:
    """At every row, how many closes in a row have been at the limit given (upper or lower), this one included."""
    closes = series("limit ladder", close, needed=0)
    limits = np.ascontiguousarray(limit, dtype=np.float64)
    if limits.shape != closes.shape:
        raise UnusableSeries(f"limit ladder: {closes.size} closes and {limits.size} limits")
    # Comparing with NaN is False: a session without limit ends the run.
    sealed = np.abs(closes - limits) < _HALF_TICK
    rows = np.arange(closes.size)
    broken = np.maximum.accumulate(np.where(sealed, -1, rows))
    runs: Runs = np.where(sealed, rows - broken, 0)
    return runs


def ladder(runs: Iterable[int]) -> Mapping[int, int]:
    """How many shares stand on each rung: by length of the run, for runs of one and more, the longest first."""
    counted = Counter(run for run in runs if run > 0)
    return {run: counted[run] for run in sorted(counted, reverse=True)}


def promotion_rate(before: Mapping[int, int], now: Mapping[int, int]) -> float | None:
    """The share of yesterday's runs that went on today (晋级率); None where there was none yesterday."""
    standing = sum(before.values())
    return None if not standing else sum(count for run, count in now.items() if run > 1) / standing


def tradable_room(high: Values, low: Values) -> Floats:
    """The day's range as a fraction of its low; 0 is a board sealed from open to close (一字板)."""
    highs, lows = series("range", high, needed=1), series("range", low, needed=1)
    if highs.shape != lows.shape or (lows <= 0.0).any():
        raise UnusableSeries("range: highs and lows must be positive and equally long")
    room: Floats = highs / lows - 1.0
    return room
