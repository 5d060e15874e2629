"""Money flows and lists of the market: margin, northbound, sectors, pledges, unlocks, suspensions, through AkShare.

Balances and flows come in hundred million CNY (亿元), pledged and unlocked shares in ten thousands (万股).
Northbound net purchases ended on 2024-08-16: later rows are refused, whatever the vendor puts into them, and so is a
row that repeats the session before, which is how the vendor fills a day on which the Connect was closed.
"""

from datetime import date, timedelta

import polars as pl

from libs.domain.clock import SHANGHAI
from libs.marketdata.akshare_bars import one_symbol
from libs.marketdata.akshare_calls import AkshareCalls, Alternative, first_that_answers, origin_of
from libs.marketdata.akshare_lists import MORNING, is_share, symbol_of
from libs.marketdata.frames import END_OF_DAY, published, with_margin_publication
from libs.marketdata.provider import Ask, ProviderContext
from libs.marketdata.row_checks import NORTHBOUND_NET_BUY_UNTIL
from libs.marketdata.sessions import AFTER_CLOSE, FLOWS_OUT
from libs.marketdata.source import Batch, Kind, SchemaDrift, SourceError, SourceRefused
from libs.marketdata.validation import Checks
from libs.marketdata.vendor_rows import (
    answer_day,
    checked,
    day,
    is_public,
    number,
    published_next_session,
    require_rows,
    sessions_in,
    text,
    within,
)

_HUNDRED_MILLION, _TEN_THOUSAND = 100_000_000, 10_000
_ROUNDING = 0.02
"""In hundred million CNY: how far rounded parts may lie beside their rounded sum."""

_MARGIN = {
    "session": "日期",
    "financing_balance": "融资余额",
    "lending_balance": "融券余额",
    "financing_bought": "融资买入额",
    "maintenance_ratio": "平均维持担保比例",
}
_FLOW = {"session": "日期", "net": "当日成交净买额", "bought": "买入成交额", "sold": "卖出成交额"}
_SECTORS_THS = {
    "sector": "行业",
    "change": "行业-涨跌幅",
    "inflow": "流入资金",
    "outflow": "流出资金",
    "net_inflow": "净额",
}
_SECTORS_EASTMONEY = {"sector": "名称", "change": "今日涨跌幅", "net_inflow": "今日主力净流入-净额"}
_PLEDGES = {
    "code": "股票代码",
    "as_of": "交易日期",
    "pledged_ratio": "质押比例",
    "pledged_shares": "质押股数",
    "contracts": "质押笔数",
    "free": "无限售股质押数",
    "locked": "限售股质押数",
}
_UNLOCKS = {
    "code": "代码",
    "unlock_date": "解禁日期",
    "shares": "解禁数量",
    "batch": "上市批次",
    "announced_on": "公告日期",
}
_HALTS = {
    "code": "代码",
    "begins": "停牌时间",
    "ends": "停牌截止时间",
    "timing": "停牌期限",
    "reason": "停牌原因",
    "resumes": "预计复牌时间",
}


def read_margin(calls: AkshareCalls, ask: Ask) -> Batch:
    """Margin balances of both exchanges; public on the morning of the next session."""
    function = "stock_margin_account_info"
    raw = require_rows(
        calls.table(function, _MARGIN, trade_date=answer_day(calls.context, ask.window.end, lag_sessions=1)),
        origin_of(function),
    )
    balances = [
        (number(n) * _HUNDRED_MILLION).round(2) for n in ("financing_balance", "lending_balance", "financing_bought")
    ]
    rows = raw.select(day("session"), *balances, (number("maintenance_ratio") / 100).round(10))
    inside = rows.filter(pl.col("session").is_null() | within(ask.window, "session"))
    frame = with_margin_publication(inside, calls.context.sessions)
    unknown = {"next session unknown": inside.height - frame.height} if inside.height > frame.height else {}
    return checked(Kind.MARGIN, frame, calls.context, origin_of(function), besides=unknown)


