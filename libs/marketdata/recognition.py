"""Tell what a file is by its columns alone; names prove nothing. Documented in docs/reference/files.md.

A file is of a layout when it has at least one of the layout's marks (columns nothing else carries) and at
least half of what the layout needs. It is then read as that layout or refused with the columns it lacks:
never skipped, never guessed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

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


@dataclass(frozen=True, slots=True)
class Columns:
    """What a layout needs, what marks it, and what it can use besides."""

    needed: frozenset[str]
    marks: frozenset[str]
    optional: frozenset[str] = frozenset()


_OHLC = frozenset({"ts_code", "date", "open", "high", "low", "close"})

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
}

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
    shares = {
        layout: len(names & rule.needed) / len(rule.needed)
        for layout, rule in LAYOUTS.items()
        if layout is not Layout.INDEX  # every bar file is near to it
    }
    best = max(shares, key=lambda layout: shares[layout])
    if shares[best] < 0.5:
        return "columns of no known layout"
    missing = ", ".join(sorted(LAYOUTS[best].needed - names))
    return f"near to {best.value}, but without {missing} it cannot be trusted as such"
