"""Index bars, minute bars, valuations, suspensions and limit prices from Tushare.

Volumes of days come in lots (手) and amounts in thousand CNY, minutes in shares and CNY, share counts and market values
in ten thousands. A limit no band could give stands for "no limit".
"""

from datetime import time

import polars as pl

from libs.marketdata.frames import published
from libs.marketdata.provider import Ask
from libs.marketdata.sessions import AFTER_CLOSE
from libs.marketdata.source import Batch, EmptyAnswer, Kind, SchemaDrift
from libs.marketdata.tushare_bars import DAILY_BASIC, DAY_COLUMNS, daily, explain_empty, halts
from libs.marketdata.tushare_calls import Endpoint, TushareCalls, one_symbol, span_of, symbol_or_session, wanted
from libs.marketdata.tushare_reference import MORNING
from libs.marketdata.vendor_rows import (
    INDICES,
    answer_day,
    checked,
    day,
    instant,
    is_public,
    number,
    require_index_rows,
    require_index_units,
    require_units,
    text,
)

_TEN_THOUSAND = 10_000

INDEX_DAILY = Endpoint("index_daily", DAY_COLUMNS, page_rows=8000)
STK_MINS = Endpoint(
    "stk_mins",
    {
        "symbol": "ts_code",
        "ends_at": "trade_time",
        **{name: name for name in ("open", "high", "low", "close")},
        "volume": "vol",
        "amount": "amount",
    },
    page_rows=8000,
)
STK_LIMIT = Endpoint(
    "stk_limit",
    {
        "symbol": "ts_code",
        "session": "trade_date",
        "pre_close": "pre_close",
        "limit_up": "up_limit",
        "limit_down": "down_limit",
    },
    page_rows=5800,
)


def read_index_bars(calls: TushareCalls, ask: Ask) -> Batch:
    """The indices asked for; where none of them is one, all that the desk follows."""
    about, frames = answer_day(calls.context, ask.window.end), []
    for symbol in [s for s in ask.symbols if s in INDICES] or INDICES:
        raw = calls.table(INDEX_DAILY, {"ts_code": symbol, **span_of(ask.window)}, about=about)
        require_index_rows(calls.context, symbol, ask.window, raw.height, "tushare index_daily")
        frames.append(daily(raw))
    rows = pl.concat(frames).with_columns(published("session", AFTER_CLOSE))
    batch = checked(Kind.INDEX_BARS, rows, calls.context, "tushare index_daily")
    require_index_units(batch.frame, "tushare index_daily")
    return batch


def read_minutes(calls: TushareCalls, ask: Ask, interval_minutes: int) -> Batch:
    """Minute bars of one share; a bar carries its end.

    The opening call has a bar of its own at one minute, as everywhere, and stands in the first one of longer bars.
    """
    asked = {
        "ts_code": one_symbol(ask),
        "freq": f"{interval_minutes}min",
        "start_date": f"{ask.window.start} 09:00:00",
        "end_date": f"{ask.window.end} 15:30:00",
    }
    raw = calls.table(STK_MINS, asked, about=answer_day(calls.context, ask.window.end))
    if not raw.height:
        explain_empty(calls, ask, asked["ts_code"], halts(calls, ask, symbol_or_session(ask)), "tushare stk_mins")
    frame = raw.select(
        text("symbol"),
        pl.lit(interval_minutes).alias("interval_minutes"),
        instant("ends_at"),
        *(number(name) for name in ("open", "high", "low", "close", "volume", "amount")),
    )
    bars = frame if interval_minutes == 1 else _with_auction(frame, interval_minutes)
    whole = bars.with_columns(pl.col("ends_at").alias("published_at"))
    batch = checked(Kind.MINUTE_BARS, whole, calls.context, "tushare stk_mins")
    require_units(batch.frame, "tushare stk_mins")
    return batch


def _with_auction(bars: pl.DataFrame, interval_minutes: int) -> pl.DataFrame:
    """Bars with the auction, which the vendor gives as a bar of 09:30, in the first bar of the session."""
    is_auction = pl.col("ends_at").dt.time() == time(9, 30)
    auction = bars.filter(is_auction & (pl.col("volume") > 0)).unique("ends_at", keep="first")
    moved = auction.with_columns(pl.col("ends_at") + pl.duration(minutes=interval_minutes))
    parts = ("open", "high", "low", "volume", "amount")
    rest = bars.filter(~is_auction | is_auction.is_null())
    alone = moved.join(rest, on="ends_at", how="anti")
    joined = rest.join(moved.select("ends_at", *parts), on="ends_at", how="left", suffix="_auction")
    merged = joined.with_columns(
        pl.coalesce("open_auction", "open").alias("open"),
        pl.max_horizontal("high", "high_auction").alias("high"),
        pl.min_horizontal("low", "low_auction").alias("low"),
        *((pl.col(name) + pl.col(f"{name}_auction").fill_null(0)).alias(name) for name in ("volume", "amount")),
    ).select(bars.columns)
    return pl.concat([alone.select(bars.columns), merged])


