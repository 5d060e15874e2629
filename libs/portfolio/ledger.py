"""Double entry of a fill: shares and money change hands with the market, fees go to their own books.

Every transaction sums to zero in each unit; its id is made from the fact, so that booking it twice is impossible.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from uuid import NAMESPACE_URL, UUID, uuid5

from libs.domain.trading import Fill, Side

CNY = "CNY"
_FACTS = uuid5(NAMESPACE_URL, "hiddengem:ledger")


class Book(StrEnum):
    """Where an amount is kept; `MARKET` and `CAPITAL` are the other side of what we hold."""

    CASH = "CASH"
    POSITION = "POSITION"
    CAPITAL = "CAPITAL"
    MARKET = "MARKET"
    COMMISSION = "COMMISSION"
    STAMP_DUTY = "STAMP_DUTY"
    TRANSFER_FEE = "TRANSFER_FEE"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: an amount of a unit (CNY, or shares of a symbol) into a book."""

    book: Book
    unit: str
    amount: Decimal


def source_of(fill: Fill) -> str:
    """The fact behind the transaction, as text."""
    return f"fill:{fill.account_id}:{fill.trading_day.isoformat()}:{fill.trade_id}"


def transaction_id(source: str) -> UUID:
    """The id of the transaction that books the fact `source`."""
    return uuid5(_FACTS, source)


def cash_change(fill: Fill) -> Decimal:
    """What the account's cash gains (sell) or loses (buy), fees included."""
    traded = fill.notional if fill.side is Side.SELL else -fill.notional
    return traded - fill.fees


def entries_of(fill: Fill) -> tuple[Entry, ...]:
    """The lines of a fill; those of nothing are left out."""
    shares = Decimal(fill.quantity if fill.side is Side.BUY else -fill.quantity)
    market_money = fill.notional if fill.side is Side.BUY else -fill.notional
    lines = (
        Entry(Book.CASH, CNY, cash_change(fill)),
        Entry(Book.MARKET, CNY, market_money),
        Entry(Book.COMMISSION, CNY, fill.commission),
        Entry(Book.STAMP_DUTY, CNY, fill.stamp_duty),
        Entry(Book.TRANSFER_FEE, CNY, fill.transfer_fee),
        Entry(Book.POSITION, fill.symbol, shares),
        Entry(Book.MARKET, fill.symbol, -shares),
    )
    return tuple(line for line in lines if line.amount != 0)
