"""Rounds and what analysts said in them. A round ends once; decisions stand only on rounds that were decided."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import text

from libs.domain.market import Symbol
from libs.storage.engine import Connection


class RoundKind(StrEnum):
    """Who asked: a replay, an operator, or an operator for one agent alone."""

    REPLAY = "replay"
    MANUAL = "manual"
    TRIGGER = "trigger"


@dataclass(frozen=True, slots=True)
class Panelist:
    """An analyst as it was registered when it was asked."""

    weight: float
    version: str


Panel = Mapping[str, Panelist]
"""Who is asked, by name."""


@dataclass(frozen=True, slots=True)
class Round:
    """One question to the analysts."""

    round_id: UUID
    kind: RoundKind
    replay_id: UUID | None
    account_id: str | None
    session: date
    as_of: datetime
    symbols: tuple[Symbol, ...]
    panel: Panel
    trade: bool
    requested_by: str
    synthetic: bool


@dataclass(frozen=True, slots=True)
class Analysis:
    """What became of the question to one agent."""

    agent: str
    error_code: str | None
    latency_ms: float
    answer: Mapping[str, Any] | None = None
    """What an agent that never votes (risk, execution) answered; signals are rows of their own."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A round as it is stored: what was asked first counts, however often the question comes."""

    round: Round
    status: str
    deadline_at: datetime
    """Machine time."""


_OPEN = text("""
    INSERT INTO desk.rounds (round_id, kind, replay_id, account_id, session, as_of, symbols, analysts, trade, status,
        requested_by, synthetic, deadline_at)
    VALUES (:round_id, :kind, :replay_id, :account_id, :session, :as_of, :symbols, CAST(:analysts AS jsonb), :trade,
        'OPEN', :requested_by, :synthetic, clock_timestamp() + make_interval(secs => :timeout))
    ON CONFLICT (round_id) DO NOTHING
""")
# An expired round holds no decision, and a replay must not go on without one: its driver asks again.
_RESUME = text("""
    UPDATE desk.rounds SET status = 'OPEN', detail = NULL, finished_at = NULL,
        deadline_at = clock_timestamp() + make_interval(secs => :timeout)
    WHERE round_id = :round_id AND kind = 'replay' AND status IN ('OPEN', 'EXPIRED')
""")
_STANDING = text("""
    SELECT status, deadline_at, account_id, session, as_of, symbols, analysts, trade, synthetic FROM desk.rounds
    WHERE round_id = :round_id
""")
_FINISH = text("""
    UPDATE desk.rounds SET status = :status, detail = :detail, finished_at = clock_timestamp()
    WHERE round_id = :round_id AND status = 'OPEN'
""")
_EXPIRE = text("""
    UPDATE desk.rounds SET status = 'EXPIRED', detail = 'the deadline passed', finished_at = clock_timestamp()
    WHERE status = 'OPEN' AND deadline_at < clock_timestamp() - make_interval(secs => :grace)
    RETURNING round_id
""")
_ANALYSES = text("""
    INSERT INTO desk.analyses (round_id, agent, outcome, error_code, latency_ms, answer)
    SELECT :round_id, agent, CASE WHEN error_code IS NULL THEN 'ANSWERED' ELSE 'FAILED' END, error_code, latency_ms,
        answer
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (agent text, error_code text, latency_ms real, answer jsonb)
    ON CONFLICT DO NOTHING
""")
_SIGNALS = text("""
    INSERT INTO desk.signals (signal_id, round_id, agent, agent_version, kind, scope, subject_id, as_of, score,
        confidence, horizon, evidence, rationale, data_as_of, valid_until, inputs_hash, llm_derived, abstain_code,
        abstain_detail, synthetic, freshness)
    SELECT signal_id, :round_id, agent, agent_version, kind, scope, subject_id, :as_of, score, confidence, horizon,
        evidence, rationale, data_as_of, valid_until, inputs_hash, coalesce(llm_derived, false), abstain_code,
        abstain_detail, :synthetic, coalesce(freshness, '[]')
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
        signal_id uuid, agent text, agent_version text, kind text, scope text, subject_id text, score double precision,
        confidence double precision, horizon text, evidence jsonb, rationale text, data_as_of timestamptz,
        valid_until timestamptz, inputs_hash text, llm_derived boolean, abstain_code text, abstain_detail text,
        freshness jsonb)
    ON CONFLICT DO NOTHING
""")


def panel_json(panel: Panel) -> str:
    """A panel as it is stored."""
    return json.dumps({name: {"weight": p.weight, "version": p.version} for name, p in sorted(panel.items())})


def read_panel(stored: Mapping[str, Mapping[str, Any]]) -> Panel:
    """A panel from its stored form."""
    return {name: Panelist(p["weight"], p["version"]) for name, p in stored.items()}


def open_round(tx: Connection, opened: Round, timeout: float) -> Standing:
    """Commit the question, or find the one that was committed before; a replay's is given its time again."""
    inserted = tx.execute(
        _OPEN,
        {
            "round_id": opened.round_id,
            "kind": opened.kind.value,
            "replay_id": opened.replay_id,
            "account_id": opened.account_id,
            "session": opened.session,
            "as_of": opened.as_of,
            "symbols": list(opened.symbols),
            "analysts": panel_json(opened.panel),
            "trade": opened.trade,
            "requested_by": opened.requested_by,
            "synthetic": opened.synthetic,
            "timeout": timeout,
        },
    )
    if inserted.rowcount == 0:
        tx.execute(_RESUME, {"round_id": opened.round_id, "timeout": timeout})
    row = tx.execute(_STANDING, {"round_id": opened.round_id}).one()
    stored = replace(
        opened,
        account_id=row.account_id,
        session=row.session,
        as_of=row.as_of,
        symbols=tuple(Symbol(s) for s in row.symbols),
        panel=read_panel(row.analysts),
        trade=row.trade,
        synthetic=row.synthetic,
    )
    return Standing(stored, row.status, row.deadline_at)


def finish(tx: Connection, round_id: UUID, status: str, detail: str | None = None) -> bool:
    """End an open round; False when it had ended already, so that nothing may be decided on it any more."""
    return tx.execute(_FINISH, {"round_id": round_id, "status": status, "detail": detail}).rowcount == 1


def expire_overdue(tx: Connection, grace_seconds: float) -> list[UUID]:
    """End the rounds whose deadline passed unnoticed, as after a restart."""
    return list(tx.execute(_EXPIRE, {"grace": grace_seconds}).scalars())


def record_analyses(tx: Connection, round_id: UUID, analyses: Sequence[Analysis]) -> None:
    """Who answered, who failed and why, and how long each took."""
    rows = [asdict(analysis) for analysis in analyses]
    tx.execute(_ANALYSES, {"round_id": round_id, "rows": json.dumps(rows)})


def store_signals(tx: Connection, opened: Round, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store signals and abstentions; each row carries the columns of `desk.signals` by name."""
    tx.execute(
        _SIGNALS,
        {
            "round_id": opened.round_id,
            "as_of": opened.as_of,
            "synthetic": opened.synthetic,
            "rows": json.dumps(rows, ensure_ascii=False, default=str, allow_nan=False),
        },
    )
