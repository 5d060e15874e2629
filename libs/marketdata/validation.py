"""Refuse bad rows, each for one named reason. Nothing is repaired: corrupt data is worse than none."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
import polars.selectors as cs

from libs.marketdata.source import Kind

KEPT_REFUSALS = 10_000
"""How many refused rows of one batch are kept to be looked at; the counts are exact whatever this is."""
REFUSED = {
    "kind": pl.String(),
    "symbol": pl.String(),
    "session": pl.Date(),
    "reason": pl.String(),
    "row": pl.String(),
}

_DAYS = (
    "session",
    "traded_at",
    "ends_at",
    "ex_date",
    "unlock_date",
    "effective_from",
    "session_date",
    "period",
    "as_of",
)
_SYMBOL_PATTERN = r"^[0-9]{6}\.(SH|SZ|BJ)$"
LARGEST_PRICE = 99_999_999.0
LARGEST_AMOUNT = 1e14
LARGEST_VOLUME = 1e14
_WRONG_UNIT_SHARE = 0.2
TOLERANCE = 0.02
"""How far a mean price may lie outside low and high: amounts are rounded, and block trades count in some sources."""
_PRICES = ("open", "high", "low", "close")

Checks = Sequence[tuple[str, pl.Expr]]
"""Reasons with the expression that is true on a bad row; the first that holds is the one counted."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The rows that passed, and how many did not, by reason."""

    frame: pl.DataFrame
    rejected: Mapping[str, int]
    bad: pl.DataFrame
    """The first `KEPT_REFUSALS` rows that did not pass, each with its `_reason`."""

    def refused(self, kind: Kind) -> pl.DataFrame | None:
        """The rows that did not pass in the columns of `REFUSED`; None where all did."""
        return refused_rows(kind, self.bad) if self.bad.height else None


def check(frame: pl.DataFrame, checks: Checks) -> Checked:
    """Split off the rows that fail; a check that cannot decide (null) fails the row.

    What is no number (NaN) is nothing. No row of any kind may have a number without end or a text that no database
    takes. Rows that pass come out with nulls for NaN, rows that fail as they were.
    """
    rows = frame.with_columns(cs.float().fill_nan(None))
    every = [(name, bad.fill_null(value=True)) for name, bad in checks] + _of_every_row(rows)
    reason = rows.select(pl.coalesce(pl.when(bad).then(pl.lit(name)) for name, bad in every).alias("_reason"))
    failed = reason.to_series().is_not_null()
    bad = frame.hstack(reason).filter(failed)
    counts = bad.group_by("_reason").len().sort("_reason")
    return Checked(
        rows.filter(~failed), {str(name): int(count) for name, count in counts.rows()}, bad.head(KEPT_REFUSALS)
    )


def _of_every_row(frame: pl.DataFrame) -> list[tuple[str, pl.Expr]]:
    endless = [pl.col(name).is_infinite() for name, kind in frame.schema.items() if kind.is_float()]
    null = [pl.col(name).str.contains("\x00", literal=True) for name, kind in frame.schema.items() if kind == pl.String]
    found = {"number without end": endless, "text with a null character": null}
    return [(name, pl.any_horizontal(bad).fill_null(value=False)) for name, bad in found.items() if bad]


def refused_rows(kind: Kind, bad: pl.DataFrame) -> pl.DataFrame:
    """Rows with a `_reason` in the columns of `REFUSED`.

    `session` is the exchange date the row is about, `row` the whole row as a JSON object: dates and instants in ISO
    8601, numbers that are none as the texts NaN, Infinity and -Infinity.
    """
    rows = [_refusal(kind, row) for row in bad.iter_rows(named=True)]
    return pl.DataFrame(rows, schema=REFUSED, orient="row")


def _refusal(kind: Kind, row: dict[str, Any]) -> tuple[str, str | None, date | None, str, str]:
    reason = row.pop("_reason")
    days = (row.get(name) for name in _DAYS)
    day = next((found for found in days if isinstance(found, date)), None)
    if isinstance(day, datetime):
        day = day.date()
    written = {name: _shown(value) for name, value in row.items()}
    return kind.value, row.get("symbol"), day, reason, json.dumps(written, ensure_ascii=False, allow_nan=False)


