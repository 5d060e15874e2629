"""Files of periodic reports, into one row per item. What a file does not date counts as public on the last lawful day.

A wrong date of announcement is a look-ahead. So a report without one is dated by the deadline of its period: a month
for quarters, two for half-years, four for years (上市公司信息披露管理办法). For the year 2019 and the first quarter of
2020 it was moved to 2020-06-30 for companies held up by the epidemic. That is an assumption, and too early for those
few that broke the rule and reported late; rows dated so are counted in the import's report (`ASSUMED`).
"""

from collections.abc import Mapping
from datetime import date

import polars as pl

from libs.marketdata.file_columns import TEN_THOUSAND, day, number, or_null
from libs.marketdata.frames import END_OF_DAY, published
from libs.marketdata.source import Kind

_MILLION = 1_000_000
_PERCENT = 0.01
_FEN, _FINE = 2, 10
"""Decimals to which an amount and a fraction are rounded once a change of units has left noise behind."""
_DEADLINES = {3: (0, 4, 30), 6: (0, 8, 31), 9: (0, 10, 31), 12: (1, 4, 30)}
"""By the month in which a period ends: years later, month, day."""
_MOVED = {date(2019, 12, 31): date(2020, 6, 30), date(2020, 3, 31): date(2020, 6, 30)}

ASSUMED = "assumed_date"
"""The column that says of a row whether its announcement date is the deadline of its period."""

Items = Mapping[str, tuple[str, float]]
"""An item, the file's column, and what the column is multiplied with."""

_QUARTERLY: Items = {
    "eps": ("eps", 1),
    "bps": ("bvps", 1),
    "roe": ("roe", _PERCENT),
    "net_profit": ("net_profits", TEN_THOUSAND),
    "net_profit_growth": ("profits_yoy", _PERCENT),
    "net_margin": ("net_profit_ratio", _PERCENT),
    "gross_margin": ("gross_profit_rate", _PERCENT),
    "revenue": ("business_income", _MILLION),
    "revenue_growth": ("mbrg", _PERCENT),
    "current_ratio": ("currentratio", 1),
    "quick_ratio": ("quickratio", 1),
}
_ANNUAL: Items = {
    "eps": ("eps", 1),
    "bps": ("bps", 1),
    "revenue": ("revenue", 1),
    "operating_profit": ("operate_profit", 1),
    "total_profit": ("total_profit", 1),
    "net_profit": ("n_income", 1),
    "net_profit_deducted": ("profit_dedt", 1),
    "operating_cash_flow": ("n_cashflow_act", 1),
    "total_assets": ("total_assets", 1),
    "current_assets": ("total_cur_assets", 1),
    "total_liabilities": ("total_liab", 1),
    "current_liabilities": ("total_cur_liab", 1),
    "equity_parent": ("total_hldr_eqy_exc_min_int", 1),
    "roe": ("roe_waa", _PERCENT),
    "debt_to_assets": ("debt_to_assets", _PERCENT),
}
_BALANCES: Items = {
    "eps": ("eps", 1),
    "bps": ("bps", 1),
    "roe": ("roe", _PERCENT),
    "cash": ("cash", 1),
    "current_assets": ("total_cur_assets", 1),
    "goodwill": ("goodwill", 1),
    "total_assets": ("total_assets", 1),
    "current_liabilities": ("total_cur_liab", 1),
    "total_liabilities": ("total_liab", 1),
    "revenue": ("revenue", 1),
    "operating_profit": ("operate_profit", 1),
    "net_profit": ("n_income", 1),
    "net_profit_parent": ("n_income_attr_p", 1),
    "operating_cash_flow": ("n_cashflow_act", 1),
    "current_ratio": ("current_ratio", 1),
    "quick_ratio": ("quick_ratio", 1),
    "gross_margin": ("grossprofit_margin", _PERCENT),
    "debt_to_assets": ("debt_to_assets", _PERCENT),
    "revenue_growth": ("revenue_yoy", _PERCENT),
    "net_profit_growth": ("netprofit_yoy", _PERCENT),
}
QUARTERLY_COLUMNS = frozenset(column for column, _ in _QUARTERLY.values()) | {"sheqratio"}
ANNUAL_COLUMNS = frozenset(column for column, _ in _ANNUAL.values())
BALANCE_COLUMNS = frozenset(column for column, _ in _BALANCES.values()) | {"goodwill_to_equity"}


