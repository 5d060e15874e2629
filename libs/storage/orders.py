"""Orders as execution reads and moves them. State changes only through `trading.transition`."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from libs.domain.market import Symbol
from libs.domain.trading import ControlState, Order, OrderState, Side
from libs.storage.engine import Connection

COLUMNS = """
    o.order_id, o.client_order_id, o.account_id, o.trading_day, o.symbol, o.side, o.requested_qty, o.qty, o.limit_price,
    o.state, o.version, o.filled_qty
"""


@dataclass(frozen=True, slots=True)
class Sendable:
    """An order about to leave, and what must hold for it; the control state is held until the transaction ends."""

    order: Order
    expires_at: datetime
    origin: str
    desk_now: datetime
    control: ControlState
    verdict_hash: bytes | None
    verdict_expires_at: datetime | None
    limits_version: int | None


@dataclass(frozen=True, slots=True)
class SendIntent:
    """The promise to send one order, committed before the wire. `broker_ref` is how the venue knows it."""

    intent_id: UUID
    order_id: UUID
    account_id: str
    trading_day: date
    broker_ref: str
    epoch: int
    send_by: datetime


@dataclass(frozen=True, slots=True)
class Unresolved:
    """An order whose sending has no known outcome."""

    order_id: UUID
    state: OrderState
    intent: SendIntent


@dataclass(frozen=True, slots=True)
class VenueEnd:
    """The venue's last word on an order: how it ended, and what was filled by then."""

    state: OrderState
    filled_quantity: int


@dataclass(frozen=True, slots=True)
class Reported:
    """An order a report speaks of, locked for the transaction."""

    order: Order
    end: VenueEnd | None


@dataclass(frozen=True, slots=True)
class Move:
    """A step of the state machine. From anywhere else than `from_states` it is not made, and that is no error."""

    to_state: OrderState
    from_states: Collection[OrderState]
    cause: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


_SENDABLE = text(f"""
    SELECT {COLUMNS}, o.expires_at, coalesce(o.decision_id, o.request_id, o.trigger_id)::text AS origin,
        (SELECT now FROM desk.clock) AS desk_now, risk.hold_control() AS control,
        v.order_hash, v.expires_at AS verdict_expires_at, v.limits_version
    FROM trading.orders o LEFT JOIN risk.verdicts v ON v.verdict_id = o.verdict_id AND v.outcome <> 'DENY'
    WHERE o.order_id = :order_id FOR UPDATE OF o
""")
_INTENT = text("""
    INSERT INTO trading.send_intents (intent_id, order_id, kind, account_id, trading_day, broker_session, broker_ref,
        epoch, send_by)
    VALUES (:intent_id, :order_id, 'NEW', :account_id, :trading_day, '', :broker_ref, :epoch, :send_by)
""")
_CLOSE_INTENT = text("""
    UPDATE trading.send_intents SET outcome = :outcome, venue_order_id = coalesce(:venue_order_id, venue_order_id)
    WHERE order_id = :order_id AND kind = 'NEW'
""")
_UNRESOLVED = text("""
    SELECT o.order_id, o.state, i.intent_id, i.account_id, i.trading_day, i.broker_ref, i.epoch, i.send_by
    FROM trading.orders o JOIN trading.send_intents i ON i.order_id = o.order_id AND i.kind = 'NEW'
    WHERE o.state IN ('SENDING', 'UNKNOWN') AND (o.state = 'UNKNOWN' OR i.send_by < :sending_before)
    ORDER BY o.order_id
""")
_MISSING = text("""
    SELECT order_id FROM trading.orders
    WHERE account_id = :account_id AND trading_day = :trading_day AND state = 'MISSING' ORDER BY order_id
""")
_REPORTED = text(f"""
    SELECT {COLUMNS}, o.venue_end, o.venue_end_filled FROM trading.orders o
    WHERE o.client_order_id = :ref AND o.account_id = :account_id AND o.trading_day = :trading_day FOR UPDATE
""")
_PROGRESS = text("""
    UPDATE trading.orders SET filled_qty = :filled, venue_end = :end, venue_end_filled = :end_filled,
        reason = coalesce(:reason, reason)
    WHERE order_id = :order_id
""")
_REASON = text("UPDATE trading.orders SET reason = :reason WHERE order_id = :order_id")
_TRANSITION = text("""
    SELECT trading.transition(:order_id, :from_states, :to_state, :cause, CAST(:evidence AS jsonb), :epoch)
""")
_RESIZE = text("SELECT risk.resize_reservation(:order_id, :amount)")
_FENCE = text("SELECT ops.require_epoch('execution', :epoch)")


