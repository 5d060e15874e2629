"""Orders and what becomes of them. *Denied* is our word, *rejected* is the venue's."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from libs.domain.market import Symbol


class Side(StrEnum):
    """Buy or sell; the desk never sells short."""

    BUY = "BUY"
    SELL = "SELL"


class OrderState(StrEnum):
    """Every state an order can be in; the legal moves live in the database (`trading.transition`)."""

    NEW = "NEW"
    DENIED = "DENIED"
    APPROVED = "APPROVED"
    SENDING = "SENDING"
    ABORTED = "ABORTED"
    UNKNOWN = "UNKNOWN"
    MISSING = "MISSING"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    PARTIAL = "PARTIAL"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


TERMINAL = frozenset(
    {
        OrderState.DENIED,
        OrderState.ABORTED,
        OrderState.REJECTED,
        OrderState.FILLED,
        OrderState.CANCELLED,
        OrderState.EXPIRED,
    }
)


class ReasonCode(StrEnum):
    """Why an intent or order was refused or cut; stable names for logs, reports and the API."""

    BELOW_ONE_LOT = "BELOW_ONE_LOT"
    NO_MARK = "NO_MARK"
    TRADING_HALTED = "TRADING_HALTED"
    UNKNOWN_INSTRUMENT = "UNKNOWN_INSTRUMENT"
    UNKNOWN_RULE = "UNKNOWN_RULE"
    NOT_LISTED = "NOT_LISTED"
    SPECIAL_TREATMENT = "SPECIAL_TREATMENT"
    SUSPENDED = "SUSPENDED"
    SESSION_CLOSED = "SESSION_CLOSED"
    NO_REFERENCE_PRICE = "NO_REFERENCE_PRICE"
    PRICE_OFF_TICK = "PRICE_OFF_TICK"
    PRICE_OUTSIDE_BAND = "PRICE_OUTSIDE_BAND"
    QUANTITY_NOT_IN_LOTS = "QUANTITY_NOT_IN_LOTS"
    QUANTITY_ABOVE_MAXIMUM = "QUANTITY_ABOVE_MAXIMUM"
    INSUFFICIENT_SELLABLE = "INSUFFICIENT_SELLABLE"
    INSUFFICIENT_CASH = "INSUFFICIENT_CASH"
    POSITION_LIMIT = "POSITION_LIMIT"
    VERDICT_EXPIRED = "VERDICT_EXPIRED"
    VERDICT_MISMATCH = "VERDICT_MISMATCH"
    ORDER_EXPIRED = "ORDER_EXPIRED"
    ACCOUNT_CLOSED = "ACCOUNT_CLOSED"
    SUPERSEDED = "SUPERSEDED"


class NoFillReason(StrEnum):
    """Why an order found no trade in a session; stable names for reports."""

    NOT_TRADED = "NOT_TRADED"
    LIMIT_NOT_REACHED = "LIMIT_NOT_REACHED"
    SEALED_LIMIT_UP = "SEALED_LIMIT_UP"
    SEALED_LIMIT_DOWN = "SEALED_LIMIT_DOWN"
    VOLUME_EXHAUSTED = "VOLUME_EXHAUSTED"


@dataclass(frozen=True, slots=True)
class TradeIntent:
    """A wish to move a position; it becomes an order only when a session opens for it."""

    symbol: Symbol
    side: Side
    quantity: int


@dataclass(frozen=True, slots=True)
class Order:
    """An order row as the order path reads it. `quantity` is what risk approved, never above `requested_quantity`."""

    order_id: UUID
    client_order_id: str
    account_id: str
    trading_day: date
    symbol: Symbol
    side: Side
    requested_quantity: int
    quantity: int
    limit_price: Decimal
    state: OrderState
    version: int
    filled_quantity: int


@dataclass(frozen=True, slots=True)
class Position:
    """Shares held. `locked_quantity` were bought on `locked_day` and may not be sold that day (T+1).

    `unlisted_quantity` are subscribed rights shares that no exchange lists yet.
    """

    symbol: Symbol
    quantity: int
    locked_quantity: int
    locked_day: date | None
    reserved_quantity: int
    cost: Decimal
    unlisted_quantity: int = 0

    def sellable(self, trading_day: date) -> int:
        """Shares that an order of `trading_day` may still sell."""
        locked = self.locked_quantity if self.locked_day == trading_day else 0
        return max(0, self.quantity - locked - self.unlisted_quantity - self.reserved_quantity)


class ControlState(StrEnum):
    """What the desk may send: everything, only what reduces exposure, or nothing. Cancels always pass."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


@dataclass(frozen=True, slots=True)
class Fill:
    """One trade at a venue: a fact, whatever we think of the order. Fees are CNY; a foreign order has no id of ours."""

    account_id: str
    trading_day: date
    trade_id: str
    order_id: UUID | None
    symbol: Symbol
    side: Side
    quantity: int
    price: Decimal
    commission: Decimal
    stamp_duty: Decimal
    transfer_fee: Decimal

    @property
    def notional(self) -> Decimal:
        """Quantity times price."""
        return self.quantity * self.price

    @property
    def fees(self) -> Decimal:
        """All fees of this trade."""
        return self.commission + self.stamp_duty + self.transfer_fee
