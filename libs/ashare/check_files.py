"""Read daily bars and instrument lists as people have them, for `check`: parquet or CSV, many spellings of a column.

Needs polars. A column that is missing or cannot be read is an error naming it; nothing is filled in.
"""

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from libs.ashare.check import Bars
from libs.ashare.panel import FUNDS, Days
from libs.ashare.rows import FundClass
from libs.domain.errors import InvalidInput

_SPELLINGS = {
    "symbol": ("ts_code", "symbol", "code"),
    "session": ("date", "session", "trade_date"),
    "open": ("open",),
    "high": ("high",),
    "low": ("low",),
    "close": ("close",),
    "pre_close": ("pre_close", "preclose", "prev_close"),
    "status": ("trade_status", "tradestatus"),
    "suspended": ("suspended",),
    "volume": ("volume", "vol"),
    "amount": ("amount",),
    "special": ("is_st", "isST", "special_treatment"),
    "name": ("name",),
    "list_date": ("list_date", "ipo_date"),
    "delist_date": ("delist_date", "out_date"),
    "state": ("status",),
    "fund": ("fund_class",),
}
_PRICES = ("open", "high", "low", "close")
_SYMBOL = r"^[0-9]{6}\.(SH|SZ|BJ)$"
_DELISTED_NAMES = "退"


def read_bars(path: Path, instruments: Path | None = None) -> Bars:
    """The bars of a file, with listing dates and classes of funds from an instrument list where one is given.

    Whether a share was ST on a day is taken from the bars alone (a flag, or the name that day): an instrument
    list tells what is ST now. Raises `InvalidInput` naming the file's column.
    """
    frame = _rename(_load(path), path, ("symbol", "session", *_PRICES))
    frame = frame.with_columns(_symbols(frame), _day(frame, "session"), *_numbers(frame, path))
    _require_filled(frame, path)
    listed = _instruments(frame, path, instruments)
    frame = frame.drop("list_date", "fund", "state", "delist_date", strict=False)
    frame = frame.join(listed, on="symbol", how="left", maintain_order="left")
    return _bars(frame.sort("symbol", "session", maintain_order=True))


def _load(path: Path) -> pl.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        if path.name.endswith((".csv", ".csv.gz")):
            return pl.read_csv(path, infer_schema_length=0)
    except (pl.exceptions.PolarsError, pl.exceptions.ComputeError) as e:
        raise InvalidInput("FILE", f"{path.name} cannot be read: {str(e).splitlines()[0]}") from e
    raise InvalidInput("FILE", f"{path.name} is neither .parquet nor .csv nor .csv.gz")


def _rename(frame: pl.DataFrame, path: Path, needed: tuple[str, ...]) -> pl.DataFrame:
    found: dict[str, str] = {}
    for meaning, spellings in _SPELLINGS.items():
        column = next((spelling for spelling in spellings if spelling in frame.columns), None)
        if column is not None:
            found[meaning] = column
        elif meaning in needed:
            raise InvalidInput("FILE", f"{path.name} has no column {' or '.join(spellings)}")
    return frame.select(pl.col(column).alias(meaning) for meaning, column in found.items())


def _plain_symbol() -> pl.Expr:
    """`600519.SH` from itself and from `sh.600519`, `SH600519`, `600519.XSHG` and `600519.SSE`."""
    text = pl.col("symbol").cast(pl.String).str.strip_chars().str.to_uppercase()
    text = text.str.replace(r"^(SH|SZ|BJ)\.?([0-9]{6})$", "${2}.${1}")
    text = text.str.replace(r"\.(XSHG|SSE|SS)$", ".SH").str.replace(r"\.(XSHE|SZSE)$", ".SZ")
    return text.alias("symbol")


def _symbols(frame: pl.DataFrame) -> pl.Expr:
    plain = frame.select(_plain_symbol())
    wrong = plain.filter(~pl.col("symbol").str.contains(_SYMBOL).fill_null(value=False))
    if wrong.height:
        raise InvalidInput("FILE", f"{str(wrong.item(0, 0))[:32]!r} is not a symbol like 600519.SH")
    return _plain_symbol()


def _day(frame: pl.DataFrame, name: str) -> pl.Expr:
    """A date from a date, a timestamp, `2024-09-02` or `20240902`; null where it is none of them."""
    if frame.schema[name].is_temporal():
        return pl.col(name).cast(pl.Date)
    digits = pl.col(name).cast(pl.String).str.strip_chars().str.slice(0, 10).str.replace_all("[-/]", "")
    return digits.str.to_date("%Y%m%d", strict=False).alias(name)


def _numbers(frame: pl.DataFrame, path: Path) -> list[pl.Expr]:
    names = [name for name in (*_PRICES, "pre_close", "volume", "amount", "status") if name in frame.columns]
    for name in names:
        if frame.schema[name] == pl.String:
            blank = pl.col(name).str.strip_chars().is_in(["", "nan", "NaN", "None"])
            wrong = frame.filter(~blank & pl.col(name).cast(pl.Float64, strict=False).is_null())
            if wrong.height:
                raise InvalidInput("FILE", f"{path.name}: {name} {str(wrong[0, name])[:32]!r} is not a number")
    return [pl.col(name).cast(pl.Float64, strict=False) for name in names]


