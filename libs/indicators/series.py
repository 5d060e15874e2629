"""What every indicator demands of its input: one dimension, finite, long enough. Callers drop suspended bars."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from libs.indicators.errors import InsufficientHistory, UnusableSeries

Floats = NDArray[np.float64]
Values = NDArray[np.float64] | NDArray[np.int64] | Sequence[float] | Sequence[int]


def series(indicator: str, values: Values, *, needed: int) -> Floats:
    """`values` as a contiguous float64 array of at least `needed` finite numbers."""
    array = np.ascontiguousarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise UnusableSeries(f"{indicator}: a series has one dimension, not {array.ndim}")
    if not np.isfinite(array).all():
        raise UnusableSeries(f"{indicator}: the series holds NaN or infinite values")
    if array.size < needed:
        raise InsufficientHistory(indicator, needed=needed, given=int(array.size))
    return array


def together(indicator: str, *columns: Values, needed: int) -> tuple[Floats, ...]:
    """Several columns of the same bars, each as `series`."""
    arrays = tuple(series(indicator, column, needed=needed) for column in columns)
    if len({array.size for array in arrays}) > 1:
        raise UnusableSeries(f"{indicator}: the columns have {sorted(array.size for array in arrays)} bars")
    return arrays
