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

_SPELLINGS = {  # in lower case; a file may write them as it likes
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
    "special": ("is_st", "isst", "special_treatment"),
    "name": ("name",),
    "list_date": ("list_date", "ipo_date"),
    "delist_date": ("delist_date", "out_date"),
    "state": ("status",),
    "fund": ("fund_class",),
}
_PRICES = ("open", "high", "low", "close")
_SYMBOL = r"^[0-9]{6}\.(SH|SZ|BJ)$"
_DELISTED_NAMES = "退"
_YES, _NO = ("1", "1.0", "true"), ("0", "0.0", "false")


def read_bars(path: Path, instruments: Path | None = None) -> Bars:
    """The bars of a file, with listing dates and classes of funds from an instrument list where one is given.

    Whether a share was ST on a day is taken from the bars alone (a flag, or the name that day): an instrument
    list tells what is ST now. Raises `InvalidInput` naming the file's column.
    """
    frame = _rename(_load(path), path, ("symbol", "session", *_PRICES))
    frame = frame.with_columns(_symbols(frame), _day(frame, "session"), *_numbers(frame, path))
    _require_filled(frame, path)
    frame = frame.with_columns(*_flags(frame, path))
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
    frame = frame.rename(str.lower) if len({name.lower() for name in frame.columns}) == frame.width else frame
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
    """A date from a date, a timestamp, `2024-09-02`, `2024/9/2` or `20240902`; null where it is none of them."""
    kind = frame.schema[name]
    if isinstance(kind, pl.Datetime) and kind.time_zone:
        return pl.col(name).dt.convert_time_zone("Asia/Shanghai").dt.date()
    if kind in (pl.Date, pl.Datetime):
        return pl.col(name).cast(pl.Date)
    if kind.is_nested() or kind.is_temporal():
        return pl.lit(None, pl.Date).alias(name)
    whole = pl.col(name).cast(pl.Int64, strict=False) if kind.is_float() else pl.col(name)
    text = whole.cast(pl.String).str.strip_chars().str.slice(0, 10).str.replace_all("/", "-")
    day = pl.coalesce(text.str.to_date("%Y%m%d", strict=False), text.str.to_date("%Y-%m-%d", strict=False))
    return day.alias(name)


def _numbers(frame: pl.DataFrame, path: Path) -> list[pl.Expr]:
    names = [name for name in (*_PRICES, "pre_close", "volume", "amount", "status") if name in frame.columns]
    for name in names:
        if not (frame.schema[name].is_numeric() or frame.schema[name] in (pl.String, pl.Null)):
            raise InvalidInput("FILE", f"{path.name}: {name} is {frame.schema[name]}, not a number")
        if frame.schema[name] == pl.String:
            blank = pl.col(name).str.strip_chars().is_in(["", "nan", "NaN", "None"])
            wrong = frame.filter(~blank & pl.col(name).cast(pl.Float64, strict=False).is_null())
            if wrong.height:
                raise InvalidInput("FILE", f"{path.name}: {name} {str(wrong[0, name])[:32]!r} is not a number")
    return [_number(frame, name) for name in names]


def _number(frame: pl.DataFrame, name: str) -> pl.Expr:
    """As float64; a price of 24 binary digits is told what it stands for, since no tick is finer than 0.001."""
    number = pl.col(name).cast(pl.Float64, strict=False)
    return number.round(3) if frame.schema[name] == pl.Float32 and name in (*_PRICES, "pre_close") else number


def _flags(frame: pl.DataFrame, path: Path) -> list[pl.Expr]:
    """Columns that say yes or no, as 1 and 0; null where they say nothing."""
    flags = []
    for name in ("special", "suspended"):
        if name not in frame.columns:
            continue
        text = pl.col(name).cast(pl.String).str.strip_chars().str.to_lowercase()
        silent = text.is_null() | text.is_in(["", "nan", "none"])
        wrong = frame.filter(~silent & ~text.is_in([*_YES, *_NO]))
        if wrong.height:
            raise InvalidInput("FILE", f"{path.name}: {name} {str(wrong[0, name])[:32]!r} is neither 1 nor 0")
        flags.append(pl.when(~silent).then(text.is_in(_YES).cast(pl.Int8)).alias(name))
    return flags


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
    """1 where anything says so, 0 where a state or a date of delisting could and does not, else -1."""
    said = pl.lit(value=False)
    if "state" in frame.columns:
        said |= pl.col("state").cast(pl.String).str.to_uppercase().is_in(["D", "DELISTED"])
    if "name" in frame.columns:
        said |= pl.col("name").cast(pl.String).str.contains(_DELISTED_NAMES, literal=True)
    if "delist_date" in frame.columns:
        said |= _day(frame, "delist_date").is_not_null()
    silence = 0 if {"state", "delist_date"} & set(frame.columns) else -1
    return pl.when(said.fill_null(value=False)).then(1).otherwise(silence).cast(pl.Int8).alias("delisted")


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
        delisted=frame["delisted"].fill_null(-1).to_numpy(),
        fund=frame["fund"].fill_null(-1).to_numpy(),
    )


def _days(column: pl.Series) -> Days:
    return column.cast(pl.Int32).cast(pl.Int64).fill_null(np.iinfo(np.int64).min).to_numpy().view("datetime64[D]")


def _traded(frame: pl.DataFrame) -> NDArray[np.bool_]:
    """By the file's own word: a status, else a volume, else an amount; where it says nothing the row is a trade."""
    if "suspended" in frame.columns:
        halted = pl.col("suspended") == 1
    elif "status" in frame.columns:
        halted = pl.col("status") == 0
    elif "volume" in frame.columns:
        halted = pl.col("volume").fill_null(0).fill_nan(0) <= 0
    elif "amount" in frame.columns:
        halted = pl.col("amount").fill_null(0).fill_nan(0) <= 0
    else:
        return np.ones(frame.height, dtype=np.bool_)
    return frame.select(~halted.fill_null(value=False)).to_series().to_numpy()


def _special(frame: pl.DataFrame) -> NDArray[np.int8]:
    """1 for ST that day, 0 for not, -1 where nobody says so."""
    if "special" in frame.columns:
        told = pl.col("special").fill_null(-1)
    elif "name" in frame.columns:
        told = pl.when(pl.col("name").is_null()).then(-1).otherwise(pl.col("name").str.contains("ST", literal=True))
    else:
        return np.full(frame.height, -1, dtype=np.int8)
    return frame.select(told.cast(pl.Int8)).to_series().to_numpy()
