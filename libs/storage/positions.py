"""Holdings and cash, kept beside the ledger so that a reservation is one conditional update."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, text

from libs.domain.market import Symbol
from libs.domain.trading import Position
from libs.portfolio.valuation import Holding
from libs.storage.engine import Connection


@dataclass(frozen=True, slots=True)
class CashBalance:
    """Cash of an account, and the part of it that live orders may still need."""

    cash: Decimal
    reserved: Decimal
    receivable: Decimal = Decimal(0)
    """Dividends whose ex-date is over and whose pay date is not."""


@dataclass(frozen=True, slots=True)
class Marked:
    """Shares held, at their mark."""

    quantity: int
    mark: Decimal


_HOLD = text("""
    SELECT symbol, quantity, locked_quantity, locked_day, reserved, cost, unlisted_quantity, mark FROM trading.positions
    WHERE account_id = :account_id AND symbol = :symbol FOR UPDATE
""")
# `reserved` is risk's: it is never written here. A new holding is marked at its price until the session's close.
_WRITE = text("""
    INSERT INTO trading.positions AS p
        (account_id, symbol, quantity, locked_quantity, locked_day, cost, mark, mark_session)
    VALUES (:account_id, :symbol, :quantity, :locked_quantity, :locked_day, :cost, :price, :trading_day)
    ON CONFLICT (account_id, symbol) DO UPDATE SET
        quantity = EXCLUDED.quantity, locked_quantity = EXCLUDED.locked_quantity, locked_day = EXCLUDED.locked_day,
        cost = EXCLUDED.cost,
        mark = CASE WHEN p.quantity = 0 THEN EXCLUDED.mark ELSE coalesce(p.mark, EXCLUDED.mark) END,
        mark_session = CASE WHEN p.quantity = 0 OR p.mark IS NULL THEN EXCLUDED.mark_session ELSE p.mark_session END
""")
_CASH = text("UPDATE trading.balances SET cash = cash + :change WHERE account_id = :account_id")
_BALANCE = text("SELECT cash, reserved, receivable FROM trading.balances WHERE account_id = :account_id")
_HOLDINGS = text("""
    SELECT symbol, quantity, cost, mark, mark_session, mark_stale, locked_quantity, locked_day, reserved,
        unlisted_quantity
    FROM trading.positions WHERE account_id = :account_id ORDER BY symbol
""")


def hold(tx: Connection, account_id: str, symbol: Symbol) -> Position | None:
    """The holding, locked for the transaction."""
    row = tx.execute(_HOLD, {"account_id": account_id, "symbol": symbol}).one_or_none()
    return None if row is None else position_of(row)


def marked(tx: Connection, account_id: str, symbol: Symbol) -> Marked | None:
    """A holding at its mark, locked for the transaction; None where nothing is held or no mark is known."""
    row = tx.execute(_HOLD, {"account_id": account_id, "symbol": symbol}).one_or_none()
    return None if row is None or row.quantity <= 0 or row.mark is None else Marked(row.quantity, row.mark)


def write(tx: Connection, account_id: str, position: Position, *, price: Decimal, trading_day: date) -> None:
    """Keep a holding as a fill at `price` left it."""
    values = {
        "account_id": account_id,
        "symbol": position.symbol,
        "quantity": position.quantity,
        "locked_quantity": position.locked_quantity,
        "locked_day": position.locked_day,
        "cost": position.cost,
        "price": price,
        "trading_day": trading_day,
    }
    tx.execute(_WRITE, values)


def change_cash(tx: Connection, account_id: str, change: Decimal) -> None:
    """Add to the account's cash (negative: take away)."""
    tx.execute(_CASH, {"account_id": account_id, "change": change})


def balance(tx: Connection, account_id: str) -> CashBalance | None:
    """The account's cash; None for an unknown account."""
    row = tx.execute(_BALANCE, {"account_id": account_id}).one_or_none()
    return None if row is None else CashBalance(row.cash, row.reserved, row.receivable)


def holdings(tx: Connection, account_id: str) -> Sequence[Holding]:
    """Everything the account holds or once held, with marks."""
    rows = tx.execute(_HOLDINGS, {"account_id": account_id})
    return [Holding(Symbol(r.symbol), r.quantity, r.cost, r.mark, r.mark_session, r.mark_stale) for r in rows]


def positions(tx: Connection, account_id: str) -> dict[Symbol, Position]:
    """Everything the account holds or once held, with what is locked and reserved."""
    rows = tx.execute(_HOLDINGS, {"account_id": account_id})
    return {Symbol(row.symbol): position_of(row) for row in rows}


def position_of(row: Row[Any]) -> Position:
    """The position of a row with its columns."""
    return Position(
        Symbol(row.symbol),
        row.quantity,
        row.locked_quantity,
        row.locked_day,
        row.reserved,
        row.cost,
        row.unlisted_quantity,
    )