def read_northbound(calls: AkshareCalls, ask: Ask) -> Batch:
    """Northbound net purchases and turnover (北向资金) up to 2024-08-16, and the two exchanges' parts of it."""
    function = "stock_hsgt_hist_em"
    whole, shanghai, shenzhen = (_flow(calls, symbol) for symbol in ("北向资金", "沪股通", "深股通"))
    joined = whole.join(shanghai.select("session", shanghai="net"), on="session", how="left").join(
        shenzhen.select("session", shenzhen="net"), on="session", how="left"
    )
    inside = joined.filter(pl.col("session").is_null() | within(ask.window, "session"))
    scaled = {
        "net_buy": pl.col("net"),
        "shanghai_net_buy": pl.col("shanghai"),
        "shenzhen_net_buy": pl.col("shenzhen"),
        "turnover": pl.col("bought") + pl.col("sold"),
    }
    frame = inside.with_columns(
        *((value * _HUNDRED_MILLION).round(2).alias(name) for name, value in scaled.items()),
        published("session", FLOWS_OUT),
    )
    return checked(Kind.NORTHBOUND, frame, calls.context, origin_of(function), first=_FLOW_CHECKS)


def _flow(calls: AkshareCalls, symbol: str) -> pl.DataFrame:
    raw = require_rows(calls.table("stock_hsgt_hist_em", _FLOW, symbol=symbol), origin_of("stock_hsgt_hist_em"))
    rows = raw.select(day("session"), *(number(name) for name in ("net", "bought", "sold"))).sort("session")
    values = ["net", "bought", "sold"]
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in values)
    return rows.with_columns(same.fill_null(value=False).alias("repeated"))


_FLOW_CHECKS: Checks = [
    (
        "not published any more after 2024-08-16",
        (pl.col("session") > NORTHBOUND_NET_BUY_UNTIL).fill_null(value=False),
    ),
    ("net purchases missing", pl.any_horizontal(pl.col(name).is_null() for name in ("net", "bought", "sold"))),
    ("repeats the session before", pl.col("repeated")),
    ("net is not bought less sold", (pl.col("bought") - pl.col("sold") - pl.col("net")).abs() > _ROUNDING),
]


def read_sector_flows(calls: AkshareCalls, ask: Ask) -> Batch:
    """Flows of the session that ended last, by Tonghuashun's industries, else by Eastmoney's; nobody keeps the past."""
    session = _only_session(calls.context, ask)
    return first_that_answers(
        calls.context.gate,
        [
            Alternative("stock_fund_flow_industry", lambda: _flows_ths(calls, session)),
            Alternative("stock_sector_fund_flow_rank", lambda: _flows_eastmoney(calls, session)),
        ],
    )


def _only_session(context: ProviderContext, ask: Ask) -> date:
    """The session that answers without a date are about; nobody can say it before its flows are out."""
    today = [session for session in context.sessions if session <= context.now.astimezone(SHANGHAI).date()]
    last = max(today, default=None)
    if last is None or not is_public(context, last, FLOWS_OUT):
        raise SourceRefused("akshare: sector flows are of a session that is not over; ask from 18:00 on")
    if not ask.window.start <= last <= ask.window.end:
        raise SourceRefused(f"akshare: sector flows of {last} alone can be had")
    return last


def _flows_ths(calls: AkshareCalls, session: date) -> Batch:
    function = "stock_fund_flow_industry"
    raw = require_rows(calls.table(function, _SECTORS_THS, trade_date=session, symbol="即时"), origin_of(function))
    flows = [number(name) for name in ("inflow", "outflow", "net_inflow")]
    rows = raw.select(text("sector"), (number("change") / 100).round(10), *flows)
    gap = (pl.col("inflow") - pl.col("outflow") - pl.col("net_inflow")).abs()
    if rows.select((gap > _ROUNDING).mean().fill_null(1.0)).item() > 0.2:
        raise SchemaDrift(f"{origin_of(function)}: inflow, outflow and net do not fit; units or columns changed?")
    scaled = [(pl.col(n) * _HUNDRED_MILLION).round(2) for n in ("inflow", "outflow", "net_inflow")]
    return _flows(calls, rows.with_columns(scaled), session, "ths", function)


