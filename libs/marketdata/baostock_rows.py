"""What Baostock's tables mean: one reader per kind.

Prices are unadjusted (adjustflag 3), volumes are shares and amounts CNY already; turnover and changes come in percent,
ratios of statements as fractions. Every value is text, and an empty text is an unknown.
"""

from collections.abc import Mapping
from datetime import date

import polars as pl

from libs.domain.clock import SHANGHAI
from libs.domain.errors import InvalidInput
from libs.marketdata.baostock_wire import BaostockWire
from libs.marketdata.frames import END_OF_DAY, INSTANT, published, with_nothing
from libs.marketdata.gate import VendorCall
from libs.marketdata.initials import with_initials
from libs.marketdata.provider import Ask, ProviderContext
from libs.marketdata.readers import SHARE_COUNTS, VALUATIONS, board_name
from libs.marketdata.sessions import AFTER_CLOSE
from libs.marketdata.source import Batch, EmptyAnswer, Kind, SchemaDrift
from libs.marketdata.vendor_rows import (
    INDICES,
    answer_day,
    checked,
    day,
    is_public,
    number,
    require_index_rows,
    require_index_units,
    require_rows,
    require_units,
    sessions_in,
    text,
)

CALLS_PER_MINUTE = 120.0
PRICES = ("open", "high", "low", "close")
DAY_FIELDS = (
    "date,code,open,high,low,close,preclose,volume,amount,adjustflag,turn,tradestatus,pctChg,"
    "peTTM,pbMRQ,psTTM,pcfNcfTTM,isST"
)
INDEX_FIELDS = "date,code,open,high,low,close,preclose,volume,amount,pctChg"
MINUTE_FIELDS = "date,time,code,open,high,low,close,volume,amount,adjustflag"
_K_DATA, _ALL_SHARES = "query_history_k_data_plus", "query_daily_history_k_AStock"
_MULTIPLES = {"peTTM": "pe_ttm", "pbMRQ": "pb_mrq", "psTTM": "ps_ttm", "pcfNcfTTM": "pcf_ncf_ttm"}


class BaostockCalls:
    """The vendor, seen through the gate."""

    def __init__(self, wire: BaostockWire, context: ProviderContext) -> None:
        self._wire = wire
        self.context = context

    def table(
        self, function: str, params: Mapping[str, str], columns: tuple[str, ...], *, about: date | None = None
    ) -> pl.DataFrame:
        """All rows; `SchemaDrift` where a column is missing. An answer of no rows may come without its columns."""
        call = VendorCall("baostock", function, self._wire.host, params, about, CALLS_PER_MINUTE)
        raw = self.context.gate.through(call, lambda: self._wire.table(function, params))
        if not raw.height and not set(columns) <= set(raw.columns):
            return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
        if missing := sorted(set(columns) - set(raw.columns)):
            raise SchemaDrift(f"baostock {function}: the column(s) {', '.join(missing)} are missing")
        return raw.select(columns)


def theirs(symbol: str) -> str:
    """600519.SH as sh.600519; the vendor knows Shanghai and Shenzhen alone."""
    code, _, exchange = symbol.partition(".")
    if exchange not in {"SH", "SZ"} or len(code) != 6:
        raise InvalidInput("symbols", f"baostock lists no {symbol}")
    return f"{exchange.lower()}.{code}"


def ours(name: str = "code") -> pl.Expr:
    """sh.600519 as 600519.SH."""
    parts = pl.col(name).str.strip_chars().str.to_uppercase().str.split_exact(".", 1)
    return pl.concat_str([parts.struct.field("field_1"), pl.lit("."), parts.struct.field("field_0")]).alias("symbol")


