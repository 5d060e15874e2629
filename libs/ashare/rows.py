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
    HALTED = "halted"
    """The whole market stands still (指数熔断)."""


class FundClass(StrEnum):
    """What a fund holds; declared by the instrument list, never guessed from a code."""

    EQUITY = "equity"
    """Equity ETF or LOF whose index is not confined to ±20 % boards."""
    GROWTH = "growth"
    """ETF or LOF whose index holds nothing but ChiNext, STAR and other ±20 % shares."""
    CROSS_BORDER = "cross_border"
    GOLD = "gold"
    COMMODITY = "commodity"
    BOND = "bond"
    MONEY = "money"


class SpecialDay(StrEnum):
    """Why one session of one share may be without a limit."""

    SHARE_REFORM = "share_reform"
    """First session after the split-share reform (股改复牌)."""
    LISTING_RESUMED = "listing_resumed"
    """First session after a suspended listing (恢复上市)."""
    RELISTED = "relisted"
    """First session after coming back to an exchange (重新上市)."""
    DELISTING_PERIOD = "delisting_period"
    """First session of the delisting period (退市整理期)."""


class FeeBasis(StrEnum):
    """What a rate is a share of."""

    AMOUNT = "amount"
    FACE_VALUE = "face_value"
    """One CNY a share (面值)."""


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A data file; a field it does not know is an error."""


class BoardFile(_File, frozen=True):
    """`boards.toml`."""

    source: str
    opened: dict[Board, date]
    prefixes: dict[str, dict[Board, tuple[str, ...]]]
    other_prefixes: dict[str, dict[Board, tuple[str, ...]]]


class PriceLimitRow(DatedRow, frozen=True, kw_only=True):
    """The daily limit of a board as a share of the reference price."""

    board: Board
    special_treatment: bool
    ratio: Decimal


class FundLimitRow(DatedRow, frozen=True, kw_only=True):
    """The daily limit of some classes of funds."""

    funds: tuple[FundClass, ...]
    ratio: Decimal


class PriceLimitFile(_File, frozen=True):
    """`price_limits.toml`."""

    price_limit: tuple[PriceLimitRow, ...]
    fund_limit: tuple[FundLimitRow, ...]


class CageRow(DatedRow, frozen=True, kw_only=True):
    """How far from its reference a limit order of the continuous auction may lie; without `ratio`: anywhere."""

    boards: tuple[Board, ...]
    ratio: Decimal | None = None
    floor_ticks: int = 0


class CageFile(_File, frozen=True):
    """`price_cage.toml`."""

    cage: tuple[CageRow, ...]


class HaltRuleRow(DatedRow, frozen=True, kw_only=True):
    """Moves from the opening price that halt a share which trades without a limit (盘中临时停牌)."""

    boards: tuple[Board, ...]
    moves: tuple[Decimal, ...]
    minutes: int


class HaltFile(_File, frozen=True):
    """`halts.toml`."""

    halt_rule: tuple[HaltRuleRow, ...]


class ListingRow(DatedRow, frozen=True, kw_only=True):
    """How the first sessions of a share trade that was *listed* while this row was in force."""

    board: Board
    unlimited_sessions: int
    first_day_down: Decimal | None = None
    first_day_up: Decimal | None = None
    opening_down: Decimal | None = None
    opening_up: Decimal | None = None


class ListingFile(_File, frozen=True):
    """`listings.toml`."""

    listing: tuple[ListingRow, ...]


class SpecialDayRow(DatedRow, frozen=True, kw_only=True):
    """Whether such a session has a limit, and how many sessions the period lasts that begins with it."""

    day: SpecialDay
    unlimited: bool
    sessions: int | None = None


class SpecialDayFile(_File, frozen=True):
    """`special_days.toml`."""

    special_day: tuple[SpecialDayRow, ...]


class ExemptionRow(_File, frozen=True, kw_only=True):
    """One share on one day without a price limit."""

    symbol: Symbol
    session: date
    day: SpecialDay
    reason: str
    source: str
    confidence: Confidence


class ReferenceRow(_File, frozen=True, kw_only=True):
    """The reference price of one share on one day, where a source is known to have another."""

    symbol: Symbol
    session: date
    reference: Decimal
    reason: str
    source: str
    confidence: Confidence


class ExemptionFile(_File, frozen=True):
    """`exemptions.toml`."""

    exemption: tuple[ExemptionRow, ...]
    reference: tuple[ReferenceRow, ...]


class LotRow(DatedRow, frozen=True, kw_only=True):
    """The quantities an order may have on a board; `exchange` where the exchanges differ."""

    board: Board
    exchange: str | None = None
    minimum: int
    increment: int
    max_limit_order: int
    max_market_order: int | None = None


class TickRow(DatedRow, frozen=True, kw_only=True):
    """The smallest step of a price (最小变动单位)."""

    boards: tuple[Board, ...]
    exchange: str | None = None
    tick: Decimal
    currency: str = "CNY"


class SettlementRow(DatedRow, frozen=True, kw_only=True):
    """When what was bought may be sold, and when proceeds may be used; counted in sessions."""

    boards: tuple[Board, ...]
    funds: tuple[FundClass, ...] = ()
    shares_sellable_after_sessions: int
    cash_reusable_after_sessions: int
    cash_withdrawable_after_sessions: int


class BuyCapRow(DatedRow, frozen=True, kw_only=True):
    """The most shares of one risk-warning share (ST) that an account may buy in a session; without it: no cap."""

    exchange: str
    boards: tuple[Board, ...]
    shares: int | None = None


class OrderFile(_File, frozen=True):
    """`orders.toml`."""

    tick: tuple[TickRow, ...]
    lot: tuple[LotRow, ...]
    settlement: tuple[SettlementRow, ...]
    buy_cap: tuple[BuyCapRow, ...]


class StampDutyRow(DatedRow, frozen=True, kw_only=True):
    """Stamp duty (印花税) by side."""

    buy: Decimal
    sell: Decimal


class TransferFeeRow(DatedRow, frozen=True, kw_only=True):
    """Transfer fee (过户费), both sides; `exchange` where the exchanges differ."""

    rate: Decimal
    basis: FeeBasis = FeeBasis.AMOUNT
    minimum: Decimal = Decimal(0)
    exchange: str | None = None


class CommissionRow(DatedRow, frozen=True, kw_only=True):
    """The broker's commission (佣金) and its minimum for one order."""

    rate: Decimal
    minimum: Decimal