def _shown(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
    return value


def symbol_checks() -> Checks:
    """The symbol is one of an A-share exchange."""
    return [("malformed symbol", ~pl.col("symbol").str.contains(_SYMBOL_PATTERN))]


def session_checks(sessions: Sequence[date], day: pl.Expr | None = None) -> Checks:
    """The date, by default the column `session`, is one of the exchange's, as far as the calendar given can say."""
    known = pl.Series("known", sorted(sessions), dtype=pl.Date)
    day = pl.col("session") if day is None else day
    first, last = (known[0], known[-1]) if len(known) else (date.max, date.min)
    return [
        ("malformed date", day.is_null()),
        ("date outside the known calendar", (day < first) | (day > last)),
        ("not a session", ~day.is_in(known.implode())),
    ]


def price_checks() -> Checks:
    """Prices exist, are positive, and open and close lie within low and high."""
    lacking = pl.any_horizontal(missing(name) for name in _PRICES)
    low, high = pl.col("low"), pl.col("high")
    outside = [(name, (pl.col(name) < low) | (pl.col(name) > high)) for name in ("open", "close")]
    return [
        ("price missing", lacking),
        ("price not positive", pl.any_horizontal(pl.col(name) <= 0 for name in _PRICES)),
        ("price implausible", pl.any_horizontal(pl.col(name) > LARGEST_PRICE for name in _PRICES)),
        ("high below low", high < low),
        *((f"{name} outside low and high", bad) for name, bad in outside),
    ]


def reference_price_checks() -> Checks:
    """The exchange's reference price is there and usable."""
    price = pl.col("pre_close")
    return [
        ("reference price missing", missing("pre_close")),
        ("reference price not positive", price <= 0),
        ("reference price implausible", price > LARGEST_PRICE),
    ]


def volume_checks() -> Checks:
    """Volume is there: a whole number of shares, not negative."""
    return [
        ("volume missing", missing("volume")),
        ("volume negative", pl.col("volume") < 0),
        ("volume implausible", pl.col("volume") > LARGEST_VOLUME),
        ("volume not whole", pl.col("volume") != pl.col("volume").round()),
    ]


def turnover_checks() -> Checks:
    """Volume and amount are there and not negative."""
    return [
        *volume_checks(),
        ("amount missing", missing("amount")),
        ("amount negative", pl.col("amount") < 0),
        ("amount implausible", pl.col("amount") > LARGEST_AMOUNT),
    ]


def wrong_units(bars: pl.DataFrame) -> str | None:
    """What is wrong where the mean price of a day, amount over volume, often lies outside its low and high."""
    traded = bars.filter(pl.col("volume") > 0)
    mean = pl.col("amount") / pl.col("volume")
    outside = (mean < pl.col("low") * (1 - TOLERANCE)) | (mean > pl.col("high") * (1 + TOLERANCE))
    share = float(traded.select(outside.mean().fill_null(0.0)).item())
    if share <= _WRONG_UNIT_SHARE:
        return None
    return f"volume and amount do not fit the prices in {share:.0%} of rows; units changed?"


def missing(name: str) -> pl.Expr:
    """A number is not there, or is none."""
    return ~pl.col(name).cast(pl.Float64, strict=False).is_finite().fill_null(value=False)


def absent(name: str) -> pl.Expr:
    """A text is not there, or is blank."""
    return pl.col(name).fill_null("").str.strip_chars() == ""


def not_one_of(name: str, words: Sequence[str]) -> pl.Expr:
    """A text is none of these words, or is not there."""
    return ~pl.col(name).is_in(list(words)).fill_null(value=False)


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
    unlike = [pl.col(v).ne_missing(pl.col(f"{v}_first")) for v in values]
    differs = pl.any_horizontal(unlike) if unlike else pl.lit(value=False)
    counts = pairs.group_by("_input").agg(differs.sum().alias("conflicts"), pl.len().alias("rows"))
    by_input = {int(i): (int(bad), int(n)) for i, bad, n in counts.rows()}
    kept = rows.filter(~later)
    return Merged(
        [kept.filter(pl.col("_input") == i).drop("_input", "_row") for i in range(len(frames))],
        [by_input.get(i, (0, 0))[1] - by_input.get(i, (0, 0))[0] for i in range(len(frames))],
        [by_input.get(i, (0, 0))[0] for i in range(len(frames))],
    )
