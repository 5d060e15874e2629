"""Orders, their events and fills, as the API and the CLI show them."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from libs.contracts.api_orders import FillView, OrderEvents, OrderEventView, OrderView, VerdictView
from libs.domain.errors import InvalidInput
from libs.domain.trading import OrderState, Side

_COLUMNS = """o.order_id, o.client_order_id, o.account_id, o.trading_day, o.symbol, o.side, o.requested_qty, o.qty,
    o.filled_qty, o.limit_price, o.state, o.cancel_state, o.reason, o.decision_id, o.expires_at, o.created_at,
    o.updated_at, o.synthetic, v.outcome, v.approved_qty, v.reason_codes"""
_JOIN = "FROM trading.orders o LEFT JOIN risk.verdicts v ON v.order_id = o.order_id"
_ONE = text(f"SELECT {_COLUMNS} {_JOIN} WHERE o.order_id = :order_id")
_SOME = text(f"SELECT {_COLUMNS} {_JOIN} WHERE o.order_id = ANY(:ids) ORDER BY o.side DESC, o.symbol, o.order_id")
_OF_DAY = text(f"""
    SELECT {_COLUMNS} {_JOIN} WHERE o.account_id = :account_id AND o.trading_day = :trading_day
    ORDER BY o.side DESC, o.symbol, o.order_id
""")
_PAGE = text(f"""
    SELECT {_COLUMNS} {_JOIN}
    WHERE o.account_id = :account_id
      AND (CAST(:symbol AS text) IS NULL OR o.symbol = :symbol)
      AND (CAST(:side AS text) IS NULL OR o.side = :side)
      AND (CAST(:state AS text) IS NULL OR o.state = :state)
      AND (CAST(:trading_day AS date) IS NULL OR o.trading_day = :trading_day)
      AND (CAST(:before AS timestamptz) IS NULL OR (o.created_at, o.order_id) < (:before, CAST(:before_id AS uuid)))
    ORDER BY o.created_at DESC, o.order_id DESC LIMIT :limit
""")
_EVENTS = text("""
    SELECT seq, from_state, to_state, cause, evidence, actor, at FROM trading.order_events
    WHERE order_id = :order_id ORDER BY seq
""")
_FILLS = text("""
    SELECT broker_trade_id, order_id, trading_day, symbol, side, qty, price, commission, stamp_duty, transfer_fee,
        synthetic
    FROM trading.fills WHERE order_id = ANY(:ids) ORDER BY trading_day, side DESC, symbol, broker_trade_id
""")
_ACCOUNT = text("SELECT EXISTS (SELECT FROM trading.accounts WHERE account_id = :account_id)")
_NEWEST_ACCOUNT = text("SELECT account_id FROM trading.accounts ORDER BY opened_at DESC LIMIT 1")


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders of an account are wanted."""

    account_id: str
    symbol: str | None = None
    side: Side | None = None
    state: OrderState | None = None
    trading_day: date | None = None


def one(tx: Connection, order_id: UUID) -> OrderView | None:
    """One order."""
    row = tx.execute(_ONE, {"order_id": order_id}).one_or_none()
    return _view(row) if row else None


def some(tx: Connection, order_ids: Sequence[UUID]) -> list[OrderView]:
    """These orders: sells first, then by symbol."""
    return [_view(row) for row in tx.execute(_SOME, {"ids": list(order_ids)})]


def of_day(tx: Connection, account_id: str, trading_day: date) -> list[OrderView]:
    """An account's orders of one session: sells first, then by symbol."""
    return [_view(row) for row in tx.execute(_OF_DAY, {"account_id": account_id, "trading_day": trading_day})]


def page(tx: Connection, wanted: OrderFilter, *, cursor: str | None, limit: int) -> tuple[list[OrderView], str | None]:
    """Orders, newest first, and the cursor of the next page; raises `InvalidInput` for a cursor that is not ours."""
    before, before_id = _read_cursor(cursor) if cursor else (None, None)
    rows = tx.execute(
        _PAGE,
        {
            "account_id": wanted.account_id,
            "symbol": wanted.symbol,
            "side": wanted.side,
            "state": wanted.state,
            "trading_day": wanted.trading_day,
            "before": before,
            "before_id": before_id,
            "limit": limit + 1,
        },
    ).all()
    orders = [_view(row) for row in rows[:limit]]
    return orders, _cursor(orders[-1]) if len(rows) > limit else None


def events(tx: Connection, order: OrderView) -> OrderEvents:
    """Everything that happened to an order."""
    rows = tx.execute(_EVENTS, {"order_id": order.order_id})
    moves = [OrderEventView.model_validate(row._asdict()) for row in rows]
    return OrderEvents(order_id=order.order_id, synthetic=order.synthetic, events=moves)


def fills(tx: Connection, order_ids: Sequence[UUID]) -> list[FillView]:
    """The fills of these orders."""
    rows = tx.execute(_FILLS, {"ids": list(order_ids)})
    return [
        FillView(
            broker_trade_id=row.broker_trade_id,
            order_id=row.order_id,
            trading_day=row.trading_day,
            symbol=row.symbol,
            side=Side(row.side),
            quantity=row.qty,
            price=row.price,
            commission=row.commission,
            stamp_duty=row.stamp_duty,
            transfer_fee=row.transfer_fee,
            synthetic=row.synthetic,
        )
        for row in rows
    ]


def account_exists(tx: Connection, account_id: str) -> bool:
    """Whether there is such an account."""
    return bool(tx.execute(_ACCOUNT, {"account_id": account_id}).scalar_one())


def newest_account(tx: Connection) -> str | None:
    """The account that was opened last, None before the first."""
    return tx.execute(_NEWEST_ACCOUNT).scalar()


def _view(row: Row[Any]) -> OrderView:
    verdict = None
    if row.outcome is not None:
        verdict = VerdictView(
            outcome=row.outcome, approved_quantity=row.approved_qty, reason_codes=list(row.reason_codes)
        )
    return OrderView(
        order_id=row.order_id,
        client_order_id=row.client_order_id,
        account_id=row.account_id,
        trading_day=row.trading_day,
        symbol=row.symbol,
        side=Side(row.side),
        requested_quantity=row.requested_qty,
        quantity=row.qty,
        filled_quantity=row.filled_qty,
        limit_price=row.limit_price,
        state=OrderState(row.state),
        cancel_state=row.cancel_state,
        reason=row.reason,
        verdict=verdict,
        decision_id=row.decision_id,
        expires_at=row.expires_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        synthetic=row.synthetic,
    )


def _cursor(order: OrderView) -> str:
    plain = f"{order.created_at.isoformat()} {order.order_id}"
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[datetime, UUID]:
    try:
        plain = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode()
        instant, _, order_id = plain.partition(" ")
        return datetime.fromisoformat(instant).astimezone(UTC), UUID(order_id)
    except (ValueError, OverflowError, binascii.Error) as e:
        raise InvalidInput("cursor", "is not one that a former page gave") from e
