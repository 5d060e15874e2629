"""PostgreSQL's binary COPY stream made from arrays: every row has the same bytes, so numpy lays them all out at once.

That is what makes a bulk load cost tens of nanoseconds a value instead of a microsecond. A fixed layout has no room for
nulls: floats use NaN and integers -1 for "nothing"; the SELECT that follows turns them into NULL.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"
_EPOCH_DAY = 10_957
"""2000-01-01, PostgreSQL's epoch, in days since 1970-01-01."""
_EPOCH_MICROSECONDS = _EPOCH_DAY * 86_400 * 1_000_000
_SCALE = 4
_GROUP = 10**_SCALE


class Field(Enum):
    """How a column is encoded: the SQL type it is loaded as, and the numpy type of its value."""

    SYMBOL = ("text", "S9")
    DATE = ("date", ">i4")
    INSTANT = ("timestamptz", ">i8")
    FLOAT = ("float8", ">f8")
    INTEGER = ("int8", ">i8")
    BOOLEAN = ("bool", "u1")
    PRICE = ("numeric(14, 4)", "numeric3")
    MONEY = ("numeric(20, 4)", "numeric5")

    @property
    def sql_type(self) -> str:
        """The column type of the staging table."""
        return self.value[0]

    def select(self, name: str) -> str:
        """The expression that reads the staged column, with "nothing" turned into NULL."""
        if self is Field.FLOAT:
            return f"NULLIF({name}, 'NaN')"
        return f"NULLIF({name}, -1)" if self is Field.INTEGER else name


@dataclass(frozen=True, slots=True)
class Column:
    """A named array to be loaded.

    DATE is days and INSTANT microseconds since 1970 (UTC); PRICE and MONEY are floats, rounded at the fourth decimal.
    """

    name: str
    field: Field
    values: NDArray[np.generic]


def encode(columns: Sequence[Column]) -> bytes:
    """The whole COPY stream, header and trailer included."""
    layout = [("fields", ">i2"), *(part for column in columns for part in _layout(column))]
    rows = np.zeros(len(columns[0].values), dtype=layout)
    rows["fields"] = len(columns)
    for column in columns:
        _fill(rows, column)
    return _HEADER + rows.tobytes() + _TRAILER


def _layout(column: Column) -> list[tuple[str, str]]:
    name, kind = column.name, column.field.value[1]
    if not kind.startswith("numeric"):
        return [(f"{name}#", ">i4"), (name, kind)]
    groups = int(kind.removeprefix("numeric"))
    head = [(f"{name}#", ">i4"), (f"{name}.groups", ">i2"), (f"{name}.weight", ">i2")]
    tail = [(f"{name}.sign", ">i2"), (f"{name}.scale", ">i2")]
    return [*head, *tail, *((f"{name}.{i}", ">i2") for i in range(groups))]


def _fill(rows: NDArray[np.void], column: Column) -> None:
    name, field = column.name, column.field
    if field in {Field.PRICE, Field.MONEY}:
        _fill_numeric(rows, column)
        return
    rows[f"{name}#"] = rows.dtype[name].itemsize
    if field is Field.DATE:
        rows[name] = column.values.astype(np.int64) - _EPOCH_DAY
    elif field is Field.INSTANT:
        rows[name] = column.values.astype(np.int64) - _EPOCH_MICROSECONDS
    else:
        rows[name] = column.values


def _fill_numeric(rows: NDArray[np.void], column: Column) -> None:
    """Base-10000 digits, most significant first; PostgreSQL strips the leading zeros itself."""
    name = column.name
    groups = int(column.field.value[1].removeprefix("numeric"))
    rest = _scaled(column)
    if np.any(rest < 0) or np.any(rest >= _GROUP**groups):
        raise ValueError(f"{name} does not fit {column.field.sql_type}")
    rows[f"{name}#"] = 8 + 2 * groups
    rows[f"{name}.groups"] = groups
    rows[f"{name}.weight"] = groups - 2
    rows[f"{name}.scale"] = _SCALE
    for i in reversed(range(groups)):
        rest, digits = np.divmod(rest, _GROUP)
        rows[f"{name}.{i}"] = digits


def _scaled(column: Column) -> NDArray[np.int64]:
    values = column.values.astype(np.float64)
    if not np.all(np.isfinite(values)):
        raise ValueError(f"{column.name} has values that are no numbers")
    scaled: NDArray[np.int64] = np.rint(values * _GROUP).astype(np.int64)
    return scaled
