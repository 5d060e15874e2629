"""Refuse bad rows, each for one named reason. Nothing is repaired: corrupt data is worse than none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

_SYMBOL_PATTERN = r"^[0-9]{6}\.(SH|SZ|BJ)$"
_LARGEST_PRICE = 99_999_999.0
_LARGEST_AMOUNT = 1e14
_LARGEST_VOLUME = 1e14
_WRONG_UNIT_SHARE = 0.2
_TOLERANCE = 0.02
_PRICES = ("open", "high", "low", "close")

Checks = Sequence[tuple[str, pl.Expr]]
"""Reasons with the expression that is true on a bad row; the first that holds is the one counted."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The rows that passed, and how many did not, by reason."""

    frame: pl.DataFrame
    rejected: Mapping[str, int]


def check(frame: pl.DataFrame, checks: Checks) -> Checked:
    """Split off the rows that fail; a check that cannot decide (null) fails the row."""
    reason = pl.coalesce(pl.when(bad.fill_null(value=True)).then(pl.lit(name)) for name, bad in checks)
    marked = frame.with_columns(reason.alias("_reason"))
    counts = marked.filter(pl.col("_reason").is_not_null()).group_by("_reason").len().sort("_reason")
    kept = marked.filter(pl.col("_reason").is_null()).drop("_reason")
    return Checked(kept, {str(name): int(rows) for name, rows in counts.rows()})


def symbol_checks() -> Checks:
    """The symbol is one of an A-share exchange."""
    return [("malformed symbol", ~pl.col("symbol").str.contains(_SYMBOL_PATTERN))]


def session_checks(sessions: Sequence[date], column: str = "session") -> Checks:
    """The date is a session of the exchange, as far as the calendar given can say."""
    known = pl.Series("known", sorted(sessions), dtype=pl.Date)
    day = pl.col(column)
    first, last = (known[0], known[-1]) if len(known) else (date.max, date.min)
    return [
        ("malformed date", day.is_null()),
        ("date outside the known calendar", (day < first) | (day > last)),
        ("not a session", ~day.is_in(known.implode())),
    ]


def price_checks() -> Checks:
    """Prices exist, are positive, and open and close lie within low and high."""
    missing = pl.any_horizontal(_not_finite(name) for name in _PRICES)
    low, high = pl.col("low"), pl.col("high")
    outside = [(name, (pl.col(name) < low) | (pl.col(name) > high)) for name in ("open", "close")]
    return [
        ("price missing", missing),
        ("price not positive", pl.any_horizontal(pl.col(name) <= 0 for name in _PRICES)),
        ("price implausible", pl.any_horizontal(pl.col(name) > _LARGEST_PRICE for name in _PRICES)),
        ("high below low", high < low),
        *((f"{name} outside low and high", bad) for name, bad in outside),
    ]


def reference_price_checks() -> Checks:
    """The exchange's reference price is there and usable."""
    price = pl.col("pre_close")
    return [
        ("reference price missing", _not_finite("pre_close")),
        ("reference price not positive", price <= 0),
        ("reference price implausible", price > _LARGEST_PRICE),
    ]


def turnover_checks() -> Checks:
    """Volume and amount are there and not negative."""
    return [
        ("volume missing", _not_finite("volume")),
        ("volume negative", pl.col("volume") < 0),
        ("volume implausible", pl.col("volume") > _LARGEST_VOLUME),
        ("volume not whole", pl.col("volume") != pl.col("volume").round()),
        ("amount missing", _not_finite("amount")),
        ("amount negative", pl.col("amount") < 0),
        ("amount implausible", pl.col("amount") > _LARGEST_AMOUNT),
    ]


def wrong_units(bars: pl.DataFrame) -> str | None:
    """What is wrong where the mean price of a day, amount over volume, often lies outside its low and high."""
    traded = bars.filter(pl.col("volume") > 0)
    mean = pl.col("amount") / pl.col("volume")
    outside = (mean < pl.col("low") * (1 - _TOLERANCE)) | (mean > pl.col("high") * (1 + _TOLERANCE))
    share = float(traded.select(outside.mean().fill_null(0.0)).item())
    if share <= _WRONG_UNIT_SHARE:
        return None
    return f"volume and amount do not fit the prices in {share:.0%} of rows; units changed?"


def _not_finite(name: str) -> pl.Expr:
    return ~pl.col(name).cast(pl.Float64, strict=False).is_finite().fill_null(value=False)


@dataclass(frozen=True, slots=True)
class Merged:
    """Rows of several origins with one row per key."""

    frames: list[pl.DataFrame]
    """One frame per input, holding the rows that input is the first to give."""
    duplicates: list[int]
    conflicts: list[int]


def keep_first(frames: Sequence[pl.DataFrame], key: Sequence[str]) -> Merged:
    """One row per key over frames in order: the first is kept; later ones are duplicates or conflicts."""
    labelled = [frame.with_columns(pl.lit(i).alias("_input")) for i, frame in enumerate(frames)]
    rows = pl.concat(labelled).with_row_index("_row")
    later = rows.select(pl.struct(key).is_first_distinct().not_()).to_series()
    if not later.any():
        return Merged(list(frames), [0] * len(frames), [0] * len(frames))
    values = [name for name in frames[0].columns if name not in key]
    pairs = rows.filter(later).join(rows.filter(~later), on=list(key), suffix="_first")
    differs = pl.any_horizontal(pl.col(v).ne_missing(pl.col(f"{v}_first")) for v in values)
    counts = pairs.group_by("_input").agg(differs.sum().alias("conflicts"), pl.len().alias("rows"))
    by_input = {int(i): (int(bad), int(n)) for i, bad, n in counts.rows()}
    kept = rows.filter(~later)
    return Merged(
        [kept.filter(pl.col("_input") == i).drop("_input", "_row") for i in range(len(frames))],
        [by_input.get(i, (0, 0))[1] - by_input.get(i, (0, 0))[0] for i in range(len(frames))],
        [by_input.get(i, (0, 0))[0] for i in range(len(frames))],
    )
