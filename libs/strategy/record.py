"""The record of a decision: what entered and what came out, as JSON that recomputes to the same bytes."""

import json
from collections.abc import Mapping
from typing import Any

from libs.domain.errors import HiddenGemError
from libs.domain.market import Symbol
from libs.domain.signals import AbstainCode, Scope, Subject
from libs.strategy.ballot import Abstention, Ballot, Vote
from libs.strategy.weighing import Decision, Share, WeighingRules, decide

RECORD_VERSION = 1

Record = dict[str, Any]
"""JSON: strings, numbers, booleans, nulls, lists and objects only."""


class UnreadableRecord(HiddenGemError):
    """A stored decision does not have the shape this version can recompute."""

    code = "strategy.unreadable_record"


def to_record(decision: Decision) -> Record:
    """The decision as it is stored."""
    return {
        "record_version": RECORD_VERSION,
        "symbol": decision.symbol,
        "rules": {
            "quorum": decision.rules.quorum,
            "quorum_without_llm": decision.rules.quorum_without_llm,
            "llm_cap": decision.rules.llm_cap,
        },
        "outcome": "NO_DECISION" if decision.score is None else "SCORED",
        "score": decision.score,
        "disagreement": decision.disagreement,
        "reasons": [reason.value for reason in decision.reasons],
        "votes": [_vote_record(share) for share in decision.shares],
        "abstentions": [
            {"agent": a.agent, "version": a.version, "code": a.code.value, "detail": a.detail}
            for a in decision.abstentions
        ],
    }


def _vote_record(share: Share) -> Record:
    vote = share.vote
    return {
        "agent": vote.agent,
        "version": vote.version,
        "default_weight": vote.default_weight,
        "earned_weight": vote.earned_weight,
        "scope": vote.subject.scope.value,
        "subject": vote.subject.id,
        "score": vote.score,
        "confidence": vote.confidence,
        "llm_derived": vote.llm_derived,
        "synthetic": vote.synthetic,
        "inputs_hash": vote.inputs_hash,
        "weight": share.weight,
        "share": share.share,
    }


def recompute(record: Mapping[str, Any]) -> Record:
    """Decide again from what entered; equal to the record unless either was changed."""
    try:
        if record["record_version"] != RECORD_VERSION:
            raise UnreadableRecord(f"record version {record['record_version']!r}; this desk reads {RECORD_VERSION}")
        ballot = Ballot(
            Symbol(record["symbol"]),
            tuple(_read_vote(vote) for vote in record["votes"]),
            tuple(_read_abstention(abstention) for abstention in record["abstentions"]),
        )
        rules = WeighingRules(**record["rules"])
    except (KeyError, TypeError, ValueError) as e:
        raise UnreadableRecord(f"a field is missing or wrong: {e}") from e
    return to_record(decide(ballot, rules))


def _read_vote(vote: Mapping[str, Any]) -> Vote:
    return Vote(
        agent=vote["agent"],
        version=vote["version"],
        default_weight=float(vote["default_weight"]),
        earned_weight=float(vote["earned_weight"]),
        subject=Subject(Scope(vote["scope"]), vote["subject"]),
        score=float(vote["score"]),
        confidence=float(vote["confidence"]),
        llm_derived=vote["llm_derived"],
        synthetic=vote["synthetic"],
        inputs_hash=vote["inputs_hash"],
    )


def _read_abstention(abstention: Mapping[str, Any]) -> Abstention:
    return Abstention(abstention["agent"], abstention["version"], AbstainCode(abstention["code"]), abstention["detail"])


def canonical(record: Mapping[str, Any]) -> bytes:
    """The bytes that are compared and hashed: sorted keys, no spaces, shortest exact floats, UTF-8."""
    return json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
