"""What an account holds and is worth, read by those who plan and those who show."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import text

from libs.domain.market import Symbol
from libs.domain.trading import Position
from libs.storage.engine import Connection


@dataclass(frozen=True, slots=True)
class Holdings:
    """Positions, cash and equity at the last marks, receivable dividends included."""

    positions: dict[Symbol, Position]
    cash: Decimal
    equity: Decimal


_CASH = text("SELECT cash, receivable FROM trading.balances WHERE account_id = :account_id")
_POSITIONS = text("""
    SELECT symbol, quantity, locked_quantity, locked_day, reserved, cost, unlisted_quantity, mark FROM trading.positions
    WHERE account_id = :account_id AND quantity <> 0
""")


def holdings(tx: Connection, account_id: str) -> Holdings:
    """What an account holds; a position counts at its mark (at cost before its first mark)."""
    of = {"account_id": account_id}
    balance = tx.execute(_CASH, of).one()
    positions: dict[Symbol, Position] = {}
    equity: Decimal = balance.cash + balance.receivable
    for r in tx.execute(_POSITIONS, of):
        symbol = Symbol(r.symbol)
        positions[symbol] = Position(
            symbol, r.quantity, r.locked_quantity, r.locked_day, r.reserved, r.cost, r.unlisted_quantity
        )
        equity += r.mark * r.quantity if r.mark is not None else r.cost
    return Holdings(positions, balance.cash, equity)
