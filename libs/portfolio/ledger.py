"""Double entry: of a fill, of a dividend from its ex-date to its tax, and of shares that come of a corporate action.

Every transaction sums to zero in each unit; its id is made from the fact, so that booking it twice is impossible.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import NAMESPACE_URL, UUID, uuid5

from libs.domain.market import Symbol
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
    DIVIDENDS_RECEIVABLE = "DIVIDENDS_RECEIVABLE"
    """Earned on the ex-date, not yet paid."""
    DIVIDEND_INCOME = "DIVIDEND_INCOME"
    DIVIDEND_TAX = "DIVIDEND_TAX"


class PostingKind(StrEnum):
    """What a transaction books."""

    OPENING = "OPENING"
    FILL = "FILL"
    DIVIDEND = "DIVIDEND"
    DIVIDEND_PAID = "DIVIDEND_PAID"
    DIVIDEND_TAX = "DIVIDEND_TAX"
    SHARES = "SHARES"
    RIGHTS = "RIGHTS"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: an amount of a unit (CNY, or shares of a symbol) into a book."""

    book: Book
    unit: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Posting:
    """A transaction: lines that sum to zero in each unit, and the fact they come of."""

    kind: PostingKind
    account_id: str
    trading_day: date
    source: str
    entries: tuple[Entry, ...]


def posting_of(fill: Fill) -> Posting:
    """The transaction of a fill."""
    return Posting(PostingKind.FILL, fill.account_id, fill.trading_day, source_of(fill), entries_of(fill))


def action_source(kind: PostingKind, account_id: str, symbol: Symbol, ex_date: date) -> str:
    """The fact that an action of this kind met a holding."""
    return f"{kind.value.lower()}:{account_id}:{symbol}:{ex_date.isoformat()}"


def dividend_entries(amount: Decimal) -> tuple[Entry, ...]:
    """A dividend on its ex-date: income that is still to come."""
    return Entry(Book.DIVIDENDS_RECEIVABLE, CNY, amount), Entry(Book.DIVIDEND_INCOME, CNY, -amount)


def payment_entries(amount: Decimal) -> tuple[Entry, ...]:
    """A dividend on its pay date."""
    return Entry(Book.CASH, CNY, amount), Entry(Book.DIVIDENDS_RECEIVABLE, CNY, -amount)


def tax_entries(amount: Decimal) -> tuple[Entry, ...]:
    """Tax on dividends, deducted when shares are sold; negative: given back."""
    return Entry(Book.DIVIDEND_TAX, CNY, amount), Entry(Book.CASH, CNY, -amount)


def share_entries(symbol: Symbol, shares: int, cost: Decimal) -> tuple[Entry, ...]:
    """Shares that a corporate action brings, for `cost` CNY (bonus and transfer shares: 0)."""
    lines = (
        Entry(Book.CASH, CNY, -cost),
        Entry(Book.MARKET, CNY, cost),
        Entry(Book.POSITION, symbol, Decimal(shares)),
        Entry(Book.MARKET, symbol, Decimal(-shares)),
    )
    return tuple(line for line in lines if line.amount != 0)


def tax_source(fill: Fill) -> str:
    """The fact that a sale made tax due."""
    return f"tax:{fill.account_id}:{fill.trading_day.isoformat()}:{fill.trade_id}"


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
