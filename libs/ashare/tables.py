"""Every row of the rulebook in memory, grouped by what it depends on. Nothing is decided here."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from libs.ashare.bands import TICK
from libs.ashare.dated import DatedRow, Timeline
from libs.ashare.rows import (
    CommissionRow,
    ExemptionFile,
    ExemptionRow,
    FeeFile,
    ListingFile,
    ListingRow,
    LotRow,
    OrderFile,
    PhaseFile,
    PhaseRow,
    PriceLimitFile,
    PriceLimitRow,
    SettlementRow,
    StampDutyRow,
    TransferFeeRow,
    read,
)
from libs.domain.market import Board, Symbol

KeyT = TypeVar("KeyT")
RowT = TypeVar("RowT", bound=DatedRow)


@dataclass(frozen=True, slots=True)
class Tables:
    """The rows of every rule, by what they depend on."""

    price_limits: Mapping[tuple[Board, bool], Timeline[PriceLimitRow]]
    listings: Mapping[Board, Timeline[ListingRow]]
    exemptions: Mapping[tuple[Symbol, date], ExemptionRow]
    lots: Mapping[Board, Timeline[LotRow]]
    settlement: Timeline[SettlementRow]
    stamp_duty: Timeline[StampDutyRow]
    transfer_fee: Timeline[TransferFeeRow]
    commission: Timeline[CommissionRow]
    phases: tuple[PhaseRow, ...]


def load() -> Tables:
    """The rows of the data files."""
    limits = read("price_limits.toml", PriceLimitFile)
    orders = read("orders.toml", OrderFile)
    costs = read("fees.toml", FeeFile)
    if orders.tick != TICK:
        raise ValueError("orders.toml names another tick than libs.ashare.bands")
    return Tables(
        price_limits=_timelines("price limit", limits.price_limit, lambda row: (row.board, row.special_treatment)),
        listings=_timelines("listing", read("listings.toml", ListingFile).listing, lambda row: row.board),
        exemptions={(row.symbol, row.session): row for row in read("exemptions.toml", ExemptionFile).exemption},
        lots=_timelines("lots", orders.lot, lambda row: row.board),
        settlement=Timeline("settlement", orders.settlement),
        stamp_duty=Timeline("stamp duty", costs.stamp_duty),
        transfer_fee=Timeline("transfer fee", costs.transfer_fee),
        commission=Timeline("commission", costs.commission),
        phases=read("phases.toml", PhaseFile).phase,
    )


def _timelines(name: str, rows: Iterable[RowT], key: Callable[[RowT], KeyT]) -> dict[KeyT, Timeline[RowT]]:
    grouped: defaultdict[KeyT, list[RowT]] = defaultdict(list)
    for row in rows:
        grouped[key(row)].append(row)
    return {group: Timeline(f"{name} of {group}", members) for group, members in grouped.items()}
