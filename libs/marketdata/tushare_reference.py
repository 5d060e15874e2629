"""Calendar, stock list and the history of names, ST, industries and listings, from Tushare.

The ST flag of a past day comes from the name a share had on that day (`namechange`, `stock_st`), never from today's.
"""

from datetime import date, time

import polars as pl

from libs.domain.clock import SHANGHAI
from libs.domain.errors import InvalidInput
from libs.marketdata.frames import END_OF_DAY, INSTANT
from libs.marketdata.initials import with_initials
from libs.marketdata.provider import Ask
from libs.marketdata.readers import board_name
from libs.marketdata.source import Batch, Kind
from libs.marketdata.tushare_calls import Endpoint, TushareCalls, compact
from libs.marketdata.vendor_rows import checked, day, number, require_rows, text

MORNING = time(9, 0)
"""When the exchange's lists of the day are out."""

TRADE_CAL = Endpoint("trade_cal", {"session": "cal_date", "is_open": "is_open"})
STOCK_BASIC = Endpoint(
    "stock_basic",
    {
        "symbol": "ts_code",
        "name": "name",
        "industry": "industry",
        "status": "list_status",
        "list_date": "list_date",
        "delist_date": "delist_date",
    },
)
NAMECHANGE = Endpoint(
    "namechange",
    {
        "symbol": "ts_code",
        "value": "name",
        "effective_from": "start_date",
        "announced_on": "ann_date",
        "reason": "change_reason",
    },
)
INDEX_MEMBER = Endpoint(
    "index_member_all",
    {"symbol": "ts_code", "value": "l1_name", "effective_from": "in_date", "effective_to": "out_date"},
    page_rows=2000,
)
STOCK_ST = Endpoint("stock_st", {"symbol": "ts_code", "name": "name"}, page_rows=1000)

LISTED, DELISTED, PAUSED = "L", "D", "P"


def read_calendar(calls: TushareCalls, ask: Ask) -> Batch:
    """Sessions of the window and, as far as the vendor knows them, of the rest of its last year."""
    last = date(ask.window.end.year, 12, 31)
    raw = calls.table(
        TRADE_CAL, {"exchange": "SSE", "start_date": compact(ask.window.start), "end_date": compact(last)}
    )
    sessions = raw.filter(number("is_open") == 1).select(day("session"))
    return checked(Kind.CALENDAR, require_rows(sessions, "tushare trade_cal"), calls.context, "tushare trade_cal")


def listings(calls: TushareCalls, symbol: str | None = None) -> pl.DataFrame:
    """Every share the vendor has ever listed, or one: symbol, name, industry, status, list_date, delist_date."""
    chosen = {"ts_code": symbol} if symbol else {}
    found = [calls.table(STOCK_BASIC, {"list_status": status, **chosen}) for status in (LISTED, DELISTED, PAUSED)]
    return pl.concat(found, how="vertical_relaxed").select(
        text("symbol"), text("name"), text("industry"), text("status"), day("list_date"), day("delist_date")
    )


def require_known(listed: pl.DataFrame, symbol: str) -> None:
    """`InvalidInput` for a symbol that the vendor never listed."""
    if symbol not in listed["symbol"]:
        raise InvalidInput("symbols", f"tushare lists no {symbol}")


def read_instruments(calls: TushareCalls, ask: Ask) -> Batch:
    """The shares asked for, delisted ones included; one that the vendor does not know is a reason, not a failure."""
    origin = "tushare stock_basic"
    listed = require_rows(listings(calls), origin)
    wanted = listed.filter(pl.col("symbol").is_in(ask.symbols)) if ask.symbols else listed
    unknown = sorted(set(ask.symbols) - set(wanted["symbol"]))
    frame = wanted.with_columns(
        pl.col("symbol").map_elements(board_name, return_dtype=pl.String).alias("board"),
        st_of("name").is_in(["ST", "*ST"]).alias("special_treatment"),
        pl.lit(calls.context.now.astimezone(SHANGHAI).date()).alias("as_of"),
    )
    besides = {f"tushare lists no {symbol}": 1 for symbol in unknown}
    return checked(Kind.INSTRUMENTS, with_initials(frame), calls.context, origin, besides=besides)


def st_of(name: str) -> pl.Expr:
    """What a name says of special treatment: none, ST, *ST, or delisting (退市整理)."""
    shown = pl.col(name)
    leaving = shown.str.starts_with("退市") | shown.str.ends_with("退")
    starred, plain = shown.str.contains(r"^[A-Z]*[*＊]ST"), shown.str.contains(r"^[A-Z]*ST")
    return (
        pl.when(leaving)
        .then(pl.lit("delisting"))
        .when(starred)
        .then(pl.lit("*ST"))
        .when(plain)
        .then(pl.lit("ST"))
        .otherwise(pl.lit("none"))
    )


