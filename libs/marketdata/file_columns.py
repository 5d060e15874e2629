"""Columns of files as the types they mean: dates in several spellings, numbers, and what a file does not have.

Values that cannot be read become nulls here and are refused later, with their reason.
"""

import polars as pl

HUNDRED_MILLION = 100_000_000
TEN_THOUSAND = 10_000
LOT = 100

_MOMENTS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y%m%d%H%M%S")


class Unfit(Exception):
    """A file has the columns of its layout and yet means something else by them; the text says what."""


def day(name: str, frame: pl.DataFrame) -> pl.Expr:
    """A date from a date, a timestamp, `2024-09-02` or `20240902`; null where it is none of them."""
    if frame.schema[name].is_temporal():
        return pl.col(name).cast(pl.Date)
    digits = pl.col(name).cast(pl.String).str.strip_chars().str.replace_all("-", "")
    return digits.str.to_date("%Y%m%d", strict=False).alias(name)


def moment(name: str, frame: pl.DataFrame) -> pl.Expr:
    """An instant from a naive Shanghai timestamp or a text like `2025-01-02 09:45:00`; one with a zone keeps it."""
    kind = frame.schema[name]
    if isinstance(kind, pl.Datetime) and kind.time_zone:
        return pl.col(name).dt.cast_time_unit("us").dt.convert_time_zone("Asia/Shanghai")
    if isinstance(kind, pl.Datetime):
        naive = pl.col(name).dt.cast_time_unit("us")
    else:
        text = pl.col(name).cast(pl.String).str.strip_chars()
        naive = pl.coalesce(text.str.to_datetime(form, time_unit="us", strict=False) for form in _MOMENTS)
    return naive.dt.replace_time_zone("Asia/Shanghai", ambiguous="null", non_existent="null")


def day_of(instant: str) -> pl.Expr:
    """The exchange date of an instant."""
    return pl.col(instant).dt.date()


def number(name: str, frame: pl.DataFrame) -> pl.Expr:
    """A float. 32-bit floats are read by their shortest decimal form: 1.221012 stays 1.221012."""
    if frame.schema[name] == pl.Float32:
        return pl.col(name).cast(pl.String).cast(pl.Float64, strict=False).alias(name)
    return pl.col(name).cast(pl.Float64, strict=False)


def or_null(value: pl.Expr) -> pl.Expr:
    """A number that is none becomes null."""
    return pl.when(value.is_finite()).then(value)


def with_missing(frame: pl.DataFrame, *names: str) -> pl.DataFrame:
    """The frame with empty columns for those of these that it does not have."""
    absent = [pl.lit(None, dtype=pl.Float64).alias(name) for name in names if name not in frame.columns]
    return frame.with_columns(absent)