def fence(tx: Connection, epoch: int) -> None:
    """Hold the lease still until the transaction ends; raises `StaleEpoch` when it has passed on."""
    tx.execute(_FENCE, {"epoch": epoch})


def hold_for_sending(tx: Connection, order_id: UUID) -> Sendable | None:
    """The order, locked, with its verdict, the desk's time and the control state, which a halt must wait for."""
    row = tx.execute(_SENDABLE, {"order_id": order_id}).one_or_none()
    if row is None:
        return None
    return Sendable(
        order=from_row(row),
        expires_at=row.expires_at,
        origin=row.origin,
        desk_now=row.desk_now,
        control=ControlState(row.control or ControlState.HALTED),
        verdict_hash=row.order_hash,
        verdict_expires_at=row.verdict_expires_at,
        limits_version=row.limits_version,
    )


def write_intent(tx: Connection, intent: SendIntent) -> None:
    """Commit to sending; a second intent for the same order violates `one_new`."""
    tx.execute(_INTENT, {name: getattr(intent, name) for name in SendIntent.__slots__})


def close_intent(tx: Connection, order_id: UUID, outcome: str, venue_order_id: str | None) -> None:
    """Note what became of the sending."""
    tx.execute(_CLOSE_INTENT, {"order_id": order_id, "outcome": outcome, "venue_order_id": venue_order_id})


def unresolved(tx: Connection, sending_before: datetime) -> list[Unresolved]:
    """Orders in UNKNOWN, and those in SENDING whose `send_by` lies before `sending_before` (machine time)."""
    rows = tx.execute(_UNRESOLVED, {"sending_before": sending_before})
    return [
        Unresolved(
            row.order_id,
            OrderState(row.state),
            SendIntent(
                row.intent_id, row.order_id, row.account_id, row.trading_day, row.broker_ref, row.epoch, row.send_by
            ),
        )
        for row in rows
    ]


def missing(tx: Connection, account_id: str, trading_day: date) -> list[UUID]:
    """Orders of the day that the venue never knew."""
    return list(tx.execute(_MISSING, {"account_id": account_id, "trading_day": trading_day}).scalars())


def hold_by_ref(tx: Connection, account_id: str, trading_day: date, ref: str) -> Reported | None:
    """The order a report speaks of, locked; None for a foreign one."""
    values = {"account_id": account_id, "trading_day": trading_day, "ref": ref}
    row = tx.execute(_REPORTED, values).one_or_none()
    if row is None:
        return None
    end = None if row.venue_end is None else VenueEnd(OrderState(row.venue_end), row.venue_end_filled)
    return Reported(from_row(row), end)


def record_progress(
    tx: Connection, order_id: UUID, *, filled: int, end: VenueEnd | None, reason: str | None = None
) -> None:
    """Keep what reports have said: shares filled, and the venue's last word once it is known."""
    values = {
        "order_id": order_id,
        "filled": filled,
        "end": end.state.value if end else None,
        "end_filled": end.filled_quantity if end else None,
        "reason": reason,
    }
    tx.execute(_PROGRESS, values)


def note_reason(tx: Connection, order_id: UUID, reason: str) -> None:
    """Why the order stands where it stands, for people."""
    tx.execute(_REASON, {"order_id": order_id, "reason": reason})


def transition(tx: Connection, order_id: UUID, move: Move, epoch: int) -> bool:
    """Move the order; False when it is in none of the move's states. Raises `IllegalTransition`, `StaleEpoch`."""
    values = {
        "order_id": order_id,
        "from_states": [state.value for state in move.from_states],
        "to_state": move.to_state.value,
        "cause": move.cause,
        "evidence": json.dumps(move.evidence, default=str),
        "epoch": epoch,
    }
    return tx.execute(_TRANSITION, values).scalar() is not None


def resize_reservation(tx: Connection, order_id: UUID, amount: object) -> None:
    """Give back what the rest of the order can no longer need."""
    tx.execute(_RESIZE, {"order_id": order_id, "amount": amount})


def from_row(row: Row[Any]) -> Order:
    """An order from a row that selected `COLUMNS`."""
    return Order(
        order_id=row.order_id,
        client_order_id=row.client_order_id,
        account_id=row.account_id,
        trading_day=row.trading_day,
        symbol=Symbol(row.symbol),
        side=Side(row.side),
        requested_quantity=row.requested_qty,
        quantity=row.qty,
        limit_price=row.limit_price,
        state=OrderState(row.state),
        version=row.version,
        filled_quantity=row.filled_qty,
    )
