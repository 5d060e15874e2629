"""How an originator writes an order: in its own transaction, through the database's one door."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text

from libs.domain.market import Symbol
from libs.domain.trading import Side
from libs.storage.engine import Connection


@dataclass(frozen=True, slots=True)
class Submission:
    """A DAY limit order as its originator wants it; exactly one of `decision_id` and `request_id` says why."""

    order_id: UUID
    account_id: str
    trading_day: date
    symbol: Symbol
    side: Side
    quantity: int
    limit_price: Decimal
    expires_at: datetime
    decision_id: UUID | None = None
    request_id: UUID | None = None


_SUBMIT = text("""
    SELECT trading.submit_order(:order_id, :client_order_id, :account_id, :trading_day, :symbol, :side, :quantity,
        :limit_price, :expires_at, :decision_id, :request_id)
""")


def submit_order(tx: Connection, wanted: Submission) -> bool:
    """Write the order in state NEW with its hint to risk; False when this id was written before."""
    values = {
        "order_id": wanted.order_id,
        "client_order_id": f"P-{wanted.order_id.hex}",
        "account_id": wanted.account_id,
        "trading_day": wanted.trading_day,
        "symbol": wanted.symbol,
        "side": wanted.side.value,
        "quantity": wanted.quantity,
        "limit_price": wanted.limit_price,
        "expires_at": wanted.expires_at,
        "decision_id": wanted.decision_id,
        "request_id": wanted.request_id,
    }
    return bool(tx.execute(_SUBMIT, values).scalar())