def names(calls: TushareCalls, symbol: str | None) -> pl.DataFrame:
    """The names of one share or all, one row per change: symbol, value, effective_from, announced_on, reason.

    The vendor repeats rows and forgets none; where a day has two names, the one announced last holds.
    """
    raw = calls.table(NAMECHANGE, {"ts_code": symbol} if symbol else {})
    rows = raw.select(
        text("symbol"), text("value"), day("effective_from"), day("announced_on"), text("reason")
    ).drop_nulls(["symbol", "value", "effective_from"])
    key = ["symbol", "effective_from"]
    return rows.sort(*key, "announced_on", nulls_last=False).unique(key, keep="last", maintain_order=True)


def read_history(calls: TushareCalls, ask: Ask) -> Batch:
    """Names, ST, SW2021 industries and listings of one share, or of all."""
    symbol = ask.symbols[0] if len(ask.symbols) == 1 else None
    listed = listings(calls, symbol)
    if symbol:
        require_known(listed, symbol)
    named = names(calls, symbol)
    frame = pl.concat([_name_rows(named), _st_rows(named), _industry_rows(calls, symbol), _status_rows(listed)])
    if ask.symbols:
        frame = frame.filter(pl.col("symbol").is_in(ask.symbols))
    in_window = (pl.col("effective_to").is_null() | (pl.col("effective_to") >= ask.window.start)) & (
        pl.col("effective_from") <= ask.window.end
    )
    origin = "tushare namechange, index_member_all, stock_basic"
    return checked(Kind.INSTRUMENT_HISTORY, frame.filter(in_window), calls.context, origin)


def _name_rows(named: pl.DataFrame) -> pl.DataFrame:
    return _closed_runs(named.with_columns(pl.lit("name").alias("attribute")))


def _st_rows(named: pl.DataFrame) -> pl.DataFrame:
    marked = named.with_columns(pl.lit("st").alias("attribute"), st_of("value").alias("value"))
    changed = pl.col("value").ne_missing(pl.col("value").shift(1).over("symbol"))
    return _closed_runs(marked.filter(changed))


def _closed_runs(runs: pl.DataFrame) -> pl.DataFrame:
    """Each run ends on the day before the next one of its share begins."""
    ends = (pl.col("effective_from").shift(-1).over("symbol") - pl.duration(days=1)).cast(pl.Date)
    return _history(runs.with_columns(ends.alias("effective_to")))


def _industry_rows(calls: TushareCalls, symbol: str | None) -> pl.DataFrame:
    chosen = {"ts_code": symbol} if symbol else {}
    raw = pl.concat(
        [calls.table(INDEX_MEMBER, {"is_new": new, **chosen}) for new in ("Y", "N")], how="vertical_relaxed"
    )
    rows = raw.select(text("symbol"), text("value"), day("effective_from"), day("effective_to"))
    labelled = rows.with_columns(
        pl.lit("industry").alias("attribute"),
        pl.lit("SW2021").alias("reason"),
        pl.lit(None, dtype=pl.Date).alias("announced_on"),
    )
    return _history(labelled.unique(["symbol", "effective_from", "value"], keep="first", maintain_order=True))


def _status_rows(listed: pl.DataFrame) -> pl.DataFrame:
    rest = [pl.lit("status").alias("attribute"), pl.lit(None, dtype=pl.Date).alias("announced_on")]
    on = listed.filter(pl.col("list_date").is_not_null()).select(
        "symbol",
        pl.lit("listed").alias("value"),
        pl.col("list_date").alias("effective_from"),
        (pl.col("delist_date") - pl.duration(days=1)).cast(pl.Date).alias("effective_to"),
        pl.lit(None, dtype=pl.String).alias("reason"),
        *rest,
    )
    off = listed.filter(pl.col("delist_date").is_not_null()).select(
        "symbol",
        pl.lit("delisted").alias("value"),
        pl.col("delist_date").alias("effective_from"),
        pl.lit(None, dtype=pl.Date).alias("effective_to"),
        pl.lit(None, dtype=pl.String).alias("reason"),
        *rest,
    )
    return _history(pl.concat([on, off]))


def _history(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows in the store's columns; public when announced, at the latest on the morning they take effect."""
    effective = _at("effective_from", MORNING)
    announced = _at("announced_on", END_OF_DAY)
    return rows.select(
        "symbol",
        "attribute",
        "effective_from",
        "effective_to",
        "value",
        "reason",
        pl.min_horizontal(announced, effective).cast(INSTANT).alias("published_at"),
    )


def _at(name: str, moment: time) -> pl.Expr:
    return pl.col(name).dt.combine(moment, time_unit="us").dt.replace_time_zone("Asia/Shanghai")
