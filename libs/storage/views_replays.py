"""Replays: how far one is, what came out, and what single sessions looked like."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Connection, text

from libs.contracts.api_replays import ReplayView

_ONE = text("""
    SELECT replay_id, account_id, from_session, to_session, symbols, status, sessions_total, sessions_done, synthetic,
        error, started_at, finished_at, report
    FROM desk.replays WHERE replay_id = :replay_id
""")
_SESSIONS = text("""
    SELECT s.session, s.cash, s.market_value, s.equity, s.fees,
        coalesce(r.scored, 0) AS scored, coalesce(r.undecided, 0) AS undecided,
        (SELECT count(*) FROM trading.orders o
         WHERE o.account_id = s.account_id AND o.trading_day = s.session) AS orders,
        (SELECT count(*) FROM trading.fills f
         WHERE f.account_id = s.account_id AND f.trading_day = s.session) AS fills
    FROM trading.snapshots s
    LEFT JOIN LATERAL (
        SELECT count(*) FILTER (WHERE d.outcome = 'SCORED') AS scored,
            count(*) FILTER (WHERE d.outcome = 'NO_DECISION') AS undecided
        FROM desk.rounds q JOIN desk.decisions d USING (round_id)
        WHERE q.replay_id = :replay_id AND q.session = s.session
    ) AS r ON true
    WHERE s.account_id = (SELECT account_id FROM desk.replays WHERE replay_id = :replay_id)
      AND (CAST(:after AS date) IS NULL OR s.session > :after)
      AND EXISTS (SELECT FROM desk.rounds q
                  WHERE q.replay_id = :replay_id AND q.session = s.session AND q.status <> 'OPEN')
    ORDER BY s.session
""")
_LAST_ROUND = text("""
    SELECT round_id FROM desk.rounds WHERE replay_id = :replay_id ORDER BY session DESC, opened_at DESC LIMIT 1
""")
_RUNNING = text("SELECT replay_id FROM desk.replays WHERE status = 'RUNNING'")


@dataclass(frozen=True, slots=True)
class SessionLine:
    """One finished session of a replay."""

    session: date
    cash: Decimal
    market_value: Decimal
    equity: Decimal
    fees: Decimal
    scored: int
    undecided: int
    orders: int
    fills: int


def one(tx: Connection, replay_id: UUID) -> ReplayView | None:
    """One replay, None when there is no such one."""
    row = tx.execute(_ONE, {"replay_id": replay_id}).one_or_none()
    return ReplayView.model_validate(row._asdict()) if row else None


def sessions(tx: Connection, replay_id: UUID, *, after: date | None = None) -> list[SessionLine]:
    """The sessions that are over, their round included; those later than `after`."""
    rows = tx.execute(_SESSIONS, {"replay_id": replay_id, "after": after})
    return [SessionLine(**row._asdict()) for row in rows]


def last_round(tx: Connection, replay_id: UUID) -> UUID | None:
    """The round of the last session so far."""
    return tx.execute(_LAST_ROUND, {"replay_id": replay_id}).scalar()


def running(tx: Connection) -> ReplayView | None:
    """The replay that runs now; there is one at a time."""
    replay_id = tx.execute(_RUNNING).scalar()
    return one(tx, replay_id) if replay_id else None