def _require_filled(frame: pl.DataFrame, path: Path) -> None:
    if frame.is_empty():
        raise InvalidInput("FILE", f"{path.name} has no rows")
    if frame["session"].null_count():
        raise InvalidInput("FILE", f"{path.name}: {frame['session'].null_count()} rows have no date that can be read")


def _instruments(frame: pl.DataFrame, path: Path, instruments: Path | None) -> pl.DataFrame:
    """One row per symbol: listing date, delisted by now?, class of a fund; from the list, else from the bars."""
    source = frame
    if instruments is not None:
        source = _rename(_load(instruments), instruments, ("symbol",))
        source = source.with_columns(_plain_symbol())
        source = source.filter(pl.col("symbol").str.contains(_SYMBOL))
    elif "list_date" not in frame.columns:
        source = frame.select("symbol")
    columns = [_optional_day(source, "list_date"), _delisted(source), _fund(source, instruments or path)]
    return source.select("symbol", *columns).unique("symbol", keep="first", maintain_order=True)


def _optional_day(frame: pl.DataFrame, name: str) -> pl.Expr:
    return _day(frame, name) if name in frame.columns else pl.lit(None, pl.Date).alias(name)


def _delisted(frame: pl.DataFrame) -> pl.Expr:
    told = pl.lit(value=False)
    if "state" in frame.columns:
        told |= pl.col("state").cast(pl.String).str.to_uppercase().is_in(["D", "DELISTED"])
    if "name" in frame.columns:
        told |= pl.col("name").cast(pl.String).str.contains(_DELISTED_NAMES, literal=True)
    if "delist_date" in frame.columns:
        told |= _day(frame, "delist_date").is_not_null()
    return told.fill_null(value=False).alias("delisted")


def _fund(frame: pl.DataFrame, path: Path) -> pl.Expr:
    if "fund" not in frame.columns:
        return pl.lit(-1, pl.Int8).alias("fund")
    known = {fund.value: code for code, fund in enumerate(FUNDS)}
    given = frame["fund"].drop_nulls().cast(pl.String).unique().to_list()
    wrong = sorted(set(given) - set(known) - {""})
    if wrong:
        raise InvalidInput("fund_class", f"{path.name}: {wrong[0]!r} is none of {', '.join(FundClass)}")
    return pl.col("fund").cast(pl.String).replace_strict(known, default=-1, return_dtype=pl.Int8).alias("fund")


def _bars(frame: pl.DataFrame) -> Bars:
    symbols = frame["symbol"].unique(maintain_order=True)
    share = frame["symbol"].rle_id().cast(pl.Int64).to_numpy()

    def floats(name: str) -> NDArray[np.float64]:
        if name not in frame.columns:
            return np.full(frame.height, np.nan)
        return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()

    return Bars(
        symbols=np.array(symbols.to_list()),
        share=share,
        session=_days(frame["session"]),
        open=floats("open"),
        high=floats("high"),
        low=floats("low"),
        close=floats("close"),
        pre_close=floats("pre_close"),
        traded=_traded(frame),
        special=_special(frame),
        list_date=_days(frame["list_date"]),
        delisted=frame["delisted"].fill_null(value=False).to_numpy(),
        fund=frame["fund"].fill_null(-1).to_numpy(),
    )


def _days(column: pl.Series) -> Days:
    return column.cast(pl.Int32).cast(pl.Int64).fill_null(np.iinfo(np.int64).min).to_numpy().view("datetime64[D]")


def _traded(frame: pl.DataFrame) -> NDArray[np.bool_]:
    """By the file's own word: a status, else a volume, else an amount; without any of them every row is a trade."""
    if "suspended" in frame.columns:
        told = ~pl.col("suspended").cast(pl.String).str.to_lowercase().is_in(["true", "1"])
    elif "status" in frame.columns:
        told = pl.col("status") != 0
    elif "volume" in frame.columns:
        told = pl.col("volume") > 0
    elif "amount" in frame.columns:
        told = pl.col("amount") > 0
    else:
        return np.ones(frame.height, dtype=np.bool_)
    return frame.select(told.fill_null(value=False)).to_series().to_numpy()


def _special(frame: pl.DataFrame) -> NDArray[np.int8]:
    """1 for ST that day, 0 for not, -1 where nobody says so."""
    if "special" in frame.columns:
        text = pl.col("special").cast(pl.String).str.to_lowercase().str.strip_chars()
        told = text.replace_strict({"1": 1, "true": 1, "1.0": 1, "0": 0, "false": 0, "0.0": 0}, default=-1)
    elif "name" in frame.columns:
        told = pl.when(pl.col("name").is_null()).then(-1).otherwise(pl.col("name").str.contains("ST", literal=True))
    else:
        return np.full(frame.height, -1, dtype=np.int8)
    return frame.select(told.cast(pl.Int8)).to_series().to_numpy()