class CommissionCapRow(DatedRow, frozen=True, kw_only=True):
    """The highest commission a broker may take, handling and regulatory fees included."""

    rate: Decimal


class FeeFile(_File, frozen=True):
    """`fees.toml`."""

    stamp_duty: tuple[StampDutyRow, ...]
    transfer_fee: tuple[TransferFeeRow, ...]
    commission: tuple[CommissionRow, ...]
    commission_cap: tuple[CommissionCapRow, ...]


class PhaseRow(DatedRow, frozen=True, kw_only=True):
    """One stretch of the trading day on some boards; `exchange` where the exchanges differ."""

    phase: Phase
    boards: tuple[Board, ...]
    exchange: str | None = None
    start: time
    end: time
    accepts_orders: bool
    accepts_cancels: bool


class MarketHaltRow(_File, frozen=True, kw_only=True):
    """One stretch of one session in which the whole market stood still."""

    session: date
    start: time
    end: time
    accepts_orders: bool
    accepts_cancels: bool
    reason: str
    source: str
    confidence: Confidence


class PhaseFile(_File, frozen=True):
    """`phases.toml`."""

    phase: tuple[PhaseRow, ...]
    market_halt: tuple[MarketHaltRow, ...]


class ClosureRow(_File, frozen=True, kw_only=True):
    """Weekdays from `first` to `last` on which the exchanges were closed; the file's source where it has none."""

    first: date
    last: date
    holiday: str
    source: str | None = None


class ClosureFile(_File, frozen=True):
    """`closures.toml`."""

    known_until: date
    closure: tuple[ClosureRow, ...]


class ClosureHistoryFile(_File, frozen=True):
    """`closures_history.toml`."""

    source: str
    confidence: Confidence
    known_from: date
    closure: tuple[ClosureRow, ...]


FileT = TypeVar("FileT", bound=_File)


def read(name: str, shape: type[FileT]) -> FileT:
    """The data file `name` as its declared shape."""
    return msgspec.toml.decode((_DATA / name).read_bytes(), type=shape)
