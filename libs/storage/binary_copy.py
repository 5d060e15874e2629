"""PostgreSQL's binary COPY stream made from arrays, all rows at once.

That is what makes a bulk load cost tens of nanoseconds a value instead of a microsecond. Values of fixed width come
first in a row, texts last: the fixed part of all rows with the same nulls has one layout, which numpy fills column by
column, and texts are poured behind it. The order of the rows is not kept.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]

_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"
_EPOCH_DAY = 10_957
"""2000-01-01, PostgreSQL's epoch, in days since 1970-01-01."""
_EPOCH_MICROSECONDS = _EPOCH_DAY * 86_400 * 1_000_000
_GROUP = 10**4
_NEGATIVE = 0x4000
_NULL = -1
_CHUNK_ROWS = 32_768
_CHUNK_TEXT_BYTES = 4_000_000


class DoesNotFit(ValueError):
    """A value that its column cannot hold; the text names the column."""


class Field(Enum):
    """How a column is encoded: the SQL type it is loaded as, and the numpy type of its value."""

    WORD = ("text", "S")
    """A text of the same number of bytes in every row, as symbols are."""
    DATE = ("date", ">i4")
    INSTANT = ("timestamptz", ">i8")
    FLOAT = ("float8", ">f8")
    INTEGER = ("int8", ">i8")
    BOOLEAN = ("bool", "u1")
    PRICE = ("numeric(14, 4)", "numeric")
    MONEY = ("numeric(20, 4)", "numeric")
    SHARE = ("numeric(18, 8)", "numeric")
    TEXT = ("text", "text")
    TEXTS = ("text[]", "text")

    @property
    def sql_type(self) -> str:
        """The column's type in the store."""
        return self.value[0]

    @property
    def is_text(self) -> bool:
        """Whether its values have widths of their own."""
        return self in {Field.TEXT, Field.TEXTS}

    @property
    def numeric(self) -> "Numeric | None":
        """The digits of a NUMERIC, None for everything else."""
        return _NUMERICS.get(self)


@dataclass(frozen=True, slots=True)
class Numeric:
    """NUMERIC as groups of four decimal digits, most significant first."""

    groups: int
    fraction_groups: int

    @property
    def scale(self) -> int:
        """Decimal places."""
        return 4 * self.fraction_groups


_NUMERICS = {Field.PRICE: Numeric(3, 1), Field.MONEY: Numeric(5, 1), Field.SHARE: Numeric(4, 2)}


@dataclass(frozen=True, slots=True)
class Column:
    """A named array to be loaded, and which of its values are null (None: none is).

    DATE is days and INSTANT microseconds since 1970 (UTC); NUMERICs are floats, rounded at their last decimal.
    """

    name: str
    field: Field
    values: NDArray[np.generic]
    nulls: NDArray[np.bool_] | None = None

    @property
    def height(self) -> int:
        """Rows."""
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Texts:
    """A column of texts: all of them in UTF-8 one behind the other, and the width of each in bytes, -1 for null."""

    name: str
    content: Bytes
    widths: Places

    @property
    def height(self) -> int:
        """Rows."""
        return len(self.widths)


def in_stream_order(columns: Sequence[Column | Texts]) -> list[Column | Texts]:
    """Columns in the order in which the stream carries them: texts last."""
    return sorted(columns, key=lambda column: isinstance(column, Texts))


def encode(columns: Sequence[Column | Texts]) -> Iterator[bytes]:
    """The COPY stream in pieces, header and trailer included; the columns come `in_stream_order`."""
    fixed = [column for column in columns if isinstance(column, Column)]
    texts = [column for column in columns if isinstance(column, Texts)]
    yield _HEADER
    for rows in _alike(fixed, columns[0].height):
        for chunk in _chunks(rows, texts):
            block = _block(fixed, chunk, fields=len(columns))
            yield _pour(block, texts, chunk) if texts else block.tobytes()
    yield _TRAILER


def _alike(fixed: Sequence[Column], height: int) -> Iterator[Places]:
    """The rows with the same nulls together: they have the same layout."""
    pattern = np.zeros(height, dtype=np.int64)
    for bit, column in enumerate(fixed):
        if column.nulls is not None:
            pattern |= column.nulls.astype(np.int64) << bit
    for found in np.unique(pattern):
        yield np.flatnonzero(pattern == found)