def _flows_eastmoney(calls: AkshareCalls, session: date) -> Batch:
    function = "stock_sector_fund_flow_rank"
    asked = {"indicator": "今日", "sector_type": "行业资金流"}
    raw = require_rows(calls.table(function, _SECTORS_EASTMONEY, trade_date=session, **asked), origin_of(function))
    unknown = [pl.lit(None, dtype=pl.Float64).alias(name) for name in ("inflow", "outflow")]
    rows = raw.select(text("sector"), (number("change") / 100).round(10), number("net_inflow"), *unknown)
    return _flows(calls, rows, session, "eastmoney", function)


def _flows(calls: AkshareCalls, rows: pl.DataFrame, session: date, taxonomy: str, function: str) -> Batch:
    frame = rows.with_columns(pl.lit(session).alias("session"), pl.lit(taxonomy).alias("taxonomy"))
    dated = frame.with_columns(published("session", FLOWS_OUT))
    return checked(Kind.SECTOR_FLOWS, dated, calls.context, origin_of(function))


def read_pledges(calls: AkshareCalls, ask: Ask) -> Batch:
    """Pledged shares at the end of each week of the window; public at the end of the session after it."""
    function = "stock_gpzy_pledge_ratio_em"
    weeks = [_week(calls, friday) for friday in _fridays(ask.window.start, ask.window.end)]
    rows = pl.concat([_no_pledges(), *(_of_week(*week, function) for week in weeks if week)])
    asked = pl.col("symbol").is_in(ask.symbols) if ask.symbols else is_share()
    dated = published_next_session(rows.filter(asked), "as_of", calls.context)
    return checked(Kind.PLEDGES, dated, calls.context, origin_of(function))


