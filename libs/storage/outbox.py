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

# A hint whose order (or report) has not moved since is sent again: Redis may have lost it. Harmless if it has not.
_SWEEP = text("""
    UPDATE ops.outbox o SET published_at = NULL
    WHERE published_at < clock_timestamp() - CAST(:age AS interval) * least(o.tries, 15)
      AND created_at > clock_timestamp() - interval '2 days'
      AND CASE method
          WHEN 'risk.review' THEN EXISTS (
              SELECT FROM trading.orders t WHERE t.order_id = o.order_id AND t.state = 'NEW')
          WHEN 'execution.send' THEN EXISTS (
              SELECT FROM trading.orders t WHERE t.order_id = o.order_id AND t.state = 'APPROVED')
          WHEN 'execution.apply' THEN EXISTS (
              SELECT FROM broker.reports r WHERE r.report_id <= CAST(o.payload ->> 'through' AS bigint)
              AND r.report_id > CAST(o.payload ->> 'through' AS bigint) - 1000
              AND NOT EXISTS (SELECT FROM trading.applied_reports a WHERE a.report_id = r.report_id))
          ELSE false END
""")
_PRUNE = text("DELETE FROM ops.outbox WHERE published_at < clock_timestamp() - interval '3 days'")
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
