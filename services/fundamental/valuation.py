"""From multiples to a valuation score: cheap is positive. Pure arithmetic.

Each multiple stands somewhere in the share's own history and among its industry peers; the mean of both standings
counts. A multiple that is negative or missing says nothing about price and is left out; a loss lowers the score.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from libs.runtime.evidence import bounded, weighted
from libs.storage.valuations_read import Multiple

FEWEST_SESSIONS = 250
FEWEST_PEERS = 5
_WEIGHTS = {"pe_ttm": 0.45, "pb_mrq": 0.35, "ps_ttm": 0.20}
_LOSS_PENALTY = 0.25
_REACH = 0.8


@dataclass(frozen=True, slots=True)
class Standing:
    """One multiple: its value, and the part of its history and of its peers that is cheaper (0 … 1)."""

    name: str
    value: float
    in_history: float | None
    among_peers: float | None

    @property
    def known(self) -> tuple[float, ...]:
        """The standings there are."""
        return tuple(part for part in (self.in_history, self.among_peers) if part is not None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A valuation score and how far to trust it."""

    score: float
    confidence: float


def standing(name: str, multiple: Multiple, peers: Sequence[float | None]) -> Standing | None:
    """Where a multiple stands; None where it is negative, missing or without anything to compare with."""
    value = multiple.value
    if value is None or value <= 0:
        return None
    positive = [peer for peer in peers if peer is not None and peer > 0]
    found = Standing(
        name=name,
        value=value,
        in_history=multiple.history_below / multiple.history if multiple.history >= FEWEST_SESSIONS else None,
        among_peers=sum(peer < value for peer in positive) / len(positive) if len(positive) >= FEWEST_PEERS else None,
    )
    return found if found.known else None


def value(standings: Sequence[Standing], *, loss: bool) -> Verdict:
    """Score and confidence of what is known; `loss` says that twelve months' earnings are negative."""
    parts = [(_WEIGHTS[s.name], 1 - 2 * sum(s.known) / len(s.known)) for s in standings]
    coverage = sum(weight for weight, _ in parts)
    both = sum(weight for (weight, _), s in zip(parts, standings, strict=True) if len(s.known) == 2)
    score = _REACH * weighted(parts) - (_LOSS_PENALTY if loss else 0.0)
    return Verdict(bounded(score), bounded(0.2 + 0.25 * coverage + 0.2 * both, 0.0, 1.0))
