"""What agents said, as the API and the CLI show it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from libs.contracts.analysis import EvidenceModel, FreshnessModel
from libs.contracts.api import SignalsPage, SignalView
from libs.contracts.api_agents import AnalysisView

_COLUMNS = """s.signal_id, s.round_id, s.agent, s.agent_version, s.kind, s.scope, s.subject_id, s.as_of, s.score,
    s.confidence, s.horizon, s.evidence, s.rationale, s.data_as_of, s.valid_until, s.inputs_hash, s.llm_derived,
    s.abstain_code, s.abstain_detail, s.synthetic, s.freshness"""
_OF_ROUND = text(f"""
    SELECT {_COLUMNS} FROM desk.signals s
    WHERE s.round_id = :round_id AND (CAST(:agent AS text) IS NULL OR s.agent = :agent)
      AND (CAST(:symbol AS text) IS NULL OR s.scope = 'market' OR (s.scope = 'symbol' AND s.subject_id = :symbol)
           OR (s.scope = 'sector' AND s.subject_id = (SELECT industry FROM market.instruments WHERE symbol = :symbol)))
    ORDER BY s.agent, s.scope, s.subject_id
""")
_NEWEST_DECIDED = text("""
    SELECT round_id, session, as_of FROM desk.rounds WHERE status = 'DECIDED' ORDER BY opened_at DESC LIMIT 1
""")
_NEWEST_ANALYSIS = text("""
    SELECT r.round_id, r.as_of, r.synthetic, a.answer FROM desk.rounds r
    JOIN desk.analyses a ON a.round_id = r.round_id AND a.agent = :agent AND a.outcome = 'ANSWERED'
    WHERE r.status <> 'OPEN'
      AND (CAST(:symbol AS text) IS NULL OR :symbol = ANY(r.symbols))
      AND (CAST(:as_of AS timestamptz) IS NULL OR r.as_of <= :as_of)
    ORDER BY CASE WHEN CAST(:as_of AS timestamptz) IS NULL THEN NULL ELSE r.as_of END DESC, r.opened_at DESC
    LIMIT 1
""")
_LATENCIES = text("""
    SELECT asked.agent, count(a.outcome) AS answers, max(a.at) AS last_at,
        avg(CASE WHEN a.outcome = 'FAILED' THEN 1.0 ELSE 0.0 END) AS error_rate,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY a.latency_ms) AS p50,
        percentile_cont(0.99) WITHIN GROUP (ORDER BY a.latency_ms) AS p99
    FROM unnest(CAST(:agents AS text[])) AS asked (agent)
    CROSS JOIN LATERAL (
        SELECT outcome, latency_ms, at FROM desk.analyses WHERE analyses.agent = asked.agent ORDER BY at DESC LIMIT 500
    ) AS a
    GROUP BY asked.agent
""")


@dataclass(frozen=True, slots=True)
class AnswerFigures:
    """How an agent has answered lately."""

    answers: int
    last_at: datetime
    error_rate: float
    p50_ms: float
    p99_ms: float


def of_round(
    tx: Connection, round_id: UUID, *, agent: str | None = None, symbol: str | None = None
) -> list[SignalView]:
    """Signals and abstentions of one round; for a symbol also those on its sector and on the market."""
    return [_view(row) for row in tx.execute(_OF_ROUND, {"round_id": round_id, "agent": agent, "symbol": symbol})]


def current(tx: Connection, *, agent: str | None, symbol: str | None, synthetic: bool) -> SignalsPage:
    """What was said in the newest decided round; an empty page before the first one."""
    newest = tx.execute(_NEWEST_DECIDED).one_or_none()
    if newest is None:
        return SignalsPage(round_id=None, session=None, as_of=None, synthetic=synthetic, signals=[], abstentions=[])
    said = of_round(tx, newest.round_id, agent=agent, symbol=symbol)
    return SignalsPage(
        round_id=newest.round_id,
        session=newest.session,
        as_of=newest.as_of,
        synthetic=synthetic,
        signals=[view for view in said if view.kind == "signal"],
        abstentions=[view for view in said if view.kind == "abstain"],
    )


def newest_analysis(tx: Connection, agent: str, symbol: str | None, as_of: datetime | None) -> AnalysisView | None:
    """The newest stored answer of an agent, or the newest one for a desk time not after `as_of`."""
    row = tx.execute(_NEWEST_ANALYSIS, {"agent": agent, "symbol": symbol, "as_of": as_of}).one_or_none()
    if row is None:
        return None
    results = of_round(tx, row.round_id, agent=agent, symbol=symbol)
    return AnalysisView(
        round_id=row.round_id,
        agent=agent,
        as_of=row.as_of,
        synthetic=row.synthetic,
        results=results,
        answer=row.answer,
    )


def answer_figures(tx: Connection, agents: Iterable[str]) -> dict[str, AnswerFigures]:
    """Error rate and latency of each agent over its newest 500 questions; agents never asked are missing."""
    rows = tx.execute(_LATENCIES, {"agents": list(agents)})
    return {r.agent: AnswerFigures(r.answers, r.last_at, float(r.error_rate), r.p50, r.p99) for r in rows}


def _view(row: Row[Any]) -> SignalView:
    return SignalView(
        signal_id=row.signal_id,
        round_id=row.round_id,
        agent=row.agent,
        agent_version=row.agent_version,
        kind=row.kind,
        scope=row.scope,
        subject=row.subject_id,
        as_of=row.as_of,
        score=row.score,
        confidence=row.confidence,
        horizon=row.horizon,
        evidence=[EvidenceModel.model_validate(cited) for cited in row.evidence or ()],
        rationale=row.rationale,
        data_as_of=row.data_as_of,
        valid_until=row.valid_until,
        inputs_hash=row.inputs_hash,
        llm_derived=row.llm_derived,
        abstain_code=row.abstain_code,
        abstain_detail=row.abstain_detail,
        synthetic=row.synthetic,
        freshness=[FreshnessModel.model_validate(of_series) for of_series in row.freshness],
    )