def _fridays(first: date, last: date) -> list[date]:
    start = first + timedelta(days=(4 - first.weekday()) % 7)
    return [start + timedelta(days=7 * week) for week in range(max(0, (last - start).days // 7 + 1))]


def _week(calls: AkshareCalls, friday: date) -> tuple[pl.DataFrame, date] | None:
    """The table of a week, dated on its Friday or, where that is none, on its last session."""
    within_week = [s for s in calls.context.sessions if friday - timedelta(days=4) <= s <= friday]
    for candidate in dict.fromkeys([friday, *within_week[-1:]]):
        closed = answer_day(calls.context, candidate, lag_sessions=5)
        asked = candidate.strftime("%Y%m%d")
        raw = calls.table("stock_gpzy_pledge_ratio_em", _PLEDGES, trade_date=closed, date=asked)
        if raw.height:
            return raw, candidate
    return None


def _of_week(raw: pl.DataFrame, as_of: date, function: str) -> pl.DataFrame:
    names = ("pledged_ratio", "pledged_shares", "contracts", "free", "locked")
    rows = raw.select(symbol_of("code"), day("as_of"), *(number(name) for name in names))
    fits = (pl.col("free") + pl.col("locked") - pl.col("pledged_shares")).abs() < 1
    sane = pl.col("pledged_ratio").is_between(0, 100) & (pl.col("as_of") == as_of) & fits
    if rows.select((~sane).mean().fill_null(0.0)).item() > 0.2:
        raise SchemaDrift(f"{origin_of(function)} {as_of}: ratios and sums do not fit; units or columns changed?")
    return rows.select(
        "symbol",
        "as_of",
        (pl.col("pledged_ratio") / 100).round(10),
        (pl.col("pledged_shares") * _TEN_THOUSAND).round(),
        "contracts",
    )


def _no_pledges() -> pl.DataFrame:
    floats = dict.fromkeys(("pledged_ratio", "pledged_shares", "contracts"), pl.Float64())
    return pl.DataFrame(schema={"symbol": pl.String(), "as_of": pl.Date(), **floats})


def read_unlocks(calls: AkshareCalls, ask: Ask) -> Batch:
    """Unlocks announced by the end of the window that happen in it or later, of one share (限售解禁).

    From Sina, which tells when each was announced; Eastmoney's table does not, so nobody could say who knew of it when.
    """
    symbol, function = one_symbol(ask), "stock_restricted_release_queue_sina"
    raw = calls.table(function, _UNLOCKS, symbol=f"{symbol[7:].lower()}{symbol[:6]}")
    rows = raw.select(symbol_of("code"), day("unlock_date"), number("shares"), number("batch"), day("announced_on"))
    if rows.filter(pl.col("symbol") != symbol).height:
        raise SourceError(f"{origin_of(function)}: rows of another share than {symbol}")
    gone = (pl.col("unlock_date") < ask.window.start) | (pl.col("announced_on") > ask.window.end)
    frame = rows.filter(~gone.fill_null(value=False)).with_columns(
        (pl.col("shares") * _TEN_THOUSAND).round(),
        pl.format("第{}批", pl.col("batch").cast(pl.Int64)).alias("share_kind"),
        pl.lit(None, dtype=pl.Float64).alias("ratio"),
        published("announced_on", END_OF_DAY),
    )
    return checked(Kind.UNLOCKS, frame, calls.context, origin_of(function))


def read_suspensions(calls: AkshareCalls, ask: Ask) -> Batch:
    """Who did not trade on each session of the window, wholly or for a while (停牌)."""
    function = "stock_tfp_em"
    batches = [_halts(calls, ask, session) for session in sessions_in(calls.context, ask.window)]
    frame = pl.concat([_no_halts(), *batches])
    return checked(Kind.SUSPENSIONS, frame, calls.context, origin_of(function))


def _halts(calls: AkshareCalls, ask: Ask, session: date) -> pl.DataFrame:
    raw = calls.table(
        "stock_tfp_em", _HALTS, trade_date=answer_day(calls.context, session), date=session.strftime("%Y%m%d")
    )
    rows = raw.select(
        symbol_of("code"), *(day(n) for n in ("begins", "ends", "resumes")), text("timing"), text("reason")
    )
    unread = rows.select((pl.col("begins").is_null() | ~pl.col("symbol").str.contains(r"^\d{6}\.")).mean())
    if (unread.item() or 0.0) > 0.2:
        raise SchemaDrift(f"{origin_of('stock_tfp_em')} {session}: codes or dates cannot be read; columns changed?")
    asked = pl.col("symbol").is_in(ask.symbols) if ask.symbols else is_share()
    over = (pl.col("ends") < session).fill_null(value=False) | (pl.col("resumes") <= session).fill_null(value=False)
    partly = pl.col("timing").fill_null("").str.contains("盘中|小时|分钟|上午|下午|半天|临时")
    return rows.filter(asked & (pl.col("begins") <= session) & ~over).select(
        "symbol",
        pl.lit(session).alias("session"),
        pl.when(partly).then(pl.lit("intraday")).otherwise(pl.lit("full")).alias("extent"),
        "timing",
        "reason",
        pl.when(partly)
        .then(pl.lit(session).dt.combine(AFTER_CLOSE).dt.replace_time_zone("Asia/Shanghai"))
        .otherwise(pl.lit(session).dt.combine(MORNING).dt.replace_time_zone("Asia/Shanghai"))
        .alias("published_at"),
    )


def _no_halts() -> pl.DataFrame:
    texts = dict.fromkeys(("symbol", "extent", "timing", "reason"), pl.String())
    schema = {"symbol": pl.String(), "session": pl.Date(), **texts}
    empty = pl.DataFrame(schema=schema).select("symbol", "session", "extent", "timing", "reason")
    return empty.with_columns(published("session", MORNING))
