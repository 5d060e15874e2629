"""The exchange's reference price (前收盘价) out of two series of the same bars: raw, and adjusted backward (后复权).

Eastmoney's raw bars count their change from the raw close before, so an ex-date (除权除息日) does not show in them; in
its adjusted bars it does. Between two ex-dates every adjusted price is the same straight line of the raw one, whether
cash was taken off or a share split. A day whose prices leave that line is an ex-date, and its own line says what the
adjusted close before is worth in its raw prices.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np
from numpy.typing import NDArray

from libs.domain.errors import HiddenGemError

Prices = NDArray[np.float64]

_ROUNDING = 0.011
"""Adjusted prices are rounded to 0.01; this much they may lie beside their line."""
_MOST_EX_DATES_A_SESSION = 0.05


class UnrelatedSeries(HiddenGemError):
    """The adjusted prices do not follow the raw ones, so nothing can be told from them."""

    code = "marketdata.unrelated_series"


@dataclass(frozen=True, slots=True)
class _Line:
    """adjusted = slope · raw + offset."""

    slope: float
    offset: float
    farthest: float
    """How far a price lies beside the line at most."""

    def raw_of(self, adjusted: float) -> float:
        return (adjusted - self.offset) / self.slope


def reference_prices(raw: Prices, adjusted: Prices) -> list[float]:
    """The reference price of every session but the first, from rows of open, high, low and close (last column)."""
    starts = _ex_dates(raw, adjusted)
    if len(starts) - 1 > 2 + _MOST_EX_DATES_A_SESSION * len(raw):
        raise UnrelatedSeries(f"{len(starts) - 1} ex-dates in {len(raw)} sessions: the adjusted prices do not fit")
    found = [float(close) for close in raw[:-1, -1]]
    for start, end in islice(pairwise([*starts, len(raw)]), 1, None):
        line = _line(raw[start:end], adjusted[start:end])
        if line is None:
            raise UnrelatedSeries("an ex-date whose prices do not move: its reference price cannot be told")
        found[start - 1] = round(line.raw_of(float(adjusted[start - 1, -1])), 2)
    return found


def _ex_dates(raw: Prices, adjusted: Prices) -> Sequence[int]:
    """Where each straight line begins: 0, then every ex-date."""
    starts = [0]
    for at in range(1, len(raw)):
        line = _line(raw[starts[-1] : at + 1], adjusted[starts[-1] : at + 1])
        if line is not None and line.farthest > _ROUNDING:
            starts.append(at)
    return starts


def _line(raw: Prices, adjusted: Prices) -> _Line | None:
    """The best straight line through all prices of some sessions; None where the raw price never moved."""
    x, y = raw.ravel(), adjusted.ravel()
    dx, dy = x - x.mean(), y - y.mean()
    spread = float(dx @ dx)
    if spread <= 0.0:
        return None
    slope = float(dx @ dy) / spread
    offset = float(y.mean()) - slope * float(x.mean())
    return _Line(slope, offset, float(np.abs(y - slope * x - offset).max()))
