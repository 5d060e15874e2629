"""Statements and dividends from Baostock.

A statement is dated by `pubDate`; restatements are not to be had here. `MBRevenue` is not the revenue of other vendors
(for a bank it is nearly twice as much), and `epsTTM` not the earnings of the period, so neither is taken. Ratios come
as fractions.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from libs.marketdata.baostock_rows import BaostockCalls, one_symbol, ours, theirs
from libs.marketdata.frames import END_OF_DAY, published
from libs.marketdata.provider import Ask
from libs.marketdata.source import Batch, Kind
from libs.marketdata.vendor_rows import amount, checked, day, number, within

_LATEST_REPORT = timedelta(days=200)
"""How long after its period's end a report is still looked for."""
_QUARTER_ENDS = ((3, 31), (6, 30), (9, 30), (12, 31))
_DIVIDEND_COLUMNS = (
    "code",
    "dividPlanDate",
    "dividRegistDate",
    "dividOperateDate",
    "dividPayDate",
    "dividCashPsBeforeTax",
    "dividStocksPs",
    "dividReserveToStockPs",
)


@dataclass(frozen=True, slots=True)
class Report:
    """One function and what its columns are called here."""

    function: str
    items: tuple[tuple[str, str], ...]


REPORTS = (
    Report(
        "query_profit_data",
        (("net_profit", "netProfit"), ("roe", "roeAvg"), ("net_margin", "npMargin"), ("gross_margin", "gpMargin")),
    ),
    Report("query_growth_data", (("net_profit_growth", "YOYPNI"),)),
    Report(
        "query_balance_data",
        (("current_ratio", "currentRatio"), ("quick_ratio", "quickRatio"), ("debt_to_assets", "liabilityToAsset")),
    ),
)


def read_statements(calls: BaostockCalls, ask: Ask) -> Batch:
    """What one share announced in the window, quarter by quarter."""
    code = theirs(one_symbol(ask))
    frames = [
        _long(report, _quarter(calls, report, code, end))
        for end in _quarters(ask.window.start - _LATEST_REPORT, ask.window.end)
        for report in REPORTS
    ]
    rows = pl.concat(frames).filter(within(ask.window, "announced_on"))
    origin = ", ".join(report.function for report in REPORTS)
    dated = rows.with_columns(published("announced_on", END_OF_DAY))
    return checked(Kind.STATEMENTS, dated, calls.context, f"baostock {origin}")


def _quarters(first: date, last: date) -> list[date]:
    ends = (date(year, *end) for year in range(first.year, last.year + 1) for end in _QUARTER_ENDS)
    return [end for end in ends if first <= end <= last]


def _quarter(calls: BaostockCalls, report: Report, code: str, end: date) -> pl.DataFrame:
    params = {"code": code, "year": str(end.year), "quarter": str((end.month + 2) // 3)}
    columns = ("code", "pubDate", "statDate", *(theirs_ for _, theirs_ in report.items))
    return calls.table(report.function, params, columns)


def _long(report: Report, raw: pl.DataFrame) -> pl.DataFrame:
    """One row per number; what was not stated has none."""
    keys = ["symbol", "period", "announced_on"]
    wide = raw.select(
        ours(),
        day("statDate").alias("period"),
        day("pubDate").alias("announced_on"),
        *(number(name).alias(item) for item, name in report.items),
    )
    long = wide.unpivot([item for item, _ in report.items], index=keys, variable_name="item", value_name="value")
    return long.filter(pl.col("value").is_not_null())


def read_corporate_actions(calls: BaostockCalls, ask: Ask) -> Batch:
    """Implemented dividends, bonus and transferred shares of one share, per share and before tax."""
    code, window = theirs(one_symbol(ask)), ask.window
    frames = [
        calls.table("query_dividend_data", {"code": code, "year": str(y), "yearType": "operate"}, _DIVIDEND_COLUMNS)
        for y in range(window.start.year, window.end.year + 1 + (window.end.month == 12))
    ]
    rows = pl.concat(frames).select(
        ours(),
        day("dividOperateDate").alias("ex_date"),
        day("dividRegistDate").alias("record_date"),
        day("dividPayDate").alias("pay_date"),
        day("dividPlanDate").alias("announced_on"),
        amount("dividCashPsBeforeTax").alias("cash_per_share"),
        amount("dividStocksPs").alias("bonus_per_share"),
        amount("dividReserveToStockPs").alias("transfer_per_share"),
        pl.lit(0.0).alias("rights_per_share"),
        pl.lit(None, dtype=pl.Float64).alias("rights_price"),
    )
    gone = (pl.col("ex_date") < window.start) | (pl.col("announced_on") > window.end)
    frame = rows.filter(~gone.fill_null(value=False)).with_columns(published("announced_on", END_OF_DAY))
    return checked(Kind.CORPORATE_ACTIONS, frame, calls.context, "baostock query_dividend_data")
