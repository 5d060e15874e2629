"""The question every analyst answers: what do you think of these symbols, knowing only what was public at `as_of`?"""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field

from libs.contracts.base import Command, Nothing, Text, Tool
from libs.domain import signals as domain

SymbolText = Annotated[str, Field(pattern=r"^[0-9]{6}\.(SH|SZ|BJ)$", examples=["600519.SH"])]


class AnalyzeRequest(Command):
    """Symbols to judge and the instant whose knowledge counts."""

    symbols: Annotated[list[SymbolText], Field(min_length=1, max_length=5000)]
    as_of: AwareDatetime


class SubjectModel(Command):
    """What a signal is about."""

    scope: domain.Scope
    id: Text


class EvidenceModel(Command):
    """One cited datum."""

    datum_id: Text
    source: Text
    name: Text
    value: float | Text
    unit: Text
    as_of: date
    published_at: AwareDatetime


class FreshnessModel(Command):
    """How old the newest datum used of one series was when the signal was made."""

    series: Text
    newest: date
    age_sessions: Annotated[int, Field(ge=0)]
    stale: bool


class SignalModel(Command):
    """A signal on the wire; see `libs.domain.signals.Signal`."""

    kind: Literal["signal"] = "signal"
    subject: SubjectModel
    score: Annotated[float, Field(ge=-1, le=1)]
    confidence: Annotated[float, Field(ge=0, le=1)]
    horizon: Text
    evidence: Annotated[list[EvidenceModel], Field(min_length=1)]
    rationale: Text
    data_as_of: AwareDatetime
    valid_until: AwareDatetime
    inputs_hash: Text
    llm_derived: bool = False
    synthetic: bool = False
    freshness: Annotated[list[FreshnessModel], Field(default_factory=list)]

    @classmethod
    def from_domain(cls, signal: domain.Signal) -> Self:
        return cls(
            subject=SubjectModel(scope=signal.subject.scope, id=signal.subject.id),
            score=signal.score,
            confidence=signal.confidence,
            horizon=signal.horizon,
            evidence=[
                EvidenceModel(
                    datum_id=e.datum_id,
                    source=e.source,
                    name=e.name,
                    value=e.value,
                    unit=e.unit,
                    as_of=e.as_of,
                    published_at=e.published_at,
                )
                for e in signal.evidence
            ],
            rationale=signal.rationale,
            data_as_of=signal.data_as_of,
            valid_until=signal.valid_until,
            inputs_hash=signal.inputs_hash,
            llm_derived=signal.llm_derived,
            synthetic=signal.synthetic,
            freshness=[
                FreshnessModel(series=f.series, newest=f.newest, age_sessions=f.age_sessions, stale=f.stale)
                for f in signal.freshness
            ],
        )

    def to_domain(self) -> domain.Signal:
        return domain.Signal(
            subject=domain.Subject(self.subject.scope, self.subject.id),
            score=self.score,
            confidence=self.confidence,
            horizon=self.horizon,
            evidence=tuple(
                domain.Evidence(
                    datum_id=domain.DatumId(e.datum_id),
                    source=e.source,
                    name=e.name,
                    value=e.value,
                    unit=e.unit,
                    as_of=e.as_of,
                    published_at=e.published_at,
                )
                for e in self.evidence
            ),
            rationale=self.rationale,
            data_as_of=self.data_as_of,
            valid_until=self.valid_until,
            inputs_hash=self.inputs_hash,
            llm_derived=self.llm_derived,
            synthetic=self.synthetic,
            freshness=tuple(
                domain.SeriesFreshness(f.series, f.newest, f.age_sessions, f.stale) for f in self.freshness
            ),
        )


class AbstainModel(Command):
    """An abstention on the wire."""

    kind: Literal["abstain"] = "abstain"
    subject: SubjectModel
    code: domain.AbstainCode
    detail: Text = ""

    @classmethod
    def from_domain(cls, abstain: domain.Abstain) -> Self:
        subject = SubjectModel(scope=abstain.subject.scope, id=abstain.subject.id)
        return cls(subject=subject, code=abstain.code, detail=abstain.detail)

    def to_domain(self) -> domain.Abstain:
        return domain.Abstain(domain.Subject(self.subject.scope, self.subject.id), self.code, self.detail)


class AnalyzeResult(Command):
    """Exactly one signal or abstention per subject asked; sector and market signals may stand for many symbols."""

    results: list[Annotated[SignalModel | AbstainModel, Field(discriminator="kind")]]


class AgentStatus(Command):
    """How an agent instance sees itself."""

    agent: str
    instance: str
    version: str
    answered: int
    abstained: int
    failed: int
    last_as_of: AwareDatetime | None = None


ANALYZE = Tool(
    "analyze",
    "Judge symbols with what was public at as_of; one signal or abstention per subject.",
    AnalyzeRequest,
    AnalyzeResult,
)
STATUS = Tool("status", "How this agent is doing.", Nothing, AgentStatus)
