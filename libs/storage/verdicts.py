"""What risk reads before it judges, and the one place where its answer is written."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from libs.domain.market import Board
from libs.domain.trading import ControlState, OrderState, Position
from libs.pretrade.facts import Listing, OrderFacts, SessionStatus
from libs.pretrade.need import Need
from libs.pretrade.review import Review
from libs.storage import orders
from libs.storage.clock import Phase
from libs.storage.engine import Connection
from libs.storage.positions import position_of


@dataclass(frozen=True, slots=True)
class Reviewable:
    """An order with everything around it; `origin` is the decision, request or trigger behind it."""

    facts: OrderFacts
    origin: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Risk's answer, bound to the order by its hash; it expires with the order (desk time)."""

    verdict_id: UUID
    order_id: UUID
    order_hash: bytes
    review: Review
    limits_version: int
    expires_at: datetime


# Reviews of one account wait for each other: each sees what the one before it set aside.
_LOCK = text("""
    SELECT pg_advisory_xact_lock(hashtextextended('risk:' || account_id, 0))
    FROM trading.orders WHERE order_id = :order_id
""")
# Of the session's own bar only what the exchange announces before the open is read: pre_close, status.
_FACTS = text(f"""
    SELECT {orders.COLUMNS}, o.expires_at, coalesce(o.decision_id, o.request_id, o.trigger_id)::text AS origin,
        c.now AS desk_now, c.session AS desk_session, c.phase, ctl.state AS control, a.status AS account_status,
        i.board, i.list_date, i.delist_date, b.pre_close, b.suspended, b.special_treatment,
        bal.cash, bal.receivable, bal.cash - bal.reserved AS free_cash,
        p.quantity, p.locked_quantity, p.locked_day, p.reserved, p.cost, p.unlisted_quantity, p.mark,
        (SELECT coalesce(sum(h.quantity * coalesce(h.mark, h.cost / h.quantity)), 0)
         FROM trading.positions h WHERE h.account_id = o.account_id AND h.quantity <> 0) AS market_value,
        (SELECT coalesce(sum((x.qty - x.filled_qty) * x.limit_price), 0)
         FROM trading.orders x
         WHERE x.account_id = o.account_id AND x.symbol = o.symbol AND x.side = 'BUY' AND x.order_id <> o.order_id
           AND x.state IN ('APPROVED', 'SENDING', 'UNKNOWN', 'ACCEPTED', 'PARTIAL', 'MISSING')) AS in_flight_buys
    FROM trading.orders o
    JOIN trading.accounts a ON a.account_id = o.account_id
    JOIN trading.balances bal ON bal.account_id = o.account_id
    CROSS JOIN desk.clock c
    LEFT JOIN risk.control ctl ON ctl.scope = 'ALL'
    LEFT JOIN market.instruments i ON i.symbol = o.symbol
    LEFT JOIN market.bars b ON b.symbol = o.symbol AND b.session = o.trading_day
    LEFT JOIN trading.positions p ON p.account_id = o.account_id AND p.symbol = o.symbol
    WHERE o.order_id = :order_id
""")
_RESERVE = text("SELECT risk.reserve(:order_id, :unit, :amount)")
_WRITE = text("""
    INSERT INTO risk.verdicts (verdict_id, order_id, order_hash, outcome, approved_qty, reason_codes, limits_version,
        snapshot, expires_at)
    VALUES (:verdict_id, :order_id, :order_hash, :outcome, :quantity, :reasons, :limits_version,
        CAST(:snapshot AS jsonb), :expires_at)
""")
_MOVE = text("SELECT trading.decide_order(:order_id, :verdict_id)")


def lock_account(tx: Connection, order_id: UUID) -> None:
    """Be the only review of the order's account until the transaction ends."""
    tx.execute(_LOCK, {"order_id": order_id})


def reviewable(tx: Connection, order_id: UUID) -> Reviewable | None:
    """The committed state around an order that is still NEW; None when there is nothing to judge."""
    row = tx.execute(_FACTS, {"order_id": order_id}).one_or_none()
    if row is None or row.state != OrderState.NEW:
        return None
    order = orders.from_row(row)
    facts = OrderFacts(
        order=order,
        expires_at=row.expires_at,
        desk_now=row.desk_now,
        desk_session=row.desk_session,
        orders_flow=row.phase == Phase.PRE_OPEN,
        control=ControlState(row.control or ControlState.HALTED),
        account_open=row.account_status == "OPEN",
        listing=_listing(row),
        status=_status(row),
        position=_position(row),
        mark=row.mark,
        free_cash=row.free_cash,
        equity=row.cash + row.receivable + row.market_value,
        in_flight_buys=row.in_flight_buys,
    )
    return Reviewable(facts, row.origin)


def reserve(tx: Connection, order_id: UUID, need: Need) -> bool:
    """Set aside what the order may need, or False when that much is not free."""
    values = {"order_id": order_id, "unit": need.unit, "amount": need.amount}
    return bool(tx.execute(_RESERVE, values).scalar())


def decide(tx: Connection, verdict: Verdict) -> None:
    """Write the verdict, move the order to APPROVED or DENIED, and hint execution at what was approved."""
    review = verdict.review
    values = {
        "verdict_id": verdict.verdict_id,
        "order_id": verdict.order_id,
        "order_hash": verdict.order_hash,
        "outcome": review.outcome.value,
        "quantity": review.quantity,
        "reasons": [reason.value for reason in review.reasons],
        "limits_version": verdict.limits_version,
        "snapshot": json.dumps(review.evidence),
        "expires_at": verdict.expires_at,
    }
    tx.execute(_WRITE, values)
    tx.execute(_MOVE, {"order_id": verdict.order_id, "verdict_id": verdict.verdict_id})


def _listing(row: Row[Any]) -> Listing | None:
    return None if row.board is None else Listing(Board(row.board), row.list_date, row.delist_date)


def _status(row: Row[Any]) -> SessionStatus | None:
    if row.pre_close is None:
        return None
    return SessionStatus(row.pre_close, suspended=row.suspended, special_treatment=row.special_treatment)


def _position(row: Row[Any]) -> Position | None:
    if row.quantity is None:
        return None
    return position_of(row)
