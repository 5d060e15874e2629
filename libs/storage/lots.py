"""Shares by the day they were acquired, kept beside the positions; sales say what they took out of which lot."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy import text

from libs.domain.market import Symbol
from libs.domain.trading import Fill
from libs.portfolio.lots import Disposal, Lot
from libs.storage.engine import Connection

_HELD = text("""
    SELECT acquired_on, credited_on, quantity, income_per_share FROM trading.lots
    WHERE account_id = :account_id AND symbol = :symbol AND quantity > 0 ORDER BY acquired_on, credited_on FOR UPDATE
""")
_ADD = text("""
    INSERT INTO trading.lots AS l (account_id, symbol, acquired_on, credited_on, acquired, quantity)
    VALUES (:account_id, :symbol, :acquired_on, :credited_on, :quantity, :quantity)
    ON CONFLICT (account_id, symbol, acquired_on, credited_on)
    DO UPDATE SET acquired = l.acquired + EXCLUDED.acquired, quantity = l.quantity + EXCLUDED.quantity
""")
_TAKE = text("""
    UPDATE trading.lots SET quantity = quantity - :quantity
    WHERE account_id = :account_id AND symbol = :symbol AND acquired_on = :acquired_on AND credited_on = :credited_on
""")
_DISPOSE = text("""
    INSERT INTO trading.disposals (account_id, trading_day, broker_trade_id, symbol, acquired_on, credited_on, quantity,
        income_per_share, tax_rate)
    VALUES (:account_id, :trading_day, :trade_id, :symbol, :acquired_on, :credited_on, :quantity, :income_per_share,
        :tax_rate)
""")
_EARN = text("""
    UPDATE trading.lots SET income_per_share = income_per_share + :per_share
    WHERE account_id = :account_id AND symbol = :symbol AND quantity > 0
""")
_OF_DAY = text("""
    SELECT acquired_on, credited_on, quantity, income_per_share, tax_rate FROM trading.disposals
    WHERE account_id = :account_id AND symbol = :symbol AND trading_day = :trading_day
""")
_TAXED = text("""
    SELECT coalesce(sum(e.amount), 0) FROM trading.ledger_txn t JOIN trading.ledger_entry e USING (txn_id)
    JOIN trading.fills f ON f.account_id = t.account_id AND f.trading_day = t.trading_day
        AND t.source = format('tax:%s:%s:%s', f.account_id, f.trading_day, f.broker_trade_id)
    WHERE t.kind = 'DIVIDEND_TAX' AND t.account_id = :account_id AND t.trading_day = :trading_day
      AND f.symbol = :symbol AND e.book = 'DIVIDEND_TAX'
""")


def held(tx: Connection, account_id: str, symbol: Symbol) -> list[Lot]:
    """The lots that still hold shares, first in first, locked for the transaction."""
    rows = tx.execute(_HELD, {"account_id": account_id, "symbol": symbol})
    return [Lot(row.acquired_on, row.credited_on, row.quantity, row.income_per_share) for row in rows]


def add(tx: Connection, account_id: str, symbol: Symbol, lots: Iterable[Lot]) -> None:
    """New shares; those of the same days join the lot that is there."""
    rows = [
        {
            "account_id": account_id,
            "symbol": symbol,
            "acquired_on": lot.acquired_on,
            "credited_on": lot.credited_on,
            "quantity": lot.quantity,
        }
        for lot in lots
    ]
    if rows:
        tx.execute(_ADD, rows)


def take(tx: Connection, fill: Fill, disposals: Sequence[Disposal]) -> None:
    """Keep what a sale took, and take it out of the lots."""
    rows = [
        {
            "account_id": fill.account_id,
            "trading_day": fill.trading_day,
            "trade_id": fill.trade_id,
            "symbol": fill.symbol,
            "acquired_on": disposal.acquired_on,
            "credited_on": disposal.credited_on,
            "quantity": disposal.quantity,
            "income_per_share": disposal.income_per_share,
            "tax_rate": disposal.rate,
        }
        for disposal in disposals
    ]
    if rows:
        tx.execute(_TAKE, rows)
        tx.execute(_DISPOSE, rows)


def earn(tx: Connection, account_id: str, symbol: Symbol, per_share: Decimal) -> None:
    """Every share held has had this much more in dividends."""
    tx.execute(_EARN, {"account_id": account_id, "symbol": symbol, "per_share": per_share})


def of_day(tx: Connection, account_id: str, symbol: Symbol, trading_day: date) -> list[Disposal]:
    """What all sales of a share in one session took."""
    rows = tx.execute(_OF_DAY, {"account_id": account_id, "symbol": symbol, "trading_day": trading_day})
    return [Disposal(r.acquired_on, r.credited_on, r.quantity, r.income_per_share, r.tax_rate) for r in rows]


def tax_booked(tx: Connection, account_id: str, symbol: Symbol, trading_day: date) -> Decimal:
    """The tax on dividends that the sales of a share in one session were charged with so far."""
    of = {"account_id": account_id, "symbol": symbol, "trading_day": trading_day}
    booked: Decimal = tx.execute(_TAXED, of).scalar_one()
    return booked