def _chunks(rows: Places, texts: Sequence[Texts]) -> Iterator[Places]:
    """Few enough rows at once that their places fit the processor's caches."""
    size = np.ones(len(rows), dtype=np.int64) * (_CHUNK_TEXT_BYTES // _CHUNK_ROWS)
    for column in texts:
        size += np.maximum(column.widths[rows], 0)
    number = np.cumsum(size) // _CHUNK_TEXT_BYTES
    yield from (chunk for chunk in np.split(rows, np.flatnonzero(np.diff(number)) + 1) if len(chunk))


def _block(fixed: Sequence[Column], rows: Places, *, fields: int) -> NDArray[np.void]:
    """The fixed part of rows that have the same nulls."""
    missing = [column.nulls is not None and bool(column.nulls[rows[0]]) for column in fixed]
    layout = [("fields", ">i2")]
    for column, null in zip(fixed, missing, strict=True):
        layout += [(f"{column.name}#", ">i4")] if null else _layout(column)
    block = np.empty(len(rows), dtype=layout)
    block["fields"] = fields
    for column, null in zip(fixed, missing, strict=True):
        if null:
            block[f"{column.name}#"] = _NULL
        else:
            _fill(block, column, column.values[rows])
    return block


def _layout(column: Column) -> list[tuple[str, str]]:
    name, numeric = column.name, column.field.numeric
    if numeric is None:
        width = column.values.dtype.str if column.field is Field.WORD else column.field.value[1]
        return [(f"{name}#", ">i4"), (name, width)]
    head = [(f"{name}#", ">i4"), (f"{name}.groups", ">i2"), (f"{name}.weight", ">i2")]
    tail = [(f"{name}.sign", ">i2"), (f"{name}.scale", ">i2")]
    return [*head, *tail, *((f"{name}.{i}", ">i2") for i in range(numeric.groups))]


def _fill(block: NDArray[np.void], column: Column, values: NDArray[np.generic]) -> None:
    name, field = column.name, column.field
    if field.numeric is not None:
        _fill_numeric(block, column, field.numeric, values)
        return
    block[f"{name}#"] = block.dtype[name].itemsize
    if field is Field.DATE:
        block[name] = values.astype(np.int64) - _EPOCH_DAY
    elif field is Field.INSTANT:
        block[name] = values.astype(np.int64) - _EPOCH_MICROSECONDS
    else:
        block[name] = values


def _fill_numeric(block: NDArray[np.void], column: Column, numeric: Numeric, values: NDArray[np.generic]) -> None:
    """Base-10000 digits, most significant first; PostgreSQL strips the leading zeros itself."""
    name = column.name
    rest = np.abs(_scaled(name, values, numeric))
    if np.any(rest >= _GROUP**numeric.groups):
        raise DoesNotFit(f"{name} does not fit {column.field.sql_type}")
    block[f"{name}#"] = 8 + 2 * numeric.groups
    block[f"{name}.groups"] = numeric.groups
    block[f"{name}.weight"] = numeric.groups - numeric.fraction_groups - 1
    block[f"{name}.sign"] = np.where(np.signbit(values) & (rest > 0), _NEGATIVE, 0)
    block[f"{name}.scale"] = numeric.scale
    for i in reversed(range(numeric.groups)):
        rest, digits = np.divmod(rest, _GROUP)
        block[f"{name}.{i}"] = digits


def _scaled(name: str, values: NDArray[np.generic], numeric: Numeric) -> Places:
    floats = values.astype(np.float64)
    if not np.all(np.isfinite(floats)):
        raise DoesNotFit(f"{name} has values that are no numbers")
    scaled = np.rint(floats * 10**numeric.scale)
    if np.any(np.abs(scaled) >= 2**63):
        raise DoesNotFit(f"{name} has values beyond every column")
    whole: Places = scaled.astype(np.int64)
    return whole


def _pour(block: NDArray[np.void], texts: Sequence[Texts], rows: Places) -> bytes:
    """The fixed parts, each with its row's texts behind it."""
    widths = [np.maximum(column.widths[rows], 0) for column in texts]
    sizes = block.dtype.itemsize + sum(4 + width for width in widths)
    ends = np.cumsum(sizes)
    place = ends - sizes
    stream = np.empty(int(ends[-1]), dtype=np.uint8)
    _put(stream, place, block.view(np.uint8).reshape(len(block), -1))
    place = place + block.dtype.itemsize
    for column, width in zip(texts, widths, strict=True):
        _put(stream, place, column.widths[rows].astype(">i4").view(np.uint8).reshape(len(rows), 4))
        begins = np.cumsum(np.maximum(column.widths, 0)) - np.maximum(column.widths, 0)
        stream[_spread(place + 4, width)] = column.content[_spread(begins[rows], width)]
        place = place + 4 + width
    return stream.tobytes()


def _put(stream: Bytes, place: Places, content: Bytes) -> None:
    stream[place[:, None] + np.arange(content.shape[1])] = content


def _spread(begins: Places, widths: Places) -> Places:
    """Every place of texts that begin at `begins` and are `widths` bytes wide."""
    before = np.cumsum(widths) - widths
    return np.repeat(begins - before, widths) + np.arange(int(widths.sum()))
