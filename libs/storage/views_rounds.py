"""A round with everything that came of it, as the API and the CLI show it."""

import json
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from libs.contracts.api_rounds import (
    AbstentionView,
    AnalysisOutcome,
    DecisionView,
    IntentView,
    RoundView,
    ShareView,
)
from libs.storage import views_orders, views_signals

_ROUND = text("""
    SELECT round_id, kind, status, detail, replay_id, account_id, session, as_of, symbols, trade, requested_by,
        opened_at, deadline_at, finished_at, synthetic
    FROM desk.rounds WHERE round_id = :round_id
""")
_ANALYSES = text("""
    SELECT agent, outcome, error_code, latency_ms FROM desk.analyses WHERE round_id = :round_id ORDER BY agent
""")
_DECISIONS = text("""
    SELECT decision_id, symbol, outcome, score, disagreement, quorum, reasons, record FROM desk.decisions
    WHERE round_id = :round_id ORDER BY score DESC NULLS LAST, symbol
""")
_INTENTS = text("""
    SELECT intent_id, decision_id, symbol, side, quantity, status, reason, order_id, trading_day FROM desk.intents
    WHERE round_id = :round_id ORDER BY side DESC, symbol
""")
_STATUS = text("SELECT status, synthetic FROM desk.rounds WHERE round_id = :round_id")
_SHARE_FIELDS = tuple(ShareView.model_fields)


def status(tx: Connection, round_id: UUID) -> tuple[str, bool] | None:
    """The round's status and whether it is about a simulated market; None when there is no such round."""
    row = tx.execute(_STATUS, {"round_id": round_id}).one_or_none()
    return (row.status, row.synthetic) if row else None


def one(tx: Connection, round_id: UUID) -> RoundView | None:
    """One round: analyses, signals, decisions with shares, intents, orders and fills."""
    found = tx.execute(_ROUND, {"round_id": round_id}).one_or_none()
    if found is None:
        return None
    said = views_signals.of_round(tx, round_id)
    intents = [IntentView.model_validate(row._asdict()) for row in tx.execute(_INTENTS, {"round_id": round_id})]
    order_ids = [intent.order_id for intent in intents if intent.order_id]
    analyses = tx.execute(_ANALYSES, {"round_id": round_id})
    return RoundView.model_validate(
        {
            **found._asdict(),
            "analyses": [AnalysisOutcome.model_validate(row._asdict()) for row in analyses],
            "signals": [view for view in said if view.kind == "signal"],
            "abstentions": [view for view in said if view.kind == "abstain"],
            "decisions": [_decision(row) for row in tx.execute(_DECISIONS, {"round_id": round_id})],
            "intents": intents,
            "orders": views_orders.some(tx, order_ids),
            "fills": views_orders.fills(tx, order_ids),
        }
    )


def _decision(row: Row[Any]) -> DecisionView:
    record = json.loads(row.record)
    return DecisionView(
        decision_id=row.decision_id,
        symbol=row.symbol,
        outcome=row.outcome,
        score=row.score,
        disagreement=row.disagreement,
        quorum=row.quorum,
        reasons=list(row.reasons),
        shares=[
            ShareView.model_validate({field: vote[field] for field in _SHARE_FIELDS})
            for vote in record.get("votes", ())
        ],
        abstentions=[
            AbstentionView(agent=said["agent"], code=said["code"], detail=said["detail"])
            for said in record.get("abstentions", ())
        ],
    )