def read_calendar(calls: BaostockCalls, ask: Ask) -> Batch:
    """Sessions of the window and, as far as the vendor knows them, of the rest of its last year."""
    function, last = "query_trade_dates", date(ask.window.end.year, 12, 31)
    params = {"start_date": ask.window.start.isoformat(), "end_date": last.isoformat()}
    raw = calls.table(function, params, ("calendar_date", "is_trading_day"))
    sessions = raw.filter(text("is_trading_day") == "1").select(day("calendar_date").alias("session"))
    return checked(Kind.CALENDAR, require_rows(sessions, f"baostock {function}"), calls.context, f"baostock {function}")


def read_instruments(calls: BaostockCalls, ask: Ask) -> Batch:
    """Shares, delisted ones included, with the industries of the securities regulator (证监会行业分类)."""
    listed = require_rows(_listings(calls, None), "baostock query_stock_basic")
    groups = calls.table("query_stock_industry", {}, ("code", "industry"))
    industries = groups.select(ours(), text("industry")).unique("symbol", keep="first")
    wanted = listed.filter(pl.col("symbol").is_in(ask.symbols)) if ask.symbols else listed
    frame = wanted.join(industries, on="symbol", how="left").with_columns(
        pl.col("symbol").map_elements(board_name, return_dtype=pl.String).alias("board"),
        pl.col("name").str.contains(r"^[A-Z]*\*?ST").alias("special_treatment"),
        pl.lit(calls.context.now.astimezone(SHANGHAI).date()).alias("as_of"),
    )
    unknown = {f"baostock lists no {s}": 1 for s in sorted(set(ask.symbols) - set(wanted["symbol"]))}
    return checked(Kind.INSTRUMENTS, with_initials(frame), calls.context, "baostock query_stock_basic", besides=unknown)


def _listings(calls: BaostockCalls, symbol: str | None) -> pl.DataFrame:
    columns = ("code", "code_name", "ipoDate", "outDate", "type", "status")
    raw = calls.table("query_stock_basic", {"code": theirs(symbol)} if symbol else {}, columns)
    return raw.filter(text("type") == "1").select(
        ours(),
        text("code_name").alias("name"),
        day("ipoDate").alias("list_date"),
        day("outDate").alias("delist_date"),
    )


def read_history(calls: BaostockCalls, ask: Ask) -> Batch:
    """When a share was listed and delisted, and its industry since the vendor's newest snapshot of industries."""
    symbol = one_symbol(ask)
    listed = _listings(calls, symbol)
    _require_listed(listed, symbol)
    groups = calls.table("query_stock_industry", {"code": theirs(symbol)}, ("updateDate", "code", "industry"))
    industry = groups.select(ours(), day("updateDate").alias("effective_from"), text("industry").alias("value"))
    rows = pl.concat(
        [
            _spell(listed, "status", "list_date", value="listed", until=pl.col("delist_date") - pl.duration(days=1)),
            _spell(listed.filter(pl.col("delist_date").is_not_null()), "status", "delist_date", value="delisted"),
            _spell(industry.filter(pl.col("value").is_not_null()), "industry", "effective_from"),
        ]
    )
    in_time = (pl.col("effective_from") <= ask.window.end) & (
        pl.col("effective_to").is_null() | (pl.col("effective_to") >= ask.window.start)
    )
    origin = "baostock query_stock_basic, query_stock_industry"
    return checked(Kind.INSTRUMENT_HISTORY, rows.filter(in_time), calls.context, origin)


def _spell(
    frame: pl.DataFrame, attribute: str, since: str, *, value: str | None = None, until: pl.Expr | None = None
) -> pl.DataFrame:
    rows = frame.select(
        "symbol",
        pl.lit(attribute).alias("attribute"),
        pl.col(since).alias("effective_from"),
        (pl.lit(None) if until is None else until).cast(pl.Date).alias("effective_to"),
        (pl.col("value") if value is None else pl.lit(value)).alias("value"),
        pl.lit(None, dtype=pl.String).alias("reason"),
    )
    return rows.with_columns(published("effective_from", END_OF_DAY))


