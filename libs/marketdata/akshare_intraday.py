"""Minute bars and index bars, from Eastmoney through AkShare; both volumes come in lots (手).

Minutes reach back five sessions at one minute and a few weeks above that, so they are kept while they can be had. A
suspended day comes with bars of price zero: they are refused. Sina and Tencent give index bars without the amount, so
nothing stands in for Eastmoney there.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from libs.marketdata.akshare_bars import one_symbol
from libs.marketdata.akshare_calls import AkshareCalls, origin_of
from libs.marketdata.frames import published
from libs.marketdata.provider import Ask, ProviderContext
from libs.marketdata.sessions import AFTER_CLOSE
from libs.marketdata.source import Batch, Kind, SourceError, Window
from libs.marketdata.vendor_rows import (
    answer_day,
    checked,
    day,
    instant,
    is_public,
    number,
    require_index_units,
    require_rows,
    require_units,
    sessions_in,
)

_LOT = 100
_PRICES = ("open", "high", "low", "close")
_MINUTES = {
    "ends_at": "时间",
    "open": "开盘",
    "close": "收盘",
    "high": "最高",
    "low": "最低",
    "volume": "成交量",
    "amount": "成交额",
}
INTERVALS = (1, 5, 15, 30, 60)
DEFAULT_INTERVALS = (1, 5)
"""What is asked for unless the desk wants more: each interval is a further call to the host that bans first."""
INDICES = ("000001.SH", "000016.SH", "000300.SH", "000852.SH", "000905.SH", "399001.SZ", "399006.SZ")
_INDEX = {"session": "date", **{name: name for name in (*_PRICES, "volume", "amount")}}


def read_minutes(calls: AkshareCalls, ask: Ask, intervals: Sequence[int]) -> Batch:
    """The minute bars of one share, of every interval; a bar carries its end, the opening call the one of 09:30."""
    symbol = one_symbol(ask)
    origin = origin_of("stock_zh_a_hist_min_em")
    frame = pl.concat([_of_interval(calls, ask, symbol, interval) for interval in intervals])
    batch = checked(Kind.MINUTE_BARS, frame, calls.context, origin)
    require_units(batch.frame, f"{origin} {symbol}")
    return batch


def _of_interval(calls: AkshareCalls, ask: Ask, symbol: str, interval: int) -> pl.DataFrame:
    raw = calls.table(
        "stock_zh_a_hist_min_em",
        _MINUTES,
        trade_date=answer_day(calls.context, ask.window.end),
        symbol=symbol[:6],
        start_date=f"{ask.window.start} 09:00:00",
        end_date=f"{ask.window.end} 15:30:00",
        period=str(interval),
        adjust="",
    )
    return raw.select(
        pl.lit(symbol).alias("symbol"),
        pl.lit(interval).alias("interval_minutes"),
        instant("ends_at"),
        *(number(name) for name in _PRICES),
        (number("volume") * _LOT).round(),
        number("amount"),
    ).with_columns(pl.col("ends_at").alias("published_at"))


def read_index_bars(calls: AkshareCalls, ask: Ask) -> Batch:
    """The indices asked for; where none of them is one, all that the desk follows.

    The reference of an index is its close before, so the session before the window is asked for too.
    """
    origin = origin_of("stock_zh_index_daily_em")
    wanted = [symbol for symbol in ask.symbols if symbol in INDICES] or list(INDICES)
    frame = pl.concat([_index(calls, ask.window, symbol) for symbol in wanted])
    batch = checked(Kind.INDEX_BARS, frame, calls.context, origin)
    if not batch.frame.height and set(batch.rejected) - {"not public yet"}:
        raise SourceError(f"{origin}: no row is fit to be stored: {dict(batch.rejected)}")
    require_index_units(batch.frame, origin)
    return batch


def _index(calls: AkshareCalls, window: Window, symbol: str) -> pl.DataFrame:
    code, _, exchange = symbol.partition(".")
    before = _session_before(calls.context, window.start)
    raw = calls.table(
        "stock_zh_index_daily_em",
        _INDEX,
        trade_date=answer_day(calls.context, window.end),
        symbol=f"{exchange.lower()}{code}",
        start_date=before.strftime("%Y%m%d"),
        end_date=window.end.strftime("%Y%m%d"),
    )
    if any(is_public(calls.context, session, AFTER_CLOSE) for session in sessions_in(calls.context, window)):
        require_rows(raw, f"{origin_of('stock_zh_index_daily_em')} {symbol}")
    rows = raw.select(day("session"), *(number(name) for name in _INDEX if name != "session")).sort("session")
    return rows.with_columns(
        pl.lit(symbol).alias("symbol"),
        pl.col("close").shift(1).alias("pre_close"),
        (pl.col("volume") * _LOT).round(),
        published("session", AFTER_CLOSE),
    ).filter(pl.col("session") >= window.start)


def _session_before(context: ProviderContext, first: date) -> date:
    past = [session for session in context.sessions if session < first]
    return max(past, default=first)
