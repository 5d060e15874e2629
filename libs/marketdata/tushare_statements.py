"""Statements, goodwill and dividends from Tushare, each dated by when it was really announced.

`f_ann_date` is the day a number became public; `ann_date` is that of the first report, so a restatement read by it
would be known too early. Where one announcement gives a number twice, `update_flag` says which is the later.
Percentages become fractions; money is CNY already.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from libs.marketdata.frames import END_OF_DAY, published
from libs.marketdata.provider import Ask
from libs.marketdata.source import Batch, Kind
from libs.marketdata.tushare_calls import Endpoint, TushareCalls, compact, one_symbol
from libs.marketdata.vendor_rows import amount, checked, day, number, text, whole_sum, within

_KEYS = {"symbol": "ts_code", "period": "end_date", "announced_on": "ann_date", "update_flag": "update_flag"}
_LONGEST_WAIT = timedelta(days=550)
"""How much earlier than the window to search: a restatement is filed under its first announcement or its period."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One endpoint and what its columns are called here; `percent` ones are divided by a hundred."""

    endpoint: Endpoint
    items: tuple[str, ...]
    percent: frozenset[str] = frozenset()


def _statement(api: str, items: Mapping[str, str], *, percent: frozenset[str] = frozenset()) -> Statement:
    really = {} if api == "fina_indicator" else {"really_announced_on": "f_ann_date"}
    page_rows = 100 if api == "fina_indicator" else 1000
    return Statement(Endpoint(api, {**_KEYS, **really, **items}, page_rows), tuple(items), percent)


INCOME = _statement(
    "income",
    {
        "revenue": "revenue",
        "operating_profit": "operate_profit",
        "net_profit": "n_income",
        "net_profit_parent": "n_income_attr_p",
    },
)
BALANCE = _statement(
    "balancesheet",
    {
        "total_assets": "total_assets",
        "total_liabilities": "total_liab",
        "equity_parent": "total_hldr_eqy_exc_min_int",
        "current_assets": "total_cur_assets",
        "current_liabilities": "total_cur_liab",
        "goodwill": "goodwill",
        "cash": "money_cap",
    },
)
CASH_FLOW = _statement("cashflow", {"operating_cash_flow": "n_cashflow_act"})
INDICATORS = _statement(
    "fina_indicator",
    {
        "net_profit_deducted": "profit_dedt",
        "eps": "eps",
        "bps": "bps",
        "roe": "roe",
        "gross_margin": "grossprofit_margin",
        "net_margin": "netprofit_margin",
        "debt_to_assets": "debt_to_assets",
        "current_ratio": "current_ratio",
        "quick_ratio": "quick_ratio",
        "revenue_growth": "or_yoy",
        "net_profit_growth": "netprofit_yoy",
    },
    percent=frozenset(
        {"roe", "gross_margin", "net_margin", "debt_to_assets", "revenue_growth", "net_profit_growth"},
    ),
)

DIVIDEND = Endpoint(
    "dividend",
    {
        "symbol": "ts_code",
        "period": "end_date",
        "planned_on": "ann_date",
        "progress": "div_proc",
        "bonus_per_share": "stk_bo_rate",
        "transfer_per_share": "stk_co_rate",
        "cash_per_share": "cash_div_tax",
        "record_date": "record_date",
        "ex_date": "ex_date",
        "pay_date": "pay_date",
        "announced_on": "imp_ann_date",
    },
    page_rows=2000,
)


def read_statements(calls: TushareCalls, ask: Ask) -> Batch:
    """Every number of one share that was announced in the window."""
    symbol = one_symbol(ask)
    frames = [
        _long(statement, _announced(calls, ask, statement, symbol))
        for statement in (INCOME, BALANCE, CASH_FLOW, INDICATORS)
    ]
    rows = pl.concat(frames).with_columns(published("announced_on", END_OF_DAY))
    return checked(Kind.STATEMENTS, rows, calls.context, "tushare income, balancesheet, cashflow, fina_indicator")


def read_goodwill(calls: TushareCalls, ask: Ask) -> Batch:
    """Goodwill and its share of the parent's equity; a balance sheet of the window that states none gives no row."""
    rows = _announced(calls, ask, BALANCE, one_symbol(ask))
    told = rows.filter(pl.col("goodwill").is_not_null())
    equity = pl.col("equity_parent")
    frame = told.with_columns(
        pl.when(equity > 0).then(pl.col("goodwill") / equity).alias("ratio_of_equity"),
        pl.lit(None, dtype=pl.Float64).alias("impairment"),
        published("announced_on", END_OF_DAY),
    )
    return checked(Kind.GOODWILL, frame, calls.context, "tushare balancesheet")


def _announced(calls: TushareCalls, ask: Ask, statement: Statement, symbol: str) -> pl.DataFrame:
    """The rows of one endpoint that were announced in the window, one per period and announcement."""
    since = compact(ask.window.start - _LONGEST_WAIT)
    raw = calls.table(statement.endpoint, {"ts_code": symbol, "start_date": since, "end_date": compact(ask.window.end)})
    first = day("announced_on")
    really = pl.coalesce(day("really_announced_on"), first) if "really_announced_on" in raw.columns else first
    rows = raw.select(
        text("symbol"),
        day("period"),
        really.alias("announced_on"),
        text("update_flag"),
        *((number(name) / 100 if name in statement.percent else number(name)) for name in statement.items),
    )
    key = ["symbol", "period", "announced_on"]
    latest = rows.sort(*key, "update_flag", nulls_last=False, maintain_order=True).unique(
        key, keep="last", maintain_order=True
    )
    return latest.filter(within(ask.window, "announced_on"))


def _long(statement: Statement, rows: pl.DataFrame) -> pl.DataFrame:
    """One row per number; what was not stated has none."""
    keyed = rows.select("symbol", "period", "announced_on", *statement.items)
    return keyed.unpivot(
        statement.items, index=["symbol", "period", "announced_on"], variable_name="item", value_name="value"
    ).filter(pl.col("value").is_not_null())


def read_corporate_actions(calls: TushareCalls, ask: Ask) -> Batch:
    """Implemented dividends, bonus and transferred shares of one share that were known by the end of the window.

    Cash is before tax (`cash_div_tax`; `cash_div` is after). Two plans with one ex-date are one event.
    """
    raw = calls.table(DIVIDEND, {"ts_code": one_symbol(ask)})
    per_share = ("cash_per_share", "bonus_per_share", "transfer_per_share")
    dates = ("period", "record_date", "ex_date", "pay_date")
    rows = raw.filter(text("progress") == "实施").select(
        text("symbol"),
        *(day(name) for name in dates),
        pl.coalesce(day("announced_on"), day("planned_on")).alias("announced_on"),
        *(amount(name) for name in per_share),
    )
    plans = rows.sort("announced_on").unique(["symbol", "ex_date", "period"], keep="last", maintain_order=True)
    events = plans.group_by("symbol", "ex_date", maintain_order=True).agg(
        pl.col("record_date", "pay_date", "announced_on").max(), *(whole_sum(name) for name in per_share)
    )
    gone = (pl.col("ex_date") < ask.window.start) | (pl.col("announced_on") > ask.window.end)
    frame = events.filter(~gone.fill_null(value=False)).with_columns(
        pl.lit(0.0).alias("rights_per_share"),
        pl.lit(None, dtype=pl.Float64).alias("rights_price"),
        published("announced_on", END_OF_DAY),
    )
    return checked(Kind.CORPORATE_ACTIONS, frame, calls.context, "tushare dividend")