def read_quarterly(raw: pl.DataFrame) -> dict[Kind, pl.DataFrame]:
    """Quarterly figures with announcement dates; the debt ratio is what the equity ratio (`sheqratio`) leaves."""
    debt = (1 - or_null(number("sheqratio", raw)) / 100).round(_FINE).alias("debt_to_assets")
    return {Kind.STATEMENTS: _long(raw, _QUARTERLY, announced=day("ann_date", raw), more=[debt])}


def read_annual(raw: pl.DataFrame) -> dict[Kind, pl.DataFrame]:
    """Annual figures without announcement dates."""
    return {Kind.STATEMENTS: _long(raw, _ANNUAL)}


def read_balances(raw: pl.DataFrame) -> dict[Kind, pl.DataFrame]:
    """One period's figures with goodwill. A zero in these files is a field that was left empty, and says nothing."""
    said = raw.with_columns(
        pl.when(number(name, raw) != 0).then(number(name, raw)).alias(name)
        for name in BALANCE_COLUMNS & set(raw.columns)
    )
    goodwill = _dated(said, None).select(
        "symbol",
        "period",
        "announced_on",
        "published_at",
        ASSUMED,
        pl.Series("goodwill", said.select(number("goodwill", said)).to_series()),
        pl.Series("ratio_of_equity", said.select((number("goodwill_to_equity", said) / 100).round(10)).to_series()),
        pl.lit(None, dtype=pl.Float64).alias("impairment"),
    )
    return {Kind.STATEMENTS: _long(said, _BALANCES), Kind.GOODWILL: goodwill.drop_nulls("goodwill")}


def deadline(period: str) -> pl.Expr:
    """The last day on which the report of a period may come out; null where no report is due."""
    ends = pl.col(period)
    month = ends.dt.month()
    year, due_month, due_day = (
        month.replace_strict({m: parts[n] for m, parts in _DEADLINES.items()}, default=None, return_dtype=pl.Int32)
        for n in range(3)
    )
    lawful = pl.date(ends.dt.year() + year, due_month, due_day)
    return ends.replace_strict(_MOVED, default=lawful, return_dtype=pl.Date)


def _dated(raw: pl.DataFrame, announced: pl.Expr | None) -> pl.DataFrame:
    said = pl.lit(None, dtype=pl.Date) if announced is None else announced
    keyed = raw.select(pl.col("ts_code").alias("symbol"), day("period", raw).alias("period"), said.alias("said"))
    return keyed.select(
        "symbol",
        "period",
        pl.coalesce("said", deadline("period")).alias("announced_on"),
        pl.col("said").is_null().alias(ASSUMED),
    ).with_columns(published("announced_on", END_OF_DAY))


def _scaled(value: pl.Expr, factor: float) -> pl.Expr:
    """In the store's units; what comes in them already is not touched, not even by rounding."""
    return value if factor == 1 else (value * factor).round(_FEN if factor > 1 else _FINE)


def _long(
    raw: pl.DataFrame, items: Items, *, announced: pl.Expr | None = None, more: list[pl.Expr] | None = None
) -> pl.DataFrame:
    """A row per item that the file has and that is said there."""
    values = raw.select(
        *(
            _scaled(or_null(number(column, raw)), factor).alias(item)
            for item, (column, factor) in items.items()
            if column in raw.columns
        ),
        *(more or []),
    )
    wide = pl.concat([_dated(raw, announced), values], how="horizontal")
    keys = ["symbol", "period", "announced_on", "published_at", ASSUMED]
    return wide.unpivot(on=values.columns, index=keys, variable_name="item", value_name="value").drop_nulls("value")
