"""Moving averages as an operator designs them, `EMA(20)`, `KAMA(10)@high`, `SMA(12,2)`, and where two of them cross.

`SMA(N,M)` is the one of Chinese charting programs, Y = (M·X + (N−M)·Y′) ÷ N; with M = 1 it is Wilder's average.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from libs.domain.errors import InvalidInput
from libs.indicators.catalogue import MOVING_AVERAGES, Computed, compute
from libs.indicators.series import Floats, Values

_TEXT = re.compile(r"(?P<kind>[A-Z0-9]+)\((?P<period>\d{1,4})(,(?P<weight>\d{1,4}))?\)(@(?P<source>[a-z]+))?")
_WITHOUT_PERIOD = {"MAMA"}


@dataclass(frozen=True, slots=True)
class Average:
    """One average: its kind, its period, the column it is taken of, and M of a Chinese SMA(N,M)."""

    kind: str
    period: int
    source: str = "close"
    weight: int | None = None

    @property
    def label(self) -> str:
        """The text that stands for it."""
        weight = "" if self.weight is None else f",{self.weight}"
        source = "" if self.source == "close" else f"@{self.source}"
        return f"{self.kind}({self.period}{weight}){source}"


@dataclass(frozen=True, slots=True)
class Crossing:
    """Where one average crossed another: +1 upwards (金叉), −1 downwards (死叉)."""

    row: int
    direction: int


def parse_average(text: str) -> Average:
    """Read `EMA(20)`, `SMA(12,2)` or `KAMA(10)@high`; raises `InvalidInput` naming `average`."""
    found = _TEXT.fullmatch(text.replace(" ", ""))
    if found is None or found["kind"] not in MOVING_AVERAGES or found["kind"] in _WITHOUT_PERIOD:
        kinds = ", ".join(kind for kind in MOVING_AVERAGES if kind not in _WITHOUT_PERIOD)
        raise InvalidInput("average", f"{text[:40]!r} is not like EMA(20) or KAMA(10)@high; kinds: {kinds}")
    period, weight = int(found["period"]), int(found["weight"]) if found["weight"] else None
    if period < 2 or (weight is not None and (found["kind"] != "SMA" or not 0 < weight < period)):
        raise InvalidInput("average", f"{text[:40]!r}: needs a period of 2 or more; only SMA(N,M) takes M, below N")
    return Average(found["kind"], period, found["source"] or "close", weight)


def design(
    averages: Sequence[Average], columns: Mapping[str, Values], *, traded: Sequence[bool] | None = None
) -> Mapping[str, Computed]:
    """Every average by its label, over the rows that traded."""
    return {average.label: _values(average, columns, traded) for average in averages}


def crossings(fast: Computed, slow: Computed) -> tuple[Crossing, ...]:
    """Where the fast average crossed the slow one, on the rows that both have; touching alone is no crossing."""
    rows, at_fast, at_slow = np.intersect1d(fast.rows, slow.rows, return_indices=True)
    side = np.sign(_only(fast)[at_fast] - _only(slow)[at_slow])
    apart = np.flatnonzero(side)
    turned = apart[1:][side[apart[1:]] != side[apart[:-1]]]
    return tuple(Crossing(int(rows[i]), int(side[i])) for i in turned)


def _values(average: Average, columns: Mapping[str, Values], traded: Sequence[bool] | None) -> Computed:
    if average.weight is None:
        return compute(average.kind, columns, {"timeperiod": average.period}, traded=traded, source=average.source)
    plain = compute("SMA", columns, {"timeperiod": 1}, traded=traded, source=average.source)
    smoothed = _smoothed(plain.outputs["real"], average.weight / average.period)
    start = min(average.period - 1, smoothed.size)
    parameters = {"timeperiod": average.period, "weight": average.weight}
    return Computed("SMA", parameters, plain.rows[start:], {"real": smoothed[start:]})


def _smoothed(values: Floats, share: float) -> Floats:
    result = values.copy()
    for i in range(1, result.size):
        result[i] = values[i] * share + result[i - 1] * (1.0 - share)
    return result


def _only(average: Computed) -> Floats:
    return average.outputs["real"]
