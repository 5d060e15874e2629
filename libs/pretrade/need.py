"""What an order may need at worst: cash for a buy at its limit with every fee, shares for a sell."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from libs.ashare.rulebook import RULEBOOK
from libs.domain.trading import Order, Side

CASH = "CNY"
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Filled:
    """What earlier fills of an order traded and paid in commission."""

    quantity: int = 0
    notional: Decimal = _NOTHING
    commission: Decimal = _NOTHING


NOT_FILLED = Filled()


@dataclass(frozen=True, slots=True)
class Need:
    """An amount of CNY, or of shares of a symbol."""

    unit: str
    amount: Decimal


def cost_of_buy(quantity: int, limit_price: Decimal, trading_day: date, filled: Filled = NOT_FILLED) -> Decimal:
    """The most that buying `quantity` more shares can take out of the account."""
    if quantity <= 0:
        return _NOTHING
    notional = quantity * limit_price
    fees = RULEBOOK.fees(
        Side.BUY, notional, trading_day, commission_already=filled.commission, notional_already=filled.notional
    )
    return notional + fees.total


def need_of(order: Order, quantity: int, filled: Filled = NOT_FILLED) -> Need:
    """What the part of `quantity` that is not filled yet may still need."""
    rest = max(0, quantity - filled.quantity)
    if order.side is Side.SELL:
        return Need(order.symbol, Decimal(rest))
    return Need(CASH, cost_of_buy(rest, order.limit_price, order.trading_day, filled))
