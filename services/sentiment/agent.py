"""The sentiment analyst: what recent news say of a company, by lexicon; silence is an abstention."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.domain.market import Symbol
from libs.domain.signals import Abstain, AbstainCode, Signal
from libs.runtime.analyst import BaseAgent
from libs.runtime.evidence import Citations, Origin, about, abstain, weighted
from libs.storage.documents_read import Document, documents
from libs.storage.instruments_read import ListedInstrument, instruments
from libs.storage.snapshot import Snapshot
from services.sentiment.lexicon import tone_of
from services.sentiment.mentions import clauses_about, company

_WINDOW = timedelta(days=10)
_HALF_LIFE_DAYS = 3.0
_SECONDS_A_DAY = 86_400
_MOST_CITED = 8
_SHRINK = 1.5


@dataclass(frozen=True, slots=True)
class _Mention:
    document: Document
    polarity: float
    weight: float


class SentimentAgent(BaseAgent):
    """Tone of the news that name a company, newer ones first."""

    name = "sentiment"
    default_weight = 0.6
    horizon = "3-5 sessions"
    valid_days = 4

    def judge(self, tx: Snapshot, symbols: Sequence[Symbol], as_of: datetime) -> list[Signal | Abstain]:
        """One result per symbol, from one reading of the news."""
        news = documents(tx, "news", since=as_of - _WINDOW, as_of=as_of)
        if not news:
            return [abstain(symbol, AbstainCode.NO_DOCUMENTS, "no news of the last days") for symbol in symbols]
        listed = instruments(tx, symbols, as_of)
        return self.each(symbols, lambda symbol: self._one(symbol, listed.get(symbol), news, as_of))

    def _one(
        self, symbol: Symbol, listed: ListedInstrument | None, news: Sequence[Document], as_of: datetime
    ) -> Signal | Abstain:
        if listed is None:
            return abstain(symbol, AbstainCode.UNKNOWN_INSTRUMENT, "no list says its name")
        named, mentions = _mentions(listed, news, as_of)
        if not named:
            return abstain(symbol, AbstainCode.NOT_MENTIONED, f"no news names {listed.name}")
        if not mentions:
            return abstain(symbol, AbstainCode.NOT_MENTIONED, f"news name {listed.name} without a word of tone")
        total = sum(mention.weight for mention in mentions)
        mean = weighted((mention.weight, mention.polarity) for mention in mentions)
        citations = Citations()
        rationale = _rationale(citations, listed, named, mentions)
        score, confidence = mean * total / (total + _SHRINK), 0.1 + 0.25 * total / (total + 2 * _SHRINK)
        return citations.signal(about(symbol), score, confidence, rationale, self.outlook(as_of))


def _mentions(listed: ListedInstrument, news: Sequence[Document], as_of: datetime) -> tuple[int, list[_Mention]]:
    """How many texts name the company, and those that say something of it."""
    subject = company(listed.symbol, listed.name)
    named = 0
    found: list[_Mention] = []
    for text in news:
        clauses = clauses_about(f"{text.title}。{text.body}", subject)
        named += bool(clauses)
        tone = tone_of("。".join(clauses))
        if tone.words:
            age_days = max(0.0, (as_of - text.published_at).total_seconds() / _SECONDS_A_DAY)
            found.append(_Mention(text, tone.polarity, 0.5 ** (age_days / _HALF_LIFE_DAYS)))
    return named, found


def _rationale(citations: Citations, listed: ListedInstrument, named: int, mentions: Sequence[_Mention]) -> str:
    newest = mentions[0].document
    origin = Origin("news", listed.symbol, newest.session_date, newest.source, newest.published_at, newest.synthetic)
    tones = ", ".join(_cited(citations, mention) for mention in mentions[:_MOST_CITED])
    name = citations.cite(origin, "name", listed.name, "text")
    text = (
        f"Texts that name {name}: {citations.cite(origin, 'mentions', named, 'count')}, "
        f"with tone: {citations.cite(origin, 'with_tone', len(mentions), 'count')}; the newest: {tones}."
    )
    if listed.name_as_of > newest.session_date:
        since = citations.cite(origin, "name_backdated", listed.name_as_of.isoformat(), "text")
        text += f" The name is from a list of {since}."
    return text


def _cited(citations: Citations, mention: _Mention) -> str:
    text = mention.document
    origin = Origin("news", text.document_id[:16], text.session_date, text.source, text.published_at, text.synthetic)
    return citations.cite(origin, "polarity", mention.polarity, "score")
