"""From answers to rows: signals, decisions and trade intents. Pure; every id follows from the round's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from libs.ashare.errors import UnknownRule
from libs.ashare.rulebook import RULEBOOK
from libs.contracts.analysis import AbstainModel, SignalModel
from libs.domain.market import Symbol
from libs.domain.signals import Abstain, AbstainCode, Scope, Subject
from libs.domain.trading import Position
from libs.storage.rounds import Round
from libs.strategy.ballot import AgentAnswer, ballots
from libs.strategy.ranked import plan
from libs.strategy.record import canonical, to_record
from libs.strategy.weighing import Decision, WeighingRules, decide
from services.orchestrator.fanout import Answer

RULES = WeighingRules()


@dataclass(frozen=True, slots=True)
class Portfolio:
    """What the strategy plans with."""

    positions: Mapping[Symbol, Position]
    equity: Decimal
    marks: Mapping[Symbol, Decimal]


def signal_rows(opened: Round, answers: Mapping[str, Answer]) -> list[dict[str, Any]]:
    """One row per signal or abstention; an agent that failed leaves one abstention that covers the market."""
    rows: list[dict[str, Any]] = []
    for agent, answer in sorted(answers.items()):
        for result in results(answer):
            subject = f"{result.subject.scope}:{result.subject.id}"
            identity = {
                "signal_id": uuid5(opened.round_id, f"signal:{agent}:{subject}"),
                "agent": agent,
                "agent_version": opened.panel[agent].version,
                "scope": result.subject.scope.value,
                "subject_id": result.subject.id,
            }
            rows.append(identity | (_signal(result) if isinstance(result, SignalModel) else _abstention(result)))
    return rows


def results(answer: Answer) -> Sequence[SignalModel | AbstainModel]:
    """What an agent said; an agent that failed has abstained from the whole market."""
    return answer.result.results if answer.result else [AbstainModel.from_domain(_abstain(answer))]


def decisions(
    opened: Round, answers: Mapping[str, Answer], industries: Mapping[Symbol, str | None]
) -> tuple[Decision, ...]:
    """One decision per symbol of the round."""
    said = [
        AgentAnswer(
            agent=agent,
            version=opened.panel[agent].version,
            default_weight=opened.panel[agent].weight,
            results=tuple(result.to_domain() for result in results(answer)),
        )
        for agent, answer in sorted(answers.items())
    ]
    return tuple(decide(ballot, RULES) for ballot in ballots(opened.symbols, said, industries))


def decision_rows(opened: Round, decided: tuple[Decision, ...]) -> list[dict[str, Any]]:
    """The decisions as stored, each with its complete record."""
    return [
        {
            "decision_id": decision_id(opened.round_id, decision.symbol),
            "symbol": decision.symbol,
            "outcome": "NO_DECISION" if decision.score is None else "SCORED",
            "score": decision.score,
            "disagreement": decision.disagreement,
            "quorum": len(decision.shares),
            "reasons": [reason.value for reason in decision.reasons],
            "record": canonical(to_record(decision)).decode(),
        }
        for decision in decided
    ]


def intent_rows(opened: Round, decided: tuple[Decision, ...], portfolio: Portfolio) -> list[dict[str, Any]]:
    """What the strategy wishes for the next session, and what it had to refuse."""
    planned = plan(
        {decision.symbol: decision.score for decision in decided},
        portfolio.positions,
        equity=portfolio.equity,
        marks=portfolio.marks,
        session=_next_session(opened.session),
    )
    wishes = [(i.symbol, i.side, i.quantity, "RESTING", None) for i in planned.intents]
    refusals = [(r.symbol, r.side, 0, "REFUSED", r.reason.value) for r in planned.refusals]
    return [
        {
            "intent_id": uuid5(opened.round_id, f"intent:{symbol}:{side}"),
            "decision_id": decision_id(opened.round_id, symbol),
            "symbol": symbol,
            "side": side.value,
            "quantity": quantity,
            "status": status,
            "reason": reason,
        }
        for symbol, side, quantity, status, reason in (*wishes, *refusals)
    ]


def decision_id(round_id: UUID, symbol: Symbol) -> UUID:
    """The id of the decision on one symbol of a round."""
    return uuid5(round_id, f"decision:{symbol}")


def _next_session(session: date) -> date:
    """When the intents of this round are traded: what was bought today may be sold then (T+1)."""
    try:
        return RULEBOOK.calendar.next_session(session)
    except UnknownRule:
        return session


def _signal(signal: SignalModel) -> dict[str, Any]:
    return {
        "kind": "signal",
        **signal.model_dump(mode="json", exclude={"kind", "subject", "synthetic"}),
    }


def _abstention(abstain: AbstainModel) -> dict[str, Any]:
    return {"kind": "abstain", "abstain_code": abstain.code.value, "abstain_detail": abstain.detail}


def _abstain(answer: Answer) -> Abstain:
    late = answer.error_code == "bus.deadline_exceeded"
    code = AbstainCode.DEADLINE_EXCEEDED if late else AbstainCode.AGENT_FAILED
    return Abstain(Subject(Scope.MARKET, "CN_A"), code, answer.error_code or "")