def read_bars(calls: BaostockCalls, ask: Ask) -> Batch:
    """One share over the window with its factor, or one session of the whole market without factors."""
    raw, origin = _days(calls, ask)
    factors = _factors(calls, ask) if len(ask.symbols) == 1 else None
    bars = _bars(raw)
    whole = _with_factor(bars, factors)
    adjusted = text("adjustflag").fill_null("") != "3"
    if raw.select(adjusted.any()).item():
        raise SchemaDrift(f"{origin}: adjusted prices where unadjusted ones were asked for")
    batch = checked(Kind.BARS, whole, calls.context, origin)
    require_units(batch.frame, origin)
    return batch


def read_valuations(calls: BaostockCalls, ask: Ask) -> Batch:
    """The multiples that come with the bars of a day; the vendor has no share counts and no market values."""
    raw, origin = _days(calls, ask)
    rows = raw.select(
        ours(),
        day("date").alias("session"),
        *(number(name).alias(renamed) for name, renamed in _MULTIPLES.items()),
    ).with_columns(published("session", AFTER_CLOSE))
    told = rows.filter(pl.any_horizontal(pl.col(VALUATIONS).is_not_null()))
    return checked(
        Kind.VALUATIONS, with_nothing(Kind.VALUATIONS, told, "dividend_yield", *SHARE_COUNTS), calls.context, origin
    )


def _days(calls: BaostockCalls, ask: Ask) -> tuple[pl.DataFrame, str]:
    columns, about = tuple(DAY_FIELDS.split(",")), answer_day(calls.context, ask.window.end)
    if len(ask.symbols) == 1:
        raw = calls.table(_K_DATA, _k_params(ask, ask.symbols[0], DAY_FIELDS, "d"), columns, about=about)
        if not raw.height:
            _explain_empty(calls, ask, ask.symbols[0])
        return raw, f"baostock {_K_DATA}"
    session, origin = ask.window.end, f"baostock {_ALL_SHARES}"
    if ask.window.start != session:
        raise InvalidInput("symbols", f"baostock gives {ask.kind} one symbol or one session at a time")
    raw = calls.table(_ALL_SHARES, {"date": session.isoformat()}, columns, about=about)
    if not raw.height and is_public(calls.context, session, AFTER_CLOSE):
        raise EmptyAnswer(f"{origin} {session}")
    return (raw.filter(ours().is_in(ask.symbols)) if ask.symbols else raw), origin


def _bars(raw: pl.DataFrame) -> pl.DataFrame:
    status = number("tradestatus")
    idle = (pl.col("trade_status") == 0).fill_null(value=False)
    rows = raw.select(
        ours(),
        day("date").alias("session"),
        *(number(name) for name in (*PRICES, "volume", "amount")),
        number("preclose").alias("pre_close"),
        (number("turn") / 100).round(10).alias("turnover_rate"),
        status.alias("trade_status"),
        number("isST").alias("is_st"),
    )
    return rows.with_columns(
        *(pl.when(idle).then(pl.col(name).fill_null(0.0)).otherwise(pl.col(name)) for name in ("volume", "amount")),
        (pl.col("trade_status") == 0).alias("suspended"),
        (pl.col("is_st") == 1).alias("special_treatment"),
        published("session", AFTER_CLOSE),
    )


def _factors(calls: BaostockCalls, ask: Ask) -> pl.DataFrame:
    """Cumulative factors by ex-date, since the listing."""
    params = {"code": theirs(ask.symbols[0]), "start_date": "1990-12-19", "end_date": ask.window.end.isoformat()}
    about = answer_day(calls.context, ask.window.end)
    raw = calls.table("query_adjust_factor", params, ("code", "dividOperateDate", "backAdjustFactor"), about=about)
    return raw.select(day("dividOperateDate").alias("session"), number("backAdjustFactor").alias("adj_factor")).sort(
        "session"
    )


