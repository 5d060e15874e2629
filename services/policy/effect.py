"""What the measures of the last weeks amount to, for one industry or for the market. Pure arithmetic."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.storage.documents_read import Document
from services.policy.measures import Measure

_SECONDS_A_DAY = 86_400
_FAINT = 0.05
# Official texts announce support far more often than restraint: several measures at once are the ordinary case and
# must not look extreme.
_OWN_PART = 0.5
_MARKET_PART = 0.3


@dataclass(frozen=True, slots=True)
class Effect:
    """A measure, the document that says it most strongly now, and its strength after decay."""

    measure: Measure
    document: Document
    strength: float


def effects(found: Iterable[tuple[Document, Measure]], as_of: datetime) -> tuple[Effect, ...]:
    """One effect per measure, strongest first; repeating a measure renews it and does not add it up."""
    strongest: dict[str, Effect] = {}
    for document, measure in found:
        age_days = max(0.0, (as_of - document.published_at).total_seconds() / _SECONDS_A_DAY)
        strength = measure.strength * 0.5 ** (age_days / measure.half_life_days)
        known = strongest.get(measure.id)
        if abs(strength) >= _FAINT and (known is None or abs(strength) > abs(known.strength)):
            strongest[measure.id] = Effect(measure, document, strength)
    return tuple(sorted(strongest.values(), key=lambda effect: (-abs(effect.strength), effect.measure.id)))


def on_market(all_effects: Sequence[Effect]) -> tuple[Effect, ...]:
    """The effects on every share."""
    return tuple(effect for effect in all_effects if not effect.measure.industries)


def on_industry(all_effects: Sequence[Effect], industry: str) -> tuple[Effect, ...]:
    """The effects on one industry alone."""
    return tuple(effect for effect in all_effects if industry in effect.measure.industries)


def market_score(effects_on_market: Sequence[Effect]) -> float:
    """−1 … 1 for the whole market."""
    return math.tanh(_MARKET_PART * math.fsum(effect.strength for effect in effects_on_market))


def industry_score(effects_on_industry: Sequence[Effect], effects_on_market: Sequence[Effect]) -> float:
    """−1 … 1 for one industry; what touches the market touches it too."""
    own = math.fsum(effect.strength for effect in effects_on_industry)
    return math.tanh(_OWN_PART * own + _MARKET_PART * math.fsum(effect.strength for effect in effects_on_market))
