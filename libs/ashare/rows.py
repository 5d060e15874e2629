"""The shape of the rulebook's data files, and the one place that reads them. Data, no decisions."""

from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import msgspec

from libs.ashare.dated import Confidence, DatedRow
from libs.domain.market import Board, Symbol

_DATA = Path(__file__).parent / "data"


class Phase(StrEnum):
    """A part of the trading day (交易时段)."""

    CLOSED = "closed"
    OPENING_CALL = "opening_call"
    OPENING_CALL_LOCKED = "opening_call_locked"
    """The end of the opening call: orders in, no cancels."""
    OPENING_PAUSE = "opening_pause"
    CONTINUOUS = "continuous"
    LUNCH = "lunch"
    CLOSING_CALL = "closing_call"
    AFTER_HOURS = "after_hours"
    """After-hours trading at the closing price (盘后固定价格)."""


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A data file; a field it does not know is an error."""


class BoardFile(_File, frozen=True):
    """`boards.toml`."""

    source: str
    prefixes: dict[str, dict[Board, tuple[str, ...]]]


class PriceLimitRow(DatedRow, frozen=True, kw_only=True):
    """The daily limit of a board as a share of the reference price."""

    board: Board
    special_treatment: bool
    ratio: Decimal


class PriceLimitFile(_File, frozen=True):
    """`price_limits.toml`."""

    price_limit: tuple[PriceLimitRow, ...]


class ListingRow(DatedRow, frozen=True, kw_only=True):
    """How the first sessions of a share trade that was *listed* while this row was in force."""

    board: Board
    unlimited_sessions: int
    first_day_down: Decimal | None = None
    first_day_up: Decimal | None = None


class ListingFile(_File, frozen=True):
    """`listings.toml`."""

    listing: tuple[ListingRow, ...]


class ExemptionRow(_File, frozen=True, kw_only=True):
    """One share on one day without a price limit."""

    symbol: Symbol
    session: date
    reason: str
    source: str
    confidence: Confidence


class ExemptionFile(_File, frozen=True):
    """`exemptions.toml`."""

    exemption: tuple[ExemptionRow, ...]


class LotRow(DatedRow, frozen=True, kw_only=True):
    """The quantities a limit order may have on a board."""

    board: Board
    minimum: int
    increment: int
    max_limit_order: int


class SettlementRow(DatedRow, frozen=True, kw_only=True):
    """When what was bought may be sold, and when proceeds may be used; counted in sessions."""

    shares_sellable_after_sessions: int
    cash_reusable_after_sessions: int
    cash_withdrawable_after_sessions: int


class OrderFile(_File, frozen=True):
    """`orders.toml`."""

    tick: Decimal
    tick_source: str
    lot: tuple[LotRow, ...]
    settlement: tuple[SettlementRow, ...]


class StampDutyRow(DatedRow, frozen=True, kw_only=True):
    """Stamp duty (印花税) by side."""

    buy: Decimal
    sell: Decimal


class TransferFeeRow(DatedRow, frozen=True, kw_only=True):
    """Transfer fee (过户费), both sides."""

    rate: Decimal


class CommissionRow(DatedRow, frozen=True, kw_only=True):
    """The broker's commission (佣金) and its minimum for one order."""

    rate: Decimal
    minimum: Decimal


class FeeFile(_File, frozen=True):
    """`fees.toml`."""

    stamp_duty: tuple[StampDutyRow, ...]
    transfer_fee: tuple[TransferFeeRow, ...]
    commission: tuple[CommissionRow, ...]


class PhaseRow(DatedRow, frozen=True, kw_only=True):
    """One stretch of the trading day on some boards."""

    phase: Phase
    boards: tuple[Board, ...]
    start: time
    end: time
    accepts_orders: bool
    accepts_cancels: bool


class PhaseFile(_File, frozen=True):
    """`phases.toml`."""

    phase: tuple[PhaseRow, ...]


class ClosureRow(_File, frozen=True, kw_only=True):
    """Weekdays from `first` to `last` on which the exchanges were closed."""

    first: date
    last: date
    holiday: str
    source: str


class ClosureFile(_File, frozen=True):
    """`closures.toml`."""

    known_from: date
    known_until: date
    lead_in: tuple[date, ...]
    closure: tuple[ClosureRow, ...]


FileT = TypeVar("FileT", bound=_File)


def read(name: str, shape: type[FileT]) -> FileT:
    """The data file `name` as its declared shape."""
    return msgspec.toml.decode((_DATA / name).read_bytes(), type=shape)
