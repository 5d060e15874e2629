"""Every function of TA-Lib by its name: what it takes, what it gives, and its values over the bars that traded.

TA-Lib itself writes the catalogue, so it is always that of the installed version. A value stands beside the row it
belongs to; rows without a value (warm-up, suspended days, undefined arithmetic) are simply not there: a NaN is never an
answer, and a NaN is never put in (after one, TA-Lib's RSI says 0 for ever).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from libs.domain.errors import InvalidInput
from libs.indicators.errors import UnusableSeries
from libs.indicators.series import Floats, Values
from libs.indicators.talib_door import describe, function_names, lookback, moving_average_number, talib

Number = int | float
Positions = NDArray[np.int64]

MOVING_AVERAGES = ("SMA", "EMA", "WMA", "DEMA", "TEMA", "TRIMA", "KAMA", "MAMA", "T3", "HMA", "RMA", "ZLEMA")
"""What a parameter of type moving average (`matype`) may be called."""

_LARGEST = 2**31 - 1
"""TA-Lib takes C integers."""
_ROW_NUMBERS = frozenset({"MAXINDEX", "MININDEX", "MINMAXINDEX"})
"""These answer with the number of a row, which must be one of the caller's rows."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One function: its columns, its parameters with their defaults, its outputs in order."""

    name: str
    title: str
    group: str
    inputs: tuple[str, ...]
    """Columns it reads; `close` where TA-Lib takes any one series."""
    parameters: Mapping[str, Number]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Computed:
    """The values of one function: `outputs[name][k]` belongs to row `rows[k]` of the columns given."""

    name: str
    parameters: Mapping[str, Number]
    rows: Positions
    outputs: Mapping[str, Floats]

    @property
    def last(self) -> Mapping[str, float]:
        """The newest value of every output; raises `UnusableSeries` where there is none."""
        if not self.rows.size:
            raise UnusableSeries(f"{self.name}: no row has a value")
        return {name: float(values[-1]) for name, values in self.outputs.items()}


@cache
def catalogue() -> Mapping[str, Definition]:
    """Every function by name."""
    return {name: _define(name) for name in function_names()}


def definition(name: str) -> Definition:
    """One function, by its name in any case; raises `InvalidInput` naming `indicator`."""
    found = catalogue().get(name.upper())
    if found is None:
        raise InvalidInput("indicator", f"{name[:32]!r} is no function of TA-Lib {talib.__version__}")
    return found


def compute(
    name: str,
    columns: Mapping[str, Values],
    parameters: Mapping[str, Number | str] | None = None,
    *,
    traded: Sequence[bool] | NDArray[np.bool_] | None = None,
    source: str = "close",
) -> Computed:
    """The values of one function over rows of bars, oldest first.

    `columns` are open, high, low, close, volume and whatever else the function reads, all equally long. `traded` is
    False on suspended days, which take no part. `source` is the column for functions of any one series. Raises
    `InvalidInput` naming the wrong parameter or column, `UnusableSeries` for NaN on a traded row.
    """
    wanted = definition(name)
    chosen = _parameters(wanted, parameters or {})
    inputs = [source if column == "close" and _takes_any(wanted) else column for column in wanted.inputs]
    arrays, rows = _traded_columns(inputs, columns, traded)
    start = _lookback(wanted.name, chosen)
    if rows.size <= start:
        return Computed(wanted.name, chosen, rows[:0], {output: np.empty(0) for output in wanted.outputs})
    try:
        results = getattr(talib, wanted.name)(*arrays, **chosen)
    except Exception as e:
        # TA-Lib has no error class of its own; after the checks above only a value out of its range is left.
        raise InvalidInput("parameters", f"{wanted.name} refuses {dict(chosen)}") from e
    made = dict(zip(wanted.outputs, results if len(wanted.outputs) > 1 else [results], strict=True))
    return _beside_rows(wanted.name, chosen, rows, {key: values[start:] for key, values in made.items()}, start)


def _define(name: str) -> Definition:
    info = describe(name)
    inputs = chain.from_iterable([v] if isinstance(v, str) else v for v in info["input_names"].values())
    return Definition(
        name, info["display_name"], info["group"], tuple(inputs), dict(info["parameters"]), tuple(info["output_names"])
    )


def _takes_any(wanted: Definition) -> bool:
    return "price" in describe(wanted.name)["input_names"]


def _lookback(name: str, parameters: Mapping[str, Number]) -> int:
    try:
        return lookback(name, parameters)
    except Exception as e:
        raise InvalidInput("parameters", f"{name} refuses {dict(parameters)}") from e


def _parameters(wanted: Definition, given: Mapping[str, Number | str]) -> dict[str, Number]:
    unknown = sorted(set(given) - set(wanted.parameters))
    if unknown:
        known = ", ".join(wanted.parameters) or "none"
        raise InvalidInput(unknown[0], f"{wanted.name} has no such parameter; it has: {known}")
    return {
        name: _parameter(name, given[name], default) if name in given else default
        for name, default in wanted.parameters.items()
    }


def _parameter(name: str, value: Number | str, default: Number) -> Number:
    if isinstance(value, str):
        if not name.endswith("matype") or value.upper() not in MOVING_AVERAGES:
            raise InvalidInput(name, f"{value[:32]!r} is not a number")
        return moving_average_number(value.upper())
    if isinstance(value, bool) or not -_LARGEST <= value <= _LARGEST:
        raise InvalidInput(name, f"{str(value)[:32]} is not a number within ±{_LARGEST}")
    if isinstance(default, float):
        return float(value)
    if value != int(value):
        raise InvalidInput(name, f"{value} is not a whole number")
    return int(value)


def _traded_columns(
    names: Sequence[str], columns: Mapping[str, Values], traded: Sequence[bool] | NDArray[np.bool_] | None
) -> tuple[list[Floats], Positions]:
    """The columns cut to the rows that traded, and the numbers of those rows."""
    missing = sorted(set(names) - set(columns))
    if missing:
        raise InvalidInput("columns", f"{', '.join(missing)} missing")
    arrays = [np.ascontiguousarray(columns[name], dtype=np.float64) for name in names]
    length = arrays[0].size
    kept = np.ones(length, dtype=np.bool_) if traded is None else np.asarray(traded, dtype=np.bool_)
    if any(array.shape != (length,) for array in arrays) or kept.shape != (length,):
        raise UnusableSeries(f"columns {', '.join(names)} differ in length")
    cut = [np.ascontiguousarray(array[kept]) for array in arrays]
    for name, array in zip(names, cut, strict=True):
        if not np.isfinite(array).all():
            raise UnusableSeries(f"column {name} holds NaN or infinite values on a traded row")
    return cut, np.flatnonzero(kept).astype(np.int64)


def _beside_rows(
    name: str, parameters: Mapping[str, Number], rows: Positions, made: Mapping[str, NDArray[np.generic]], start: int
) -> Computed:
    """The outputs as floats beside their rows, without those that have no value."""
    values = {output: array.astype(np.float64) for output, array in made.items()}
    if name in _ROW_NUMBERS:
        values = {output: rows[array.astype(np.int64)].astype(np.float64) for output, array in values.items()}
    whole = np.logical_and.reduce([np.isfinite(array) for array in values.values()])
    return Computed(name, parameters, rows[start:][whole], {output: array[whole] for output, array in values.items()})
