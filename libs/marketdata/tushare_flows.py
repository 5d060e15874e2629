"""Margin, northbound, sector flows, pledges and unlocks from Tushare.

Margin comes in CNY per exchange, northbound in million CNY, flows of THS in hundred million CNY and of Eastmoney in
CNY, pledges in ten thousand shares, unlocks in shares per holder.
"""

from datetime import date

import polars as pl

from libs.marketdata.frames import END_OF_DAY, published, with_margin_publication
from libs.marketdata.provider import Ask
from libs.marketdata.row_checks import NORTHBOUND_NET_BUY_UNTIL
from libs.marketdata.sessions import FLOWS_OUT
from libs.marketdata.source import Batch, EmptyAnswer, Kind, SchemaDrift
from libs.marketdata.tushare_calls import Endpoint, TushareCalls, one_symbol, span_of, wanted
from libs.marketdata.vendor_rows import (
    answer_day,
    checked,
    day,
    is_public,
    number,
    published_next_session,
    sessions_in,
    text,
    whole_sum,
    within,
)

_MILLION, _HUNDRED_MILLION, _TEN_THOUSAND = 1_000_000, 100_000_000, 10_000
_BSE_MARGIN_SINCE = date(2023, 2, 13)
"""First session of margin trading on the Beijing exchange; before, two exchanges are all."""
_RATIO_ROUNDING, _WRONG_SHARE = 0.001, 0.2
_LONGEST_CLOSURE = 10
"""More sessions in a row than the Connect is ever closed while Shanghai and Shenzhen trade."""

MARGIN = Endpoint(
    "margin",
    {
        "session": "trade_date",
        "exchange": "exchange_id",
        "financing_balance": "rzye",
        "lending_balance": "rqye",
        "financing_bought": "rzmre",
    },
    page_rows=4000,
)
MONEYFLOW_HSGT = Endpoint(
    "moneyflow_hsgt",
    {
        "session": "trade_date",
        "shanghai_net_buy": "hgt",
        "shenzhen_net_buy": "sgt",
        "net_buy": "north_money",
    },
    page_rows=300,
)
FLOWS_THS = Endpoint(
    "moneyflow_ind_ths",
    {
        "session": "trade_date",
        "sector": "industry",
        "change": "pct_change",
        "inflow": "net_buy_amount",
        "outflow": "net_sell_amount",
        "net_inflow": "net_amount",
    },
)
FLOWS_DC = Endpoint(
    "moneyflow_ind_dc",
    {
        "session": "trade_date",
        "group": "content_type",
        "sector": "name",
        "change": "pct_change",
        "net_inflow": "net_amount",
    },
)
PLEDGE_STAT = Endpoint(
    "pledge_stat",
    {
        "symbol": "ts_code",
        "as_of": "end_date",
        "contracts": "pledge_count",
        "unrestricted": "unrest_pledge",
        "restricted": "rest_pledge",
        "total": "total_share",
        "pledged_ratio": "pledge_ratio",
    },
    page_rows=1000,
)
SHARE_FLOAT = Endpoint(
    "share_float",
    {
        "symbol": "ts_code",
        "announced_on": "ann_date",
        "unlock_date": "float_date",
        "shares": "float_share",
        "ratio": "float_ratio",
        "holder": "holder_name",
        "share_kind": "share_type",
    },
    page_rows=6000,
)


def read_margin(calls: TushareCalls, ask: Ask) -> Batch:
    """Balances of all exchanges together; a session of which one exchange is missing is refused, not understated."""
    balances = ("financing_balance", "lending_balance", "financing_bought")
    raw = calls.table(MARGIN, span_of(ask.window), about=answer_day(calls.context, ask.window.end, lag_sessions=1))
    expected = with_margin_publication(
        pl.DataFrame({"session": sessions_in(calls.context, ask.window)}, schema={"session": pl.Date}),
        calls.context.sessions,
    )
    if not raw.height and expected.filter(pl.col("published_at") < calls.context.now).height:
        raise EmptyAnswer("tushare margin")
    rows = raw.select(day("session"), text("exchange"), *(number(name) for name in balances))
    single = rows.unique(["session", "exchange"], keep="first", maintain_order=True)
    exchanges = pl.col("exchange").is_in(["SSE", "SZSE", "BSE"]).sum().alias("exchanges")
    totals = single.group_by("session").agg(*(whole_sum(name) for name in balances), exchanges)
    nothing = pl.lit(None, dtype=pl.Float64).alias("maintenance_ratio")
    dated = with_margin_publication(totals.with_columns(nothing).sort("session"), calls.context.sessions)
    needed = pl.when(pl.col("session") >= _BSE_MARGIN_SINCE).then(3).otherwise(2)
    reasons = [("an exchange is missing", pl.col("exchanges") < needed)]
    return checked(Kind.MARGIN, dated, calls.context, "tushare margin", first=reasons)


