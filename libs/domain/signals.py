"""What an analyst says: a signal with its evidence, or an abstention with its reason. Abstaining is not neutrality."""

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NewType

DatumId = NewType("DatumId", str)
"""`kind:subject:field:date:source`, e.g. `bar:600519.SH:close:2024-09-02:file`."""


class Scope(StrEnum):
    """How far a signal reaches; sector and market signals are expanded to each symbol of the round."""

    SYMBOL = "symbol"
    SECTOR = "sector"
    MARKET = "market"


class AbstainCode(StrEnum):
    """Why an agent says nothing; stable names for reports and metrics."""

    NO_DATA = "NO_DATA"
    INSUFFICIENT_HISTORY = "INSUFFICIENT_HISTORY"
    STALE_DATA = "STALE_DATA"
    SUSPENDED = "SUSPENDED"
    NO_DOCUMENTS = "NO_DOCUMENTS"
    NOT_MENTIONED = "NOT_MENTIONED"
    NO_INDUSTRY = "NO_INDUSTRY"
    NO_PEERS = "NO_PEERS"
    UNGROUNDED = "UNGROUNDED"
    UNKNOWN_INSTRUMENT = "UNKNOWN_INSTRUMENT"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    AGENT_FAILED = "AGENT_FAILED"
    AGENT_ABSENT = "AGENT_ABSENT"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a signal is about: a symbol, an industry by name, or the market (`id` is then `CN_A`)."""

    scope: Scope
    id: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """One cited datum: a value, its unit, the date it describes, and when it became public."""

    datum_id: DatumId
    source: str
    name: str
    value: float | str
    unit: str
    as_of: date
    published_at: datetime


@dataclass(frozen=True, slots=True)
class SeriesFreshness:
    """How far the newest datum used of one series lay behind the newest that was due when the signal was made."""

    series: str
    """A name of the registry of series."""
    newest: date
    age_sessions: int
    stale: bool


@dataclass(frozen=True, slots=True)
class Signal:
    """A bounded opinion. `score` −1 … 1 is direction and strength, `confidence` 0 … 1; nobody parses `rationale`."""

    subject: Subject
    score: float
    confidence: float
    horizon: str
    evidence: tuple[Evidence, ...]
    rationale: str
    data_as_of: datetime
    valid_until: datetime
    inputs_hash: str
    llm_derived: bool = False
    synthetic: bool = False
    freshness: tuple[SeriesFreshness, ...] = ()
    """Of every series the evidence comes from, by name; no part of the inputs hash."""

    def __post_init__(self) -> None:
        if not -1.0 <= self.score <= 1.0:
            raise ValueError(f"score {self.score} lies outside -1 … 1")
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence {self.confidence} lies outside 0 … 1")
        if not self.evidence:
            raise ValueError("a signal without evidence is an abstention")


@dataclass(frozen=True, slots=True)
class Abstain:
    """No opinion on a subject, and why."""

    subject: Subject
    code: AbstainCode
    detail: str = ""


def datum_id(kind: str, subject: str, field: str, day: date, source: str) -> DatumId:
    """The id under which a datum is cited."""
    return DatumId(f"{kind}:{subject}:{field}:{day.isoformat()}:{source}")


def inputs_hash(evidence: tuple[Evidence, ...]) -> str:
    """SHA-256 (hex) over the canonical JSON of the evidence: equal inputs, equal hash."""
    rows = [
        [e.datum_id, e.source, e.name, e.value, e.unit, e.as_of.isoformat(), e.published_at.isoformat()]
        for e in evidence
    ]
    canonical = json.dumps(rows, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


class NoDecisionReason(StrEnum):
    """Why a round says nothing about a symbol; stable names for records and reports."""

    BELOW_QUORUM = "BELOW_QUORUM"
    TOO_FEW_WITHOUT_LLM = "TOO_FEW_WITHOUT_LLM"
    NO_WEIGHT = "NO_WEIGHT"
