"""Fills are facts: kept once by (account, trading day, the venue's trade id), whatever we think of the order."""

from uuid import UUID

from sqlalchemy import text

from libs.domain.trading import Fill
from libs.pretrade.need import Filled
from libs.storage.engine import Connection

_ADD = text("""
    INSERT INTO trading.fills (account_id, trading_day, broker_trade_id, order_id, symbol, side, qty, price, commission,
        stamp_duty, transfer_fee, synthetic)
    SELECT account_id, :trading_day, :trade_id, :order_id, :symbol, :side, :quantity, :price, :commission, :stamp_duty,
        :transfer_fee, synthetic
    FROM trading.accounts WHERE account_id = :account_id
    ON CONFLICT DO NOTHING
""")
_ACCOUNT = text("SELECT EXISTS (SELECT FROM trading.accounts WHERE account_id = :account_id)")
_OF_ORDER = text("""
    SELECT coalesce(sum(qty), 0)::bigint AS quantity, coalesce(sum(qty * price), 0) AS notional,
        coalesce(sum(commission), 0) AS commission
    FROM trading.fills WHERE order_id = :order_id
""")


def account_exists(tx: Connection, account_id: str) -> bool:
    """Whether this is an account of ours."""
    return bool(tx.execute(_ACCOUNT, {"account_id": account_id}).scalar())


def add(tx: Connection, fill: Fill) -> bool:
    """Keep a fill; False when it is known already."""
    return tx.execute(_ADD, {name: getattr(fill, name) for name in Fill.__slots__}).rowcount == 1


def of_order(tx: Connection, order_id: UUID) -> Filled:
    """What all fills of an order add up to."""
    row = tx.execute(_OF_ORDER, {"order_id": order_id}).one()
    return Filled(row.quantity, row.notional, row.commission)
