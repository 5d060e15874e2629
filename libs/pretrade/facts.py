"""Everything a review looks at, frozen: the same facts give the same verdict, today and in an audit."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from libs.domain.market import Board
from libs.domain.trading import ControlState, Order, Position


@dataclass(frozen=True, slots=True)
class Limits:
    """What the desk allows itself; `version` is bound into every order's hash."""

    version: int = 1
    position_share: Decimal = Decimal("0.10")
    """The largest part of equity that one name may be."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What the instrument list says of the order's symbol."""

    board: Board
    list_date: date | None
    delist_date: date | None


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """What the exchange announces before the open (never a price of the session itself)."""

    reference_price: Decimal
    suspended: bool
    special_treatment: bool


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """An order and the committed state around it. Money is CNY; desk time governs sessions and expiry."""

    order: Order
    expires_at: datetime
    desk_now: datetime
    desk_session: date | None
    orders_flow: bool
    """Whether the desk's phase lets orders out to the venue."""
    control: ControlState
    account_open: bool
    listing: Listing | None
    status: SessionStatus | None
    position: Position | None
    mark: Decimal | None
    """The price the held shares are valued at."""
    free_cash: Decimal
    equity: Decimal
    in_flight_buys: Decimal
    """What other live buys of this symbol may still cost, at their limits."""

    @property
    def sellable(self) -> int:
        """Shares that this order may sell (T+1, less what other sells hold)."""
        return 0 if self.position is None else self.position.sellable(self.order.trading_day)
