"""Every number an analyst says cites a datum. Rationale text is written from citations, never beside them.

Values are rounded before they are stored, so that a signal's bytes do not depend on the last bit of a sum.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import ClassVar

from libs.ashare.calendar import CALENDAR
from libs.domain.clock import SHANGHAI, exchange_date
from libs.domain.market import Symbol
from libs.domain.signals import (
    Abstain,
    AbstainCode,
    DatumId,
    Evidence,
    Scope,
    SeriesFreshness,
    Signal,
    Subject,
    datum_id,
    inputs_hash,
)
from libs.marketdata.series import freshness, require_alive, series_named, series_of_evidence

BARS_PUBLIC = time(15, 30)
"""When bars and valuations of a session are public, in Shanghai."""

MARKET = Subject(Scope.MARKET, "CN_A")
"""The A-share market as a whole."""

_DECIMALS = 6
_FORMATS = {
    "CNY": "{:.2f} CNY",
    "percent": "{:.1f} %",
    "times": "{:.2f}",
    "points": "{:.2f}",
    "count": "{:.0f}",
    "score": "{:+.2f}",
    "sessions": "{:.0f}",
    "text": "{}",
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a datum comes from: `kind` and `subject` name it, `day` is what it describes."""

    kind: str
    subject: str
    day: date
    source: str
    published_at: datetime
    synthetic: bool = False


@dataclass(frozen=True, slots=True)
class Outlook:
    """For when a signal is meant: its horizon in words, and how long it stays valid after `as_of`."""

    as_of: datetime
    horizon: str
    valid_days: int


class Citations:
    """Collects the evidence of one signal and gives each datum's text for the rationale."""

    units: ClassVar[frozenset[str]] = frozenset(_FORMATS)

    def __init__(self) -> None:
        self._evidence: dict[DatumId, Evidence] = {}
        self._newest: dict[str, date] = {}
        self._synthetic = False

    def cite(self, origin: Origin, field: str, value: float | str, unit: str) -> str:
        """Add a datum and return it as the rationale says it; `unit` is one of `Citations.units`.

        Raises `SeriesUnavailable` for a datum of a day that its series has no values for.
        """
        series = require_alive(series_of_evidence(origin.kind, field).name, origin.day).name
        self._newest[series] = max(origin.day, self._newest.get(series, origin.day))
        stored = value if isinstance(value, str) else round(float(value), _DECIMALS) + 0.0
        key = datum_id(origin.kind, origin.subject, field, origin.day, origin.source)
        self._evidence[key] = Evidence(
            datum_id=key,
            source=origin.source,
            name=field,
            value=stored,
            unit=unit,
            as_of=origin.day,
            published_at=origin.published_at,
        )
        self._synthetic = self._synthetic or origin.synthetic
        text = _FORMATS[unit].format(stored)
        return text if isinstance(stored, str) else _unsigned_zero(text)

    def signal(self, subject: Subject, score: float, confidence: float, rationale: str, outlook: Outlook) -> Signal:
        """The finished signal: bounded, rounded, hashed over what it cites."""
        evidence = tuple(self._evidence.values())
        return Signal(
            subject=subject,
            score=bounded(score, -1.0, 1.0),
            confidence=bounded(confidence, 0.0, 1.0),
            horizon=outlook.horizon,
            evidence=evidence,
            rationale=rationale,
            data_as_of=max(item.published_at for item in evidence),
            valid_until=outlook.as_of + timedelta(days=outlook.valid_days),
            inputs_hash=inputs_hash(evidence),
            synthetic=self._synthetic,
            freshness=self._freshness(outlook.as_of),
        )

    def _freshness(self, as_of: datetime) -> tuple[SeriesFreshness, ...]:
        """Seen from `as_of`, so that a replay says the same as the day itself."""
        found = [
            (newest, freshness(series_named(name), newest, as_of)) for name, newest in sorted(self._newest.items())
        ]
        return tuple(SeriesFreshness(f.series, newest, f.age_sessions or 0, f.stale) for newest, f in found)


def _unsigned_zero(text: str) -> str:
    return text if text.strip("+-0. %CNY") else text.lstrip("+-")


def bounded(value: float, low: float = -1.0, high: float = 1.0) -> float:
    """`value` inside its bounds, to four decimals; never −0.0."""
    return round(min(high, max(low, float(value))), 4) + 0.0


def about(symbol: Symbol) -> Subject:
    """The subject of a signal on one symbol."""
    return Subject(Scope.SYMBOL, symbol)


def abstain(symbol: Symbol, code: AbstainCode, detail: str = "") -> Abstain:
    """No opinion on one symbol, and why."""
    return Abstain(about(symbol), code, detail)


def weighted(parts: Iterable[tuple[float, float]]) -> float:
    """Σ weight·value / Σ weight over (weight, value) pairs; 0 without weight."""
    pairs = tuple(parts)
    total = sum(weight for weight, _ in pairs)
    return sum(weight * value for weight, value in pairs) / total if total > 0 else 0.0


def public_session(as_of: datetime) -> date:
    """The last session whose bars were public at `as_of`."""
    day = exchange_date(as_of)
    if CALENDAR.is_session(day) and as_of.astimezone(SHANGHAI).time() >= BARS_PUBLIC:
        return day
    return CALENDAR.previous_session(day)
