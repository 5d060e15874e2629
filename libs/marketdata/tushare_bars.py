"""Daily bars from Tushare, with status, ST flag, factor and turnover of every day.

Volume comes in lots (手), amount in thousand CNY. A day without trading has no row in `daily`: for one share it gets
one from the list of suspensions, with the last close and no volume, so that the series carries the status. A session
of the whole market has no rows for its suspended shares, since that answer does not know their last close.
"""

from datetime import date, timedelta

import polars as pl

from libs.marketdata.frames import SCHEMAS, published
from libs.marketdata.provider import Ask
from libs.marketdata.sessions import AFTER_CLOSE
from libs.marketdata.source import Batch, EmptyAnswer, Kind
from libs.marketdata.tushare_calls import Endpoint, TushareCalls, compact, symbol_or_session, wanted
from libs.marketdata.tushare_reference import STOCK_ST, listings, names, require_known, st_of
from libs.marketdata.vendor_rows import (
    answer_day,
    checked,
    day,
    is_public,
    number,
    require_rows,
    require_units,
    sessions_in,
    text,
)

_LOT, _THOUSAND = 100, 1000
PRICES = ("open", "high", "low", "close", "pre_close")
_ST_LISTS_SINCE = date(2016, 1, 1)

DAY_COLUMNS = {
    "symbol": "ts_code",
    "session": "trade_date",
    **{name: name for name in PRICES},
    "volume": "vol",
    "amount": "amount",
}
DAILY = Endpoint("daily", DAY_COLUMNS, page_rows=6000)
ADJ_FACTOR = Endpoint(
    "adj_factor", {"symbol": "ts_code", "session": "trade_date", "adj_factor": "adj_factor"}, page_rows=6000
)
SUSPEND_D = Endpoint(
    "suspend_d", {"symbol": "ts_code", "session": "trade_date", "timing": "suspend_timing", "type": "suspend_type"}
)
DAILY_BASIC = Endpoint(
    "daily_basic",
    {
        "symbol": "ts_code",
        "session": "trade_date",
        "close": "close",
        "turnover_rate": "turnover_rate",
        "pe_ttm": "pe_ttm",
        "pb_mrq": "pb",
        "ps_ttm": "ps_ttm",
        "dividend_yield": "dv_ttm",
        "total_shares": "total_share",
        "float_shares": "float_share",
        "market_value": "total_mv",
        "float_market_value": "circ_mv",
    },
    page_rows=6000,
)


def read_bars(calls: TushareCalls, ask: Ask) -> Batch:
    """One share over the window, suspended days included; or one session of the whole market, without them."""
    return _bars_of_symbol(calls, ask, ask.symbols[0]) if len(ask.symbols) == 1 else _bars_of_session(calls, ask)


def _bars_of_symbol(calls: TushareCalls, ask: Ask, symbol: str) -> Batch:
    asked = symbol_or_session(ask)
    traded = daily(calls.table(DAILY, asked, about=answer_day(calls.context, ask.window.end)))
    halted = halts(calls, ask, asked).filter(pl.col("timing").is_null())
    if not traded.height:
        explain_empty(calls, ask, symbol, halted, "tushare daily")
    return _bars(calls, ask, _with_st(calls, _with_halts(calls, traded, halted), symbol), asked)


def _bars_of_session(calls: TushareCalls, ask: Ask) -> Batch:
    session, asked, about = ask.window.end, symbol_or_session(ask), answer_day(calls.context, ask.window.end)
    if not is_public(calls.context, session, AFTER_CLOSE):
        return Batch(Kind.BARS, pl.DataFrame(schema=SCHEMAS[Kind.BARS]), "tushare daily", rows_read=0)
    raw = require_rows(daily(calls.table(DAILY, asked, about=about)), f"tushare daily {session}")
    traded = wanted(raw, ask).with_columns(pl.lit(1.0).alias("trade_status"))
    if session >= _ST_LISTS_SINCE:
        listed = calls.table(STOCK_ST, asked, about=about)
        treated = require_rows(listed, f"tushare stock_st {session}").select(text("symbol"))["symbol"]
        marked = traded.with_columns(pl.col("symbol").is_in(treated.implode()).cast(pl.Float64).alias("is_st"))
        return _bars(calls, ask, marked, asked)
    return _bars(calls, ask, _with_st(calls, traded, None), asked)


