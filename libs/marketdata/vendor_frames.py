"""From a vendor's table to checked, normalised frames; what Tushare and AkShare have in common.

Neither gives suspended days, ST history or adjustment factors with its daily bars: a day without trading has no row,
the ST flag is that of today's name, and factors are derived in the store from close and reference price.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from libs.marketdata.frames import SCHEMAS, conform, published
from libs.marketdata.initials import initials_of
from libs.marketdata.readers import board_name
from libs.marketdata.row_checks import checks_for
from libs.marketdata.sessions import AFTER_CLOSE
from libs.marketdata.source import Batch, Kind, Progress, SourceError, Window
from libs.marketdata.validation import check, wrong_units

if TYPE_CHECKING:
    import pandas as pd

BENCHMARK = "000300.SH"


@dataclass(frozen=True, slots=True)
class VendorRequest:
    """What to fetch from a vendor, and how patiently."""

    symbols: tuple[str, ...]
    window: Window
    sessions: tuple[date, ...]
    """The sessions known to the desk; what the vendor's calendar adds is added."""
    today: date
    call_seconds: float
    pause_seconds: float
    progress: Progress


@dataclass(frozen=True, slots=True)
class Listed:
    """What a vendor says of one share."""

    symbol: str
    name: str
    industry: str | None
    list_date: date | None


def table(answer: "pd.DataFrame", columns: Mapping[str, str], doing: str) -> pl.DataFrame:
    """The vendor's columns under our names; an empty table or a missing column is an error."""
    if answer is None or answer.empty:
        raise SourceError(f"{doing}: an empty table where rows were expected")
    missing = sorted(set(columns.values()) - set(answer.columns))
    if missing:
        raise SourceError(f"{doing}: the column(s) {', '.join(missing)} are missing")
    return pl.DataFrame({ours: pl.Series(answer[theirs].tolist(), strict=False) for ours, theirs in columns.items()})


def days(frame: pl.DataFrame, name: str) -> pl.Expr:
    """A date column, whether it came as dates, `20240902` or `2024-09-02`."""
    if frame.schema[name].is_temporal():
        return pl.col(name).cast(pl.Date)
    return pl.col(name).cast(pl.String).str.replace_all("-", "").str.to_date("%Y%m%d", strict=False)


def numbers(*names: str) -> list[pl.Expr]:
    """Columns as floats; what is no number becomes null and is refused as missing."""
    return [pl.col(name).cast(pl.Float64, strict=False) for name in names]


def bars_batch(frame: pl.DataFrame, sessions: Sequence[date], origin: str) -> Batch:
    """Bars of several shares with columns symbol … amount, turnover_rate (fraction) and is_st, checked."""
    prepared = frame.with_columns(
        pl.lit(1.0).alias("trade_status"), pl.lit(None, dtype=pl.Float64).alias("adj_factor")
    ).with_columns(published("session", AFTER_CLOSE))
    fit = check(prepared, checks_for(Kind.BARS, sessions))
    require_plausible_units(fit.frame, origin)
    shown = fit.frame.with_columns(
        pl.lit(value=False).alias("suspended"), (pl.col("is_st") == 1).alias("special_treatment")
    )
    return Batch(Kind.BARS, conform(Kind.BARS, shown), origin, rows_read=frame.height, rejected=dict(fit.rejected))


def index_batch(frame: pl.DataFrame, sessions: Sequence[date], origin: str) -> Batch:
    """Index bars, checked. The first row of a window may have no previous close to refer to."""
    prepared = frame.with_columns(published("session", AFTER_CLOSE))
    fit = check(prepared, checks_for(Kind.INDEX_BARS, sessions))
    if not fit.frame.height:
        raise SourceError(f"{origin}: no row is fit to be stored: {dict(fit.rejected)}")
    return Batch(
        Kind.INDEX_BARS,
        conform(Kind.INDEX_BARS, fit.frame),
        origin,
        rows_read=frame.height,
        rejected=dict(fit.rejected),
    )


def require_plausible_units(frame: pl.DataFrame, origin: str) -> None:
    """Something was traded, and volume and amount are in the units the vendor is known for."""
    if not frame.filter(pl.col("volume") > 0).height:
        raise SourceError(f"{origin}: no row is fit to be stored")
    if complaint := wrong_units(frame):
        raise SourceError(f"{origin}: {complaint}")


def calendar_batch(sessions: Sequence[date], origin: str) -> Batch:
    """The sessions a vendor knows."""
    if not sessions:
        raise SourceError(f"{origin}: no session at all")
    frame = pl.DataFrame({"session": sorted(set(sessions))}, schema={"session": pl.Date})
    return Batch(Kind.CALENDAR, frame, origin, rows_read=len(sessions))


def instruments_batch(listed: Sequence[Listed], as_of: date, origin: str) -> Batch:
    """Shares as the vendor lists them on `as_of`."""
    rows = {
        "symbol": [share.symbol for share in listed],
        "name": [share.name for share in listed],
        "board": [board_name(share.symbol) for share in listed],
        "industry": [share.industry for share in listed],
        "list_date": [share.list_date for share in listed],
        "delist_date": [None for _ in listed],
        "special_treatment": ["ST" in share.name for share in listed],
        "as_of": [as_of for _ in listed],
        "initials": [initials_of(share.name) for share in listed],
    }
    fit = check(pl.DataFrame(rows, schema=SCHEMAS[Kind.INSTRUMENTS]), checks_for(Kind.INSTRUMENTS, []))
    return Batch(Kind.INSTRUMENTS, fit.frame, origin, rows_read=len(listed), rejected=dict(fit.rejected))
