"""From votes to a decision: `weight = default × earned × confidence` over those that answered.

Nothing is decided below quorum. Signals derived from a language model together weigh at most `llm_cap` of
the whole and never turn the sign of the rest. The arithmetic does not depend on the order of arrival
(`math.fsum` over agents by name), so that a decision recomputed from its record is the same to the byte.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from libs.domain.market import Symbol
from libs.domain.signals import NoDecisionReason
from libs.strategy.ballot import Abstention, Ballot, Vote


@dataclass(frozen=True, slots=True)
class WeighingRules:
    """What a decision needs; stored with it."""

    quorum: int = 3
    """Distinct agents that must answer."""
    quorum_without_llm: int = 2
    """How many of them must answer without a language model."""
    llm_cap: float = 0.30
    """Largest share of the weight that LLM-derived signals have together."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one vote weighed: `weight` after the cap, and its part of the whole."""

    vote: Vote
    weight: float
    share: float


@dataclass(frozen=True, slots=True)
class Decision:
    """What the round says about one symbol. Without a score it is a NO_DECISION and `reasons` say why."""

    symbol: Symbol
    score: float | None
    disagreement: float | None
    reasons: tuple[NoDecisionReason, ...]
    shares: tuple[Share, ...]
    abstentions: tuple[Abstention, ...]
    rules: WeighingRules


def decide(ballot: Ballot, rules: WeighingRules) -> Decision:
    """Weigh what was said about one symbol."""
    shares = _shares(ballot.votes, rules.llm_cap)
    reasons = _reasons(ballot.votes, shares, rules)
    score = disagreement = None
    if not reasons:
        score = _guarded_mean(shares)
        disagreement = _deviation(shares)
    return Decision(ballot.symbol, score, disagreement, reasons, shares, ballot.abstentions, rules)


def _reasons(votes: Sequence[Vote], shares: Sequence[Share], rules: WeighingRules) -> tuple[NoDecisionReason, ...]:
    found: list[NoDecisionReason] = []
    if len(votes) < rules.quorum:
        found.append(NoDecisionReason.BELOW_QUORUM)
    if sum(not vote.llm_derived for vote in votes) < rules.quorum_without_llm:
        found.append(NoDecisionReason.TOO_FEW_WITHOUT_LLM)
    if not found and not math.fsum(share.weight for share in shares) > 0:
        found.append(NoDecisionReason.NO_WEIGHT)
    return tuple(found)


def _shares(votes: Sequence[Vote], llm_cap: float) -> tuple[Share, ...]:
    raw = [vote.default_weight * vote.earned_weight * vote.confidence for vote in votes]
    factor = _llm_factor(votes, raw, llm_cap)
    weights = [weight * factor if vote.llm_derived else weight for vote, weight in zip(votes, raw, strict=True)]
    total = math.fsum(weights)
    return tuple(
        Share(vote, weight, weight / total if total > 0 else 0.0) for vote, weight in zip(votes, weights, strict=True)
    )


def _llm_factor(votes: Sequence[Vote], raw: Sequence[float], cap: float) -> float:
    """By how much LLM-derived weight shrinks so that its share of the whole is at most `cap`."""
    llm = math.fsum(weight for vote, weight in zip(votes, raw, strict=True) if vote.llm_derived)
    rest = math.fsum(weight for vote, weight in zip(votes, raw, strict=True) if not vote.llm_derived)
    if llm <= 0 or llm <= cap * (llm + rest):
        return 1.0
    return rest * cap / (1.0 - cap) / llm


def _guarded_mean(shares: Sequence[Share]) -> float:
    mean = _mean(shares)
    rest = [share for share in shares if not share.vote.llm_derived]
    if len(rest) == len(shares):
        return mean
    without = _mean(rest)
    return 0.0 if mean * without < 0 or without == 0 else mean


def _mean(shares: Sequence[Share]) -> float:
    total = math.fsum(share.weight for share in shares)
    if not total > 0:
        return 0.0
    mean = math.fsum(share.weight * share.vote.score for share in shares) / total
    return min(1.0, max(-1.0, mean)) + 0.0  # never −0.0: records are compared to the byte


def _deviation(shares: Sequence[Share]) -> float:
    mean = _mean(shares)
    total = math.fsum(share.weight for share in shares)
    return math.sqrt(math.fsum(share.weight * (share.vote.score - mean) ** 2 for share in shares) / total)
