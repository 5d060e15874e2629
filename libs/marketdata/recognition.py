"""Tell what a file is by its columns alone; names prove nothing. Documented in docs/reference/files.md.

A file is of a layout when it has at least one of the layout's marks (columns nothing else carries) and at
least half of what the layout needs. It is then read as that layout or refused with the columns it lacks:
never skipped, never guessed. Some files are well known and yet cannot be stored, because what they leave out
would have to be made up: they are skipped, each with its reason.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from libs.marketdata.read_reports import ANNUAL_COLUMNS, BALANCE_COLUMNS, QUARTERLY_COLUMNS
from libs.marketdata.source import BadFile


class Layout(StrEnum):
    """A layout of columns this desk can read, in the order in which files are imported."""

    CALENDAR = "trading calendar"
    INSTRUMENTS = "stock list"
    DAILY = "daily bars with valuations"
    INDEX = "index bars"
    MARGIN = "margin balance"
    POLICY = "policy news"
    BRIEFING = "morning briefing"
    MINUTE_BARS = "intraday bars"
    TICKS = "trades"
    NORTHBOUND = "northbound net purchases"
    SECTOR_FLOWS = "sector flows"
    UNLOCKS = "unlocks"
    CORPORATE_ACTIONS = "corporate actions"
    QUARTERLY = "quarterly reports"
    ANNUAL = "annual reports"
    BALANCES = "reports with goodwill"
    OLD_LIST = "old stock list"


@dataclass(frozen=True, slots=True)
class Columns:
    """What a layout needs, what marks it, and what it can use besides."""

    needed: frozenset[str]
    marks: frozenset[str]
    optional: frozenset[str] = frozenset()


_OHLC = frozenset({"ts_code", "date", "open", "high", "low", "close"})
_PER_TEN = frozenset({"bonus_per10", "transfer_per10", "rights_per10", "cash_per10"})

LAYOUTS: dict[Layout, Columns] = {
    Layout.INSTRUMENTS: Columns(
        needed=frozenset({"ts_code", "name", "industry", "list_date"}),
        marks=frozenset({"list_date"}),
        optional=frozenset({"delist_date", "is_st"}),
    ),
    Layout.DAILY: Columns(
        needed=_OHLC | {"pre_close", "volume", "amount", "trade_status", "is_st"},
        marks=frozenset({"trade_status", "is_st", "turnover_rate", "pe_ttm", "pb_mrq", "ps_ttm", "pcf_ncf_ttm"}),
        optional=frozenset({"turnover_rate", "adj_factor", "pe_ttm", "pb_mrq", "ps_ttm", "pcf_ncf_ttm"}),
    ),
    Layout.INDEX: Columns(
        needed=_OHLC | {"pre_close", "volume_lots", "amount"}, marks=frozenset({"volume_lots", "change"})
    ),
    Layout.MARGIN: Columns(
        needed=frozenset({"date", "rzye", "rqye", "rzmre"}),
        marks=frozenset({"rzye", "rqye", "rzmre"}),
        optional=frozenset({"maintenance_ratio_pct"}),
    ),
    Layout.POLICY: Columns(needed=frozenset({"date", "title", "content"}), marks=frozenset({"content"})),
    Layout.BRIEFING: Columns(needed=frozenset({"date", "section", "text"}), marks=frozenset({"section"})),
    Layout.MINUTE_BARS: Columns(
        needed=frozenset({"ts_code", "datetime", "open", "high", "low", "close", "volume", "amount"}),
        marks=frozenset({"datetime"}),
    ),
    Layout.TICKS: Columns(
        needed=frozenset({"ts_code", "datetime", "price", "volume_lots", "side"}), marks=frozenset({"datetime"})
    ),
    Layout.NORTHBOUND: Columns(
        needed=frozenset({"date", "hgt", "sgt", "north_money"}), marks=frozenset({"hgt", "sgt", "north_money"})
    ),
    Layout.SECTOR_FLOWS: Columns(
        needed=frozenset({"date", "行业", "行业-涨跌幅", "流入资金", "流出资金", "净额"}), marks=frozenset({"净额"})
    ),
    Layout.UNLOCKS: Columns(
        needed=frozenset({"ts_code", "ann_date", "float_date", "float_share", "float_ratio", "share_type"}),
        marks=frozenset({"float_date", "float_share"}),
    ),
    Layout.CORPORATE_ACTIONS: Columns(
        needed=frozenset({"ts_code", "ex_date", *_PER_TEN, "rights_price"}),
        marks=_PER_TEN,
        optional=frozenset({"ann_date", "record_date", "pay_date"}),
    ),
    Layout.QUARTERLY: Columns(
        needed=frozenset({"ts_code", "period", "ann_date", "eps", "roe", "sheqratio"}),
        marks=frozenset({"sheqratio", "bvps", "profits_yoy", "mbrg"}),
        optional=QUARTERLY_COLUMNS,
    ),
    Layout.ANNUAL: Columns(
        needed=frozenset({"ts_code", "period", "revenue", "n_income", "total_assets", "total_liab"}),
        marks=frozenset({"roe_waa", "profit_dedt", "total_profit"}),
        optional=ANNUAL_COLUMNS,
    ),
    Layout.BALANCES: Columns(
        needed=frozenset({"ts_code", "period", "goodwill", "total_assets", "total_liab", "goodwill_to_equity"}),
        marks=frozenset({"goodwill", "goodwill_to_equity"}),
        optional=BALANCE_COLUMNS,
    ),
    Layout.OLD_LIST: Columns(
        needed=frozenset({"ts_code", "name", "timeToMarket"}),
        marks=frozenset({"timeToMarket"}),
        optional=frozenset({"industry"}),
    ),
}


@dataclass(frozen=True, slots=True)
class Unfit:
    """Columns by which a known file is told that cannot be stored, and why it cannot."""

    has: frozenset[str]
    lacks: frozenset[str]
    reason: str


UNFIT = (
    Unfit(
        _OHLC | {"amount"},
        frozenset({"pre_close", "trade_status", "is_st"}),
        "daily bars without pre_close: the exchange's reference price would have to be guessed on every ex-date",
    ),
    Unfit(
        _OHLC | {"pre_close", "amount"},
        frozenset({"trade_status", "is_st", "volume_lots"}),
        "daily bars without trade_status and is_st: nobody knows which band applied; add the columns (0 or 1)",
    ),
    Unfit(
        frozenset({"ts_code", "datetime", "price", "volume_lots"}),
        frozenset({"side", "open"}),
        "one price a minute is no bar: its open, high and low would have to be made up",
    ),
    Unfit(
        frozenset({"行业", "流入资金", "流出资金", "净额"}),
        frozenset({"date"}),
        "sector flows without a date: nobody knows of which session they are; add a column date",
    ),
    Unfit(frozenset({"label", "title"}), frozenset({"body"}), "labelled texts are for judging a model, not documents"),
    Unfit(frozenset({"label", "tokens"}), frozenset({"body"}), "labelled texts are for judging a model, not documents"),
)

_CALENDAR_COLUMNS = frozenset({"date"})


@dataclass(frozen=True, slots=True)
class Unknown:
    """No layout fits; `reason` says what came nearest."""

    reason: str


def recognise(file_name: str, columns: Iterable[str]) -> Layout | Unknown:
    """The layout of a file with these columns; raises `BadFile` where a known layout lacks columns."""
    names = frozenset(columns)
    if names == _CALENDAR_COLUMNS:
        return Layout.CALENDAR
    for unfit in UNFIT:
        if unfit.has <= names and not unfit.lacks & names:
            return Unknown(unfit.reason)
    fitting = [layout for layout, rule in LAYOUTS.items() if _fits(names, rule)]
    if not fitting:
        return Unknown(_nearest(names))
    best = max(fitting, key=lambda layout: len(names & LAYOUTS[layout].needed))
    missing = sorted(LAYOUTS[best].needed - names)
    if missing:
        raise BadFile(file_name, f"looks like {best.value} but lacks the column(s) {', '.join(missing)}")
    return best


def _fits(names: frozenset[str], rule: Columns) -> bool:
    return bool(names & rule.marks) and len(names & rule.needed) * 2 >= len(rule.needed)


def _nearest(names: frozenset[str]) -> str:
    shares = {layout: len(names & rule.needed) / len(rule.needed) for layout, rule in LAYOUTS.items()}
    best = max(shares, key=lambda layout: shares[layout])
    if shares[best] < 0.5:
        return "columns of no known layout"
    missing = ", ".join(sorted(LAYOUTS[best].needed - names))
    return f"near to {best.value}, but without {missing} it cannot be trusted as such"