def _with_factor(bars: pl.DataFrame, factors: pl.DataFrame | None) -> pl.DataFrame:
    """The factor of a day is that of the last ex-date up to it, and one before the first."""
    if factors is None:
        return bars.with_columns(pl.lit(None, dtype=pl.Float64).alias("adj_factor"))
    joined = bars.sort("session").join_asof(factors, on="session", check_sortedness=False)
    before_any = pl.col("session") < (factors["session"][0] if factors.height else date.max)
    return joined.with_columns(pl.when(before_any).then(1.0).otherwise(pl.col("adj_factor")).alias("adj_factor"))


def read_index_bars(calls: BaostockCalls, ask: Ask) -> Batch:
    """The indices asked for; where none of them is one, all that the desk follows."""
    columns, about, frames = tuple(INDEX_FIELDS.split(",")), answer_day(calls.context, ask.window.end), []
    for symbol in [s for s in ask.symbols if s in INDICES] or INDICES:
        raw = calls.table(_K_DATA, _k_params(ask, symbol, INDEX_FIELDS, "d"), columns, about=about)
        require_index_rows(calls.context, symbol, ask.window, raw.height, f"baostock {_K_DATA}")
        frames.append(raw)
    rows = pl.concat(frames).select(
        ours(),
        day("date").alias("session"),
        *(number(name) for name in (*PRICES, "volume", "amount")),
        number("preclose").alias("pre_close"),
    )
    dated = rows.with_columns(published("session", AFTER_CLOSE))
    batch = checked(Kind.INDEX_BARS, dated, calls.context, f"baostock {_K_DATA}")
    require_index_units(batch.frame, f"baostock {_K_DATA}")
    return batch


def read_minutes(calls: BaostockCalls, ask: Ask, interval_minutes: int) -> Batch:
    """Minute bars of one share by the end of their minutes; the bars without a price of suspended days are refused."""
    params = _k_params(ask, one_symbol(ask), MINUTE_FIELDS, str(interval_minutes))
    about = answer_day(calls.context, ask.window.end)
    raw = calls.table(_K_DATA, params, tuple(MINUTE_FIELDS.split(",")), about=about)
    moment = text("time").str.head(14).str.to_datetime("%Y%m%d%H%M%S", strict=False)
    frame = raw.select(
        ours(),
        pl.lit(interval_minutes).alias("interval_minutes"),
        moment.dt.replace_time_zone("Asia/Shanghai").cast(INSTANT).alias("ends_at"),
        *(number(name) for name in (*PRICES, "volume", "amount")),
    ).with_columns(pl.col("ends_at").alias("published_at"))
    batch = checked(Kind.MINUTE_BARS, frame, calls.context, f"baostock {_K_DATA}")
    require_units(batch.frame, f"baostock {_K_DATA}")
    return batch


def _k_params(ask: Ask, symbol: str, fields: str, frequency: str) -> dict[str, str]:
    return {
        "code": theirs(symbol),
        "fields": fields,
        "start_date": ask.window.start.isoformat(),
        "end_date": ask.window.end.isoformat(),
        "frequency": frequency,
        "adjustflag": "3",
    }


def _explain_empty(calls: BaostockCalls, ask: Ask, symbol: str) -> None:
    """No rows are right where the share was not listed; the vendor has rows for suspended days."""
    listed = _listings(calls, symbol)
    _require_listed(listed, symbol)
    begins, ends = listed.select("list_date", "delist_date").row(0)
    for session in sessions_in(calls.context, ask.window):
        started, left = begins is None or session >= begins, ends is not None and session >= ends
        if started and not left and is_public(calls.context, session, AFTER_CLOSE):
            raise EmptyAnswer(f"baostock {_K_DATA} {symbol}")


def _require_listed(listed: pl.DataFrame, symbol: str) -> None:
    if symbol not in listed["symbol"]:
        raise InvalidInput("symbols", f"baostock lists no {symbol}")


def one_symbol(ask: Ask) -> str:
    """The symbol of an ask about one share."""
    if len(ask.symbols) != 1:
        raise InvalidInput("symbols", f"baostock gives {ask.kind} one symbol at a time")
    return ask.symbols[0]
