"""Hints on their way to Redis. Written in the transaction of the state they announce; read by the relay alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One hint that has not been published."""

    id: int
    msg_id: UUID
    service: str
    method: str
    payload: dict[str, Any]
    now: datetime
    """Desk time when it was read; every message carries it."""


_UNPUBLISHED = text("""
    SELECT id, msg_id, service, method, payload, (SELECT now FROM desk.clock) AS now FROM ops.outbox
    WHERE published_at IS NULL ORDER BY id LIMIT :limit
""")
_MARK = text("UPDATE ops.outbox SET published_at = clock_timestamp(), tries = tries + 1 WHERE id = ANY(:ids)")

# Hints whose order has not moved, while a report waits the newest hint to apply, and that of a session which is not
# open: Redis may have lost them. Found from the few orders that are under way, since this is asked every second.
_NEEDED = """
    SELECT h.id FROM trading.orders t JOIN ops.outbox h
        ON h.order_id = t.order_id AND h.method = CASE t.state WHEN 'NEW' THEN 'risk.review' ELSE 'execution.send' END
    WHERE t.state IN ('NEW', 'APPROVED')
    UNION ALL
    SELECT max(id) FROM ops.outbox WHERE method = 'execution.apply' AND EXISTS (
        SELECT FROM broker.reports r
        WHERE r.report_id > (SELECT max(report_id) - 1000 FROM broker.reports)
          AND NOT EXISTS (SELECT FROM trading.applied_reports a WHERE a.report_id = r.report_id))
    UNION ALL
    SELECT h.id FROM desk.clock c JOIN ops.outbox h ON h.method = 'execution.open_session'
        AND h.payload = jsonb_build_object('account_id', c.run, 'session', c.session)
    WHERE c.phase = 'PRE_OPEN' AND NOT EXISTS (
        SELECT FROM trading.openings o WHERE o.account_id = c.run AND o.session = c.session)
"""
_SWEEP = text(f"""
    UPDATE ops.outbox SET published_at = NULL
    WHERE id IN ({_NEEDED}) AND published_at < clock_timestamp() - CAST(:age AS interval) * least(tries, 15)
""")
_PRUNE = text(f"""
    DELETE FROM ops.outbox
    WHERE published_at < clock_timestamp() - interval '3 days' AND id NOT IN (
        SELECT id FROM ({_NEEDED}) AS needed WHERE id IS NOT NULL)
""")
_PRUNE_INBOX = text("DELETE FROM ops.inbox WHERE at < clock_timestamp() - interval '7 days'")


def unpublished(tx: Connection, limit: int) -> list[OutboxRow]:
    """The oldest unpublished hints; the relay alone reads them, under the orchestrator's lease."""
    rows = tx.execute(_UNPUBLISHED, {"limit": limit})
    return [OutboxRow(row.id, row.msg_id, row.service, row.method, row.payload, row.now) for row in rows]


def mark_published(tx: Connection, rows: list[OutboxRow]) -> None:
    """These have been written to their streams."""
    tx.execute(_MARK, {"ids": [row.id for row in rows]})


def sweep(tx: Connection, age: timedelta) -> int:
    """Un-publish hints older than `age` (longer after each try) whose subject has not moved; how many."""
    return tx.execute(_SWEEP, {"age": age}).rowcount


def prune(tx: Connection) -> None:
    """Forget hints and inbox rows that nobody can need any more."""
    tx.execute(_PRUNE)
    tx.execute(_PRUNE_INBOX)