def _bars(calls: TushareCalls, ask: Ask, rows: pl.DataFrame, asked: dict[str, str]) -> Batch:
    """Rows with prices, status and ST flag, completed by factor and turnover."""
    about, key = answer_day(calls.context, ask.window.end), ["symbol", "session"]
    factors = calls.table(ADJ_FACTOR, asked, about=about)
    basics = calls.table(DAILY_BASIC, asked, about=about)
    factor = factors.select(text("symbol"), day("session"), number("adj_factor")).unique(key, keep="last")
    turnover = basics.select(text("symbol"), day("session"), number("turnover_rate") / 100).unique(key, keep="last")
    whole = rows.join(factor, on=key, how="left").join(turnover, on=key, how="left")
    frame = whole.with_columns(
        published("session", AFTER_CLOSE),
        (pl.col("trade_status") == 0).alias("suspended"),
        (pl.col("is_st") == 1).alias("special_treatment"),
    )
    reasons = [
        ("name on that day unknown", pl.col("is_st").is_null()),
        ("close before the suspension unknown", (pl.col("trade_status") == 0) & pl.col("close").is_null()),
    ]
    batch = checked(Kind.BARS, frame, calls.context, "tushare daily", first=reasons)
    require_units(batch.frame, "tushare daily")
    return batch


def daily(raw: pl.DataFrame) -> pl.DataFrame:
    return raw.select(
        text("symbol"),
        day("session"),
        *(number(name) for name in PRICES),
        (number("volume") * _LOT).round(),
        (number("amount") * _THOUSAND).round(4),
    )


def halts(calls: TushareCalls, ask: Ask, asked: dict[str, str]) -> pl.DataFrame:
    about = answer_day(calls.context, ask.window.end)
    raw = calls.table(SUSPEND_D, {"suspend_type": "S", **asked}, about=about)
    rows = raw.select(text("symbol"), day("session"), text("timing"), text("type"))
    return rows.filter(pl.col("type") == "S")


def _with_halts(calls: TushareCalls, traded: pl.DataFrame, halted: pl.DataFrame) -> pl.DataFrame:
    """Bars of one share with a row for every whole day of suspension."""
    rows = traded.with_columns(pl.lit(1.0).alias("trade_status")).sort("session")
    idle = halted.join(traded, on="session", how="anti").select("symbol", "session").unique()
    if not idle.height:
        return rows
    stopped = pl.concat([rows, idle.with_columns(pl.lit(0.0).alias("trade_status"))], how="diagonal").sort("session")
    before = pl.lit(_close_before(calls, idle, rows), dtype=pl.Float64)
    last = pl.col("close").forward_fill().fill_null(before)
    is_idle = pl.col("trade_status") == 0
    return stopped.with_columns(
        *(pl.when(is_idle).then(last).otherwise(pl.col(name)).alias(name) for name in PRICES),
        *(pl.when(is_idle).then(0.0).otherwise(pl.col(name)).alias(name) for name in ("volume", "amount")),
    )


def _close_before(calls: TushareCalls, idle: pl.DataFrame, rows: pl.DataFrame) -> float | None:
    """The last close before a suspension that was on already when the window begins."""
    first: date = idle["session"].sort()[0]
    if rows.height and rows["session"][0] < first:
        return None
    symbol = str(idle["symbol"][0])
    before = calls.first(DAILY, {"ts_code": symbol, "end_date": compact(first - timedelta(days=1))}, rows=1)
    newest = daily(before).filter(pl.col("session") < first).sort("session")
    return float(newest["close"][-1]) if newest.height and newest["close"][-1] is not None else None


def _with_st(calls: TushareCalls, rows: pl.DataFrame, symbol: str | None) -> pl.DataFrame:
    """Rows with the ST flag of the name of their day; null where no name is known."""
    known = names(calls, symbol)
    if symbol and not known.height:
        listed = listings(calls, symbol)
        require_known(listed, symbol)
        known = listed.select("symbol", pl.col("name").alias("value"), pl.col("list_date").alias("effective_from"))
    flags = known.select(
        "symbol",
        pl.col("effective_from").alias("session"),
        st_of("value").is_in(["ST", "*ST"]).cast(pl.Float64).alias("is_st"),
    ).sort("session")
    return rows.sort("session").join_asof(flags, on="session", by="symbol", check_sortedness=False)


def explain_empty(calls: TushareCalls, ask: Ask, symbol: str, halted: pl.DataFrame, origin: str) -> None:
    """An empty answer is right where the share was not listed, suspended, or the day is not over; else an error."""
    listed = listings(calls, symbol)
    require_known(listed, symbol)
    begins, ends = listed.filter(symbol=symbol).select("list_date", "delist_date").row(0)
    expected = [
        session
        for session in sessions_in(calls.context, ask.window)
        if is_public(calls.context, session, AFTER_CLOSE)
        and (begins is None or session >= begins)
        and (ends is None or session < ends)
    ]
    if set(expected) - set(halted["session"]):
        raise EmptyAnswer(f"{origin} {symbol}")