def read_valuations(calls: TushareCalls, ask: Ask) -> Batch:
    """Multiples, share counts and market values; one share over the window, or one session of the market."""
    asked, origin = symbol_or_session(ask), "tushare daily_basic"
    raw = calls.table(DAILY_BASIC, asked, about=answer_day(calls.context, ask.window.end))
    if not raw.height and len(ask.symbols) == 1:
        explain_empty(calls, ask, ask.symbols[0], halts(calls, ask, asked), origin)
    if not raw.height and len(ask.symbols) != 1 and is_public(calls.context, ask.window.end, AFTER_CLOSE):
        raise EmptyAnswer(origin)
    frame = raw.select(
        text("symbol"),
        day("session"),
        *(number(name) for name in ("close", "pe_ttm", "pb_mrq", "ps_ttm")),
        pl.lit(None, dtype=pl.Float64).alias("pcf_ncf_ttm"),
        (number("dividend_yield") / 100).round(10),
        *((number(name) * _TEN_THOUSAND).round() for name in ("total_shares", "float_shares")),
        *((number(name) * _TEN_THOUSAND).round(4) for name in ("market_value", "float_market_value")),
    ).with_columns(published("session", AFTER_CLOSE))
    _require_market_values(frame, origin)
    return checked(Kind.VALUATIONS, wanted(frame, ask), calls.context, origin)


def _require_market_values(frame: pl.DataFrame, origin: str) -> None:
    """The market value is price times shares, or one of the two came in another unit."""
    ratio = pl.col("market_value") / (pl.col("close") * pl.col("total_shares"))
    wrong = frame.select((~ratio.is_between(0.9, 1.1)).mean().fill_null(0.0)).item()
    if wrong > 0.2:
        raise SchemaDrift(f"{origin}: market values do not fit close and shares in {wrong:.0%} of rows; units changed?")


def read_suspensions(calls: TushareCalls, ask: Ask) -> Batch:
    """Suspensions of the window, of the shares asked for; a timing makes one intraday."""
    one = len(ask.symbols) == 1
    asked = {**({"ts_code": ask.symbols[0]} if one else {}), **span_of(ask.window)}
    raw = wanted(halts(calls, ask, asked), ask)
    partly = pl.col("timing").is_not_null()
    frame = raw.with_columns(
        pl.when(partly).then(pl.lit("intraday")).otherwise(pl.lit("full")).alias("extent"),
        pl.lit(None, dtype=pl.String).alias("reason"),
        pl.when(partly)
        .then(published("session", AFTER_CLOSE))
        .otherwise(published("session", MORNING))
        .alias("published_at"),
    )
    return checked(Kind.SUSPENSIONS, frame, calls.context, "tushare suspend_d")


def read_limit_prices(calls: TushareCalls, ask: Ask) -> Batch:
    """Limit prices; a price no band could give (twice or half the reference) is the vendor's way to say: none."""
    raw = calls.table(STK_LIMIT, symbol_or_session(ask), about=answer_day(calls.context, ask.window.end))
    if not raw.height and len(ask.symbols) == 1:
        explain_empty(calls, ask, ask.symbols[0], pl.DataFrame(schema={"session": pl.Date}), "tushare stk_limit")
    if not raw.height and len(ask.symbols) != 1 and is_public(calls.context, ask.window.end, AFTER_CLOSE):
        raise EmptyAnswer("tushare stk_limit")
    rows = raw.select(text("symbol"), day("session"), *(number(n) for n in ("pre_close", "limit_up", "limit_down")))
    reference, untold = pl.col("pre_close"), pl.any_horizontal(pl.col("limit_up", "limit_down").is_null())
    frame = rows.with_columns(
        untold.alias("untold"),
        pl.when(pl.col("limit_up") <= 2 * reference).then(pl.col("limit_up")).alias("limit_up"),
        pl.when(pl.col("limit_down") >= reference / 2).then(pl.col("limit_down")).alias("limit_down"),
        published("session", MORNING),
    )
    reasons = [("limit missing", pl.col("untold"))]
    return checked(Kind.LIMIT_PRICES, wanted(frame, ask), calls.context, "tushare stk_limit", first=reasons)
