"""The data files as look-up tables, by board, exchange, class and day. Nothing is decided here."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from libs.ashare import rows
from libs.ashare.dated import DatedRow, Timeline
from libs.ashare.rows import FundClass, SpecialDay, read
from libs.domain.market import Board, Symbol

KeyT = TypeVar("KeyT")
RowT = TypeVar("RowT", bound=DatedRow)

Place = tuple[Board, str | None]
"""A board, and the exchange where the exchanges differ on it."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The rows of every rule, by what they depend on."""

    price_limits: Mapping[tuple[Board, bool], Timeline[rows.PriceLimitRow]]
    fund_limits: Mapping[FundClass, Timeline[rows.FundLimitRow]]
    listings: Mapping[Board, Timeline[rows.ListingRow]]
    special_days: Mapping[SpecialDay, Timeline[rows.SpecialDayRow]]
    exemptions: Mapping[tuple[Symbol, date], rows.ExemptionRow]
    references: Mapping[tuple[Symbol, date], rows.ReferenceRow]
    cages: Mapping[Board, Timeline[rows.CageRow]]
    halt_rules: Mapping[Board, Timeline[rows.HaltRuleRow]]
    ticks: Mapping[Place, Timeline[rows.TickRow]]
    lots: Mapping[Place, Timeline[rows.LotRow]]
    settlement: Mapping[Board | FundClass, Timeline[rows.SettlementRow]]
    buy_caps: Mapping[Place, Timeline[rows.BuyCapRow]]
    stamp_duty: Timeline[rows.StampDutyRow]
    transfer_fee: Mapping[str, Timeline[rows.TransferFeeRow]]
    commission: Timeline[rows.CommissionRow]
    commission_cap: Timeline[rows.CommissionCapRow]
    phases: tuple[rows.PhaseRow, ...]
    market_halts: Mapping[date, tuple[rows.MarketHaltRow, ...]]

    def dated_rows(self) -> tuple[DatedRow, ...]:
        """Every row that is in force from one day to another; for tests and reports."""
        by_key: tuple[Mapping[object, Timeline[DatedRow]], ...] = (  # type: ignore[assignment]  # mappings are read only
            self.price_limits, self.fund_limits, self.listings, self.special_days, self.cages, self.halt_rules,
            self.ticks, self.lots, self.settlement, self.buy_caps, self.transfer_fee,
        )  # fmt: skip
        single = (self.stamp_duty, self.commission, self.commission_cap)
        keyed = (row for mapping in by_key for timeline in mapping.values() for row in timeline.rows)
        return (*self.phases, *keyed, *(row for timeline in single for row in timeline.rows))


def load() -> Tables:
    """The rows of the data files."""
    limits = read("price_limits.toml", rows.PriceLimitFile)
    orders = read("orders.toml", rows.OrderFile)
    costs = read("fees.toml", rows.FeeFile)
    known = read("exemptions.toml", rows.ExemptionFile)
    day = read("phases.toml", rows.PhaseFile)
    return Tables(
        price_limits=_by("price limit", limits.price_limit, lambda row: [(row.board, row.special_treatment)]),
        fund_limits=_by("price limit", limits.fund_limit, lambda row: row.funds),
        listings=_by("listing", read("listings.toml", rows.ListingFile).listing, lambda row: [row.board]),
        special_days=_by("special day", read("special_days.toml", rows.SpecialDayFile).special_day, lambda r: [r.day]),
        exemptions={(row.symbol, row.session): row for row in known.exemption},
        references={(row.symbol, row.session): row for row in known.reference},
        cages=_by("price cage", read("price_cage.toml", rows.CageFile).cage, lambda row: row.boards),
        halt_rules=_by("halt rule", read("halts.toml", rows.HaltFile).halt_rule, lambda row: row.boards),
        ticks=_by("tick", orders.tick, lambda row: [(board, row.exchange) for board in row.boards]),
        lots=_by("lots", orders.lot, lambda row: [(row.board, row.exchange)]),
        settlement=_by("settlement", orders.settlement, lambda row: row.funds or row.boards),
        buy_caps=_by("buy cap", orders.buy_cap, lambda row: [(board, row.exchange) for board in row.boards]),
        stamp_duty=Timeline("stamp duty", costs.stamp_duty),
        transfer_fee=_by(
            "transfer fee", costs.transfer_fee, lambda row: [row.exchange] if row.exchange else ["SH", "SZ"]
        ),
        commission=Timeline("commission", costs.commission),
        commission_cap=Timeline("commission cap", costs.commission_cap),
        phases=day.phase,
        market_halts=_halts(day.market_halt),
    )


def _by(name: str, members: Iterable[RowT], keys: Callable[[RowT], Iterable[KeyT]]) -> dict[KeyT, Timeline[RowT]]:
    grouped: defaultdict[KeyT, list[RowT]] = defaultdict(list)
    for row in members:
        for key in keys(row):
            grouped[key].append(row)
    return {group: Timeline(f"{name} of {_words(group)}", found) for group, found in grouped.items()}


def _words(key: object) -> str:
    parts = key if isinstance(key, tuple) else (key,)
    return " ".join(str(part) for part in parts if part is not None)


def _halts(halts: Iterable[rows.MarketHaltRow]) -> dict[date, tuple[rows.MarketHaltRow, ...]]:
    grouped: defaultdict[date, list[rows.MarketHaltRow]] = defaultdict(list)
    for halt in halts:
        grouped[halt.session].append(halt)
    return {session: tuple(found) for session, found in grouped.items()}