def read_northbound(calls: TushareCalls, ask: Ask) -> Batch:
    """Net buying until it was discontinued; days after, and days whose parts are not their sum, are refused."""
    net = ("net_buy", "shanghai_net_buy", "shenzhen_net_buy")
    raw = calls.table(MONEYFLOW_HSGT, span_of(ask.window), about=answer_day(calls.context, ask.window.end))
    published_days = [d for d in sessions_in(calls.context, ask.window) if d <= NORTHBOUND_NET_BUY_UNTIL]
    if not raw.height and len(published_days) > _LONGEST_CLOSURE:
        raise EmptyAnswer("tushare moneyflow_hsgt")
    rows = raw.select(day("session"), *((number(name) * _MILLION).round(2) for name in net))
    frame = rows.with_columns(pl.lit(None, dtype=pl.Float64).alias("turnover"), published("session", FLOWS_OUT))
    return checked(Kind.NORTHBOUND, frame, calls.context, "tushare moneyflow_hsgt")


def read_sector_flows(calls: TushareCalls, ask: Ask) -> Batch:
    """Flows of the industries of THS, in and out, and of Eastmoney, net alone."""
    about = answer_day(calls.context, ask.window.end)
    origin = "tushare moneyflow_ind_ths, moneyflow_ind_dc"
    ths = calls.table(FLOWS_THS, span_of(ask.window), about=about)
    dc = calls.table(FLOWS_DC, {"content_type": "行业", **span_of(ask.window)}, about=about)
    public = [s for s in sessions_in(calls.context, ask.window) if is_public(calls.context, s, FLOWS_OUT)]
    if public and not ths.height:
        raise EmptyAnswer(origin)
    keyed = [day("session"), text("sector"), (number("change") / 100).round(10)]
    flows = [(number(name) * _HUNDRED_MILLION).round(2) for name in ("inflow", "outflow", "net_inflow")]
    in_out = ths.select(*keyed, *flows, pl.lit("ths").alias("taxonomy"))
    nothing = pl.lit(None, dtype=pl.Float64)
    net = dc.filter(text("group") == "行业").select(
        *keyed,
        nothing.alias("inflow"),
        nothing.alias("outflow"),
        number("net_inflow"),
        pl.lit("eastmoney").alias("taxonomy"),
    )
    frame = pl.concat([in_out, net]).with_columns(published("session", FLOWS_OUT))
    return checked(Kind.SECTOR_FLOWS, frame, calls.context, origin)


def read_pledges(calls: TushareCalls, ask: Ask) -> Batch:
    """Pledged shares of one share, week by week; a Friday's table is taken to be out by the end of the next session."""
    raw = calls.table(PLEDGE_STAT, {"ts_code": one_symbol(ask)})
    shares = (number("unrestricted") + number("restricted")) * _TEN_THOUSAND
    apart = (shares / (number("total") * _TEN_THOUSAND) - number("pledged_ratio") / 100).abs()
    if (raw.select((apart > _RATIO_ROUNDING).mean()).item() or 0.0) > _WRONG_SHARE:
        raise SchemaDrift("tushare pledge_stat: pledged shares, all shares and ratio do not fit; units changed?")
    frame = raw.select(
        text("symbol"),
        day("as_of"),
        (number("pledged_ratio") / 100).round(10),
        shares.round().alias("pledged_shares"),
        number("contracts"),
    ).filter(within(ask.window, "as_of"))
    dated = published_next_session(frame, "as_of", calls.context)
    return checked(Kind.PLEDGES, dated, calls.context, "tushare pledge_stat")


def read_unlocks(calls: TushareCalls, ask: Ask) -> Batch:
    """Unlocks that were announced by the end of the window and happen in it or later, one row per kind of share.

    A holder is repeated in every further announcement of the same unlock: the newest one counts.
    """
    raw = calls.table(SHARE_FLOAT, {"ts_code": one_symbol(ask)})
    rows = raw.select(
        text("symbol"),
        day("unlock_date"),
        text("share_kind"),
        day("announced_on"),
        text("holder"),
        number("shares"),
        number("ratio") / 100,
    )
    known = rows.filter((pl.col("unlock_date") >= ask.window.start) & (pl.col("announced_on") <= ask.window.end))
    holder = ["symbol", "unlock_date", "holder", "share_kind"]
    newest = pl.col("announced_on") == pl.col("announced_on").max().over(holder)
    single = known.filter(newest).unique(maintain_order=True)
    grouped = single.group_by("symbol", "unlock_date", "share_kind", "announced_on", maintain_order=True).agg(
        whole_sum("shares"), whole_sum("ratio")
    )
    frame = grouped.with_columns(published("announced_on", END_OF_DAY))
    return checked(Kind.UNLOCKS, wanted(frame, ask), calls.context, "tushare share_float")
