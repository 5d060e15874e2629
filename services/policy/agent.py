"""The policy analyst: documents to measures to industries; wider than a symbol, and said so."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from libs.domain.clock import exchange_date
from libs.domain.market import Symbol
from libs.domain.signals import Abstain, AbstainCode, Scope, Signal, Subject
from libs.runtime.analyst import BaseAgent
from libs.runtime.evidence import MARKET, Citations, Origin, abstain
from libs.storage.documents_read import Document, documents
from libs.storage.instruments_read import ListedInstrument, instruments
from libs.storage.snapshot import Snapshot
from services.policy.effect import Effect, effects, industry_score, market_score, on_industry, on_market
from services.policy.measures import measures_in

_WINDOW = timedelta(days=45)
_BRIEFING_SECTIONS = ("宏观", "热点聚焦", "点聚聚焦")


class PolicyAgent(BaseAgent):
    """A result per industry that a measure touches, else the market's; symbols without either abstain."""

    name = "policy"
    default_weight = 0.8
    horizon = "10-20 sessions"

    def judge(self, tx: Snapshot, symbols: Sequence[Symbol], as_of: datetime) -> list[Signal | Abstain]:
        """Sector results for the industries of these symbols, one market result for the others."""
        texts = _texts(tx, as_of)
        if not texts:
            return [abstain(symbol, AbstainCode.NO_DOCUMENTS, "no policy text of the last weeks") for symbol in symbols]
        all_effects = effects(((text, m) for text in texts for m in measures_in(text)), as_of)
        listed = instruments(tx, symbols, as_of)
        return [self._one(symbol, listed.get(symbol), all_effects, as_of) for symbol in symbols]

    def _one(
        self, symbol: Symbol, listed: ListedInstrument | None, all_effects: Sequence[Effect], as_of: datetime
    ) -> Signal | Abstain:
        industry = listed.industry if listed is not None else None
        wide = on_market(all_effects)
        own = on_industry(all_effects, industry) if industry is not None else ()
        if listed is not None and industry is not None and own:
            subject = Subject(Scope.SECTOR, industry)
            return self._signal(subject, industry_score(own, wide), (*own, *wide), as_of, listed.industry_as_of)
        if wide:
            return self._signal(MARKET, market_score(wide), wide, as_of, None)
        if industry is None:
            return abstain(symbol, AbstainCode.NO_INDUSTRY, "no list says its industry")
        return abstain(symbol, AbstainCode.NOT_MENTIONED, f"no measure touches {industry}")

    def _signal(
        self, subject: Subject, score: float, counted: Sequence[Effect], as_of: datetime, list_date: date | None
    ) -> Signal:
        """`list_date` is that of the list which puts shares into the industry."""
        citations = Citations()
        reach = "the market" if subject.scope is Scope.MARKET else subject.id
        said = ", ".join(_cited(citations, effect) for effect in counted)
        confidence = 0.2 + 0.05 * min(4, len(counted))
        rationale = f"Policy on {reach} (strength after decay): {said}."
        if list_date is not None and list_date > exchange_date(as_of):
            said = citations.cite(_origin(counted[0]), "industry_backdated", list_date.isoformat(), "text")
            rationale += f" The industry is from a list of {said}."
        return citations.signal(subject, score, confidence, rationale, self.outlook(as_of))


def _texts(tx: Snapshot, as_of: datetime) -> tuple[Document, ...]:
    since = as_of - _WINDOW
    return (
        *documents(tx, "policy", since=since, as_of=as_of),
        *documents(tx, "news", since=since, as_of=as_of, sections=_BRIEFING_SECTIONS),
    )


def _cited(citations: Citations, effect: Effect) -> str:
    return f"{effect.measure.label} {citations.cite(_origin(effect), effect.measure.id, effect.strength, 'score')}"


def _origin(effect: Effect) -> Origin:
    text = effect.document
    return Origin(text.kind, text.document_id[:16], text.session_date, text.source, text.published_at, text.synthetic)
