"""What is told about one company or all: valuations, statements, goodwill, dividends, through AkShare.

Eastmoney tells when a report was last announced, not each version of it: a figure restated later comes with the later
date, so it is known too late and never too early. Only plans that were carried out (实施) are corporate actions; they
come per ten shares.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

import polars as pl

from libs.marketdata.akshare_bars import one_symbol
from libs.marketdata.akshare_calls import AkshareCalls, Alternative, first_that_answers, origin_of
from libs.marketdata.akshare_lists import Lists, is_share, symbol_of
from libs.marketdata.frames import END_OF_DAY, published
from libs.marketdata.provider import Ask
from libs.marketdata.sessions import AFTER_CLOSE
from libs.marketdata.source import Batch, EmptyAnswer, Kind, SchemaDrift, Window
from libs.marketdata.vendor_rows import (
    amount,
    answer_day,
    checked,
    day,
    is_public,
    number,
    sessions_in,
    text,
    whole_sum,
    within,
)

_PER_TEN = 10
_LATEST_REPORT = timedelta(days=460)
"""An annual report is due within four months of its period, and some come a year late."""
_WRONG_SHARE = 0.2

_VALUE = {
    "session": "数据日期",
    "close": "当日收盘价",
    "pe_ttm": "PE(TTM)",
    "pb_mrq": "市净率",
    "ps_ttm": "市销率",
    "total_shares": "总股本",
    "float_shares": "流通股本",
    "market_value": "总市值",
    "float_market_value": "流通市值",
}
_SHARE_OF_REPORT = {"code": "股票代码", "announced_on": "公告日期"}
_REPORTS: Mapping[str, Mapping[str, str]] = {
    "stock_yjbb_em": {
        "code": "股票代码",
        "announced_on": "最新公告日期",
        "eps": "每股收益",
        "revenue": "营业总收入-营业总收入",
        "revenue_growth": "营业总收入-同比增长",
        "net_profit_parent": "净利润-净利润",
        "net_profit_growth": "净利润-同比增长",
        "bps": "每股净资产",
        "roe": "净资产收益率",
        "gross_margin": "销售毛利率",
    },
    "stock_lrb_em": {**_SHARE_OF_REPORT, "operating_profit": "营业利润"},
    "stock_zcfz_em": {
        **_SHARE_OF_REPORT,
        "cash": "资产-货币资金",
        "total_assets": "资产-总资产",
        "total_liabilities": "负债-总负债",
        "debt_to_assets": "资产负债率",
    },
    "stock_xjll_em": {**_SHARE_OF_REPORT, "operating_cash_flow": "经营性现金流-现金流量净额"},
}
_PERCENT = frozenset({"revenue_growth", "net_profit_growth", "roe", "gross_margin", "debt_to_assets"})
_GOODWILL = {
    "code": "股票代码",
    "announced_on": "公告日期",
    "goodwill": "商誉",
    "ratio_of_equity": "商誉占净资产比例",
}
_CNINFO = {
    "announced_on": "实施方案公告日期",
    "bonus_per_share": "送股比例",
    "transfer_per_share": "转增比例",
    "cash_per_share": "派息比例",
    "record_date": "股权登记日",
    "ex_date": "除权日",
    "pay_date": "派息日",
}
_EASTMONEY = {
    "announced_on": "最新公告日期",
    "bonus_per_share": "送转股份-送股比例",
    "transfer_per_share": "送转股份-转股比例",
    "both": "送转股份-送转总比例",
    "cash_per_share": "现金分红-现金分红比例",
    "record_date": "股权登记日",
    "ex_date": "除权除息日",
    "progress": "方案进度",
}


def read_valuations(lists: Lists, ask: Ask) -> Batch:
    """Multiples and market values of one share, as far as Eastmoney goes back (2018).

    Its price to cash flow (市现率) is of the operating cash flow, another measure than ours, and is left out.
    """
    symbol, function, calls = one_symbol(ask), "stock_value_em", lists.calls
    raw = calls.table(function, _VALUE, trade_date=answer_day(calls.context, ask.window.end), symbol=symbol[:6])
    if not raw.height:
        _explain_empty(lists, ask, symbol, function)
    rows = raw.select(day("session"), *(number(name) for name in _VALUE if name != "session"))
    frame = rows.filter(pl.col("session").is_null() | within(ask.window, "session")).with_columns(
        pl.lit(symbol).alias("symbol"),
        *(pl.lit(None, dtype=pl.Float64).alias(name) for name in ("pcf_ncf_ttm", "dividend_yield")),
        *(pl.col(name).round() for name in ("total_shares", "float_shares")),
        published("session", AFTER_CLOSE),
    )
    ratio = pl.col("market_value") / (pl.col("close") * pl.col("total_shares"))
    _require(frame, ratio.is_between(0.9, 1.1), f"{origin_of(function)} {symbol}: market value and shares do not fit")
    return checked(Kind.VALUATIONS, frame, calls.context, origin_of(function))


def _explain_empty(lists: Lists, ask: Ask, symbol: str, function: str) -> None:
    listed = lists.share(symbol)["list_date"]
    for session in sessions_in(lists.calls.context, ask.window):
        if is_public(lists.calls.context, session, AFTER_CLOSE) and isinstance(listed, date) and session >= listed:
            raise EmptyAnswer(f"{origin_of(function)} {symbol}")


def _require(frame: pl.DataFrame, fits: pl.Expr, complaint: str) -> None:
    """`SchemaDrift` where more rows than a few do not fit together; rows that cannot tell do not count."""
    wrong = frame.select((~fits).mean().fill_null(0.0)).item()
    if wrong > _WRONG_SHARE:
        raise SchemaDrift(f"{complaint} in {wrong:.0%} of rows; units or columns changed?")


def report_periods(window: Window) -> list[date]:
    """The ends of the quarters whose reports can have been announced within the window, oldest first."""
    first, last = window.start - _LATEST_REPORT, window.end
    years = range(first.year, last.year + 1)
    ends = [date(year, month, 30 if month in {6, 9} else 31) for year in years for month in (3, 6, 9, 12)]
    return [end for end in ends if first <= end <= last]


def read_statements(lists: Lists, ask: Ask) -> Batch:
    """What was announced within the window, of every period and report, item by item.

    The reports hold companies of the third board (新三板) as well, whose codes look like those of Beijing: what no
    exchange lists is left out.
    """
    origin, calls = origin_of(", ".join(_REPORTS)), lists.calls
    shares = replace(ask, symbols=ask.symbols or tuple(lists.listed()["symbol"]))
    periods = report_periods(ask.window)
    found = [_report(calls, shares, function, period) for period in periods for function in _REPORTS]
    return checked(Kind.STATEMENTS, pl.concat([_no_items(), *found]), calls.context, origin)


def _report(calls: AkshareCalls, ask: Ask, function: str, period: date) -> pl.DataFrame:
    columns = _REPORTS[function]
    items = [name for name in columns if name not in _SHARE_OF_REPORT]
    raw = calls.table(function, dict(columns), date=period.strftime("%Y%m%d"))
    rows = raw.select(symbol_of("code"), day("announced_on"), *(number(name) for name in items))
    shares = _wanted(rows, ask).with_columns((pl.col(n) / 100).round(10) for n in items if n in _PERCENT)
    if function == "stock_zcfz_em":
        ratio = pl.col("total_liabilities") / pl.col("total_assets")
        fits = (ratio - pl.col("debt_to_assets")).abs() < 0.02
        _require(shares, fits, f"{origin_of(function)} {period}: liabilities, assets and their ratio do not fit")
    long = shares.unpivot(on=items, index=["symbol", "announced_on"], variable_name="item", value_name="value")
    return long.drop_nulls("value").select(
        "symbol",
        pl.lit(period).alias("period"),
        "item",
        "announced_on",
        "value",
        published("announced_on", END_OF_DAY),
    )


def _no_items() -> pl.DataFrame:
    schema = {
        "symbol": pl.String(),
        "period": pl.Date(),
        "item": pl.String(),
        "announced_on": pl.Date(),
        "value": pl.Float64(),
    }
    return pl.DataFrame(schema=schema).with_columns(published("announced_on", END_OF_DAY))


def _wanted(rows: pl.DataFrame, ask: Ask) -> pl.DataFrame:
    """Rows of the shares asked for that were announced within the window, or on no day that could be read."""
    asked = pl.col("symbol").is_in(ask.symbols) if ask.symbols else is_share()
    announced = pl.col("announced_on")
    return rows.filter(asked & (announced.is_null() | within(ask.window, "announced_on")))


def read_goodwill(calls: AkshareCalls, ask: Ask) -> Batch:
    """Goodwill of the reports announced within the window; the vendor gives companies that have some."""
    function = "stock_sy_em"
    frames = []
    for period in report_periods(ask.window):
        raw = calls.table(function, _GOODWILL, date=period.strftime("%Y%m%d"))
        rows = raw.select(symbol_of("code"), day("announced_on"), number("goodwill"), number("ratio_of_equity"))
        frames.append(_wanted(rows, ask).with_columns(pl.lit(period).alias("period")))
    empty = _no_items().select("symbol", "announced_on", goodwill="value", ratio_of_equity="value", period="period")
    frame = pl.concat([empty, *frames]).with_columns(
        pl.lit(None, dtype=pl.Float64).alias("impairment"), published("announced_on", END_OF_DAY)
    )
    fits = pl.col("ratio_of_equity").abs() < 50
    _require(frame, fits, f"{origin_of(function)}: the share of equity is no fraction")
    return checked(Kind.GOODWILL, frame, calls.context, origin_of(function))


def read_actions(calls: AkshareCalls, ask: Ask) -> Batch:
    """Dividends and shares out of reserves of one share; cninfo (with the day of payment), else Eastmoney (without)."""
    symbol = one_symbol(ask)
    return first_that_answers(
        calls.context.gate,
        [
            Alternative("stock_dividend_cninfo", lambda: _cninfo(calls, ask, symbol)),
            Alternative("stock_fhps_detail_em", lambda: _eastmoney(calls, ask, symbol)),
        ],
    )


def _cninfo(calls: AkshareCalls, ask: Ask, symbol: str) -> Batch:
    function = "stock_dividend_cninfo"
    raw = calls.table(function, _CNINFO, symbol=symbol[:6])
    rows = raw.select(
        *(day(name) for name in ("announced_on", "record_date", "ex_date", "pay_date")),
        *(amount(name) for name in ("bonus_per_share", "transfer_per_share", "cash_per_share")),
    )
    return _actions(calls, ask, rows, symbol, function)


def _eastmoney(calls: AkshareCalls, ask: Ask, symbol: str) -> Batch:
    function = "stock_fhps_detail_em"
    raw = calls.table(function, _EASTMONEY, symbol=symbol[:6])
    rows = raw.select(
        *(day(name) for name in ("announced_on", "record_date", "ex_date")),
        *(amount(name) for name in ("bonus_per_share", "transfer_per_share", "cash_per_share")),
        number("both"),
        text("progress"),
        pl.lit(None, dtype=pl.Date).alias("pay_date"),
    ).filter(pl.col("progress").str.contains("实施"))
    parts = pl.col("bonus_per_share") + pl.col("transfer_per_share")
    told = rows.filter(pl.col("both").is_not_null())
    _require(told, (parts - pl.col("both")).abs() < 0.001, f"{origin_of(function)} {symbol}: parts and sum do not fit")
    return _actions(calls, ask, rows, symbol, function)


def _actions(calls: AkshareCalls, ask: Ask, rows: pl.DataFrame, symbol: str, function: str) -> Batch:
    """Plans announced by the end of the window whose ex-date lies in it or later.

    Both endpoints tell of dividends only: a plan of theirs has no rights in it, and what it leaves out is none.
    """
    shares = [
        (pl.col(name) / _PER_TEN).round(10) for name in ("bonus_per_share", "transfer_per_share", "cash_per_share")
    ]
    gone = (pl.col("ex_date") < ask.window.start) | (pl.col("announced_on") > ask.window.end)
    frame = rows.filter(pl.col("ex_date").is_not_null() & ~gone.fill_null(value=False)).with_columns(
        *shares,
        pl.lit(symbol).alias("symbol"),
        pl.lit(0.0).alias("rights_per_share"),
        pl.lit(None, dtype=pl.Float64).alias("rights_price"),
        published("announced_on", END_OF_DAY),
    )
    # Dividends of one day, of profits and of reserves, come as two plans; the account gets both.
    first = [pl.col(n).first() for n in ("record_date", "pay_date", "announced_on", "published_at", "rights_price")]
    added = [whole_sum(n) for n in ("cash_per_share", "bonus_per_share", "transfer_per_share", "rights_per_share")]
    whole = frame.unique(maintain_order=True).group_by("symbol", "ex_date", maintain_order=True).agg(*first, *added)
    nothing = pl.sum_horizontal("cash_per_share", "bonus_per_share", "transfer_per_share", ignore_nulls=False) <= 0
    return checked(
        Kind.CORPORATE_ACTIONS, whole.filter(~nothing.fill_null(value=False)), calls.context, origin_of(function)
    )
