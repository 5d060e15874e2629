"""The dated mapping from phrases of policy texts to measures, and what a document says by it."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from libs.storage.documents_read import Document

_SENTENCES = re.compile(r"[。；！？\n]")
_FOREIGN_NEWS = "国际"


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing policy can do. Without industries it touches the whole market."""

    id: str
    label: str
    phrases: tuple[str, ...]
    requires: tuple[str, ...]
    excludes: tuple[str, ...]
    industries: tuple[str, ...]
    strength: float
    half_life_days: float
    effective_from: date
    effective_to: date | None

    def known_on(self, day: date) -> bool:
        """Whether the row counts for a document of `day`."""
        return self.effective_from <= day and (self.effective_to is None or day <= self.effective_to)

    def said_in(self, sentence: str) -> bool:
        """Whether a sentence names the measure."""
        return (
            any(phrase in sentence for phrase in self.phrases)
            and (not self.requires or any(word in sentence for word in self.requires))
            and not any(word in sentence for word in self.excludes)
        )


@dataclass(frozen=True, slots=True)
class MeasureTable:
    """All measures, and the words that decide whether a sentence counts at all."""

    measures: tuple[Measure, ...]
    authorities: tuple[str, ...]
    foreign: tuple[str, ...]
    speculation: tuple[str, ...]
    negations: tuple[str, ...]


def measures_in(document: Document) -> tuple[Measure, ...]:
    """What a document announces, by the rows known on its day.

    A briefing counts only where it names an authority and does not speculate; foreign news never counts.
    """
    text = f"{document.title}。{document.body}"
    by_authority = document.kind == "policy" or any(name in text for name in TABLE.authorities)
    if not by_authority or document.title.startswith(_FOREIGN_NEWS):
        return ()
    said = _said(text, document.kind == "news")
    return tuple(measure for measure in said if measure.known_on(document.session_date))


@lru_cache(maxsize=8192)
def _said(text: str, is_briefing: bool) -> tuple[Measure, ...]:
    candidates = [m for m in TABLE.measures if any(phrase in text for phrase in m.phrases)]
    if not candidates:
        return ()
    sentences = [s for s in _SENTENCES.split(text) if _counts(s, is_briefing=is_briefing)]
    return tuple(measure for measure in candidates if any(measure.said_in(s) for s in sentences))


def _counts(sentence: str, *, is_briefing: bool) -> bool:
    stopped = (*TABLE.foreign, *TABLE.negations, *(TABLE.speculation if is_briefing else ()))
    return not any(word in sentence for word in stopped)


def _load() -> MeasureTable:
    raw = tomllib.loads(Path(__file__).with_name("measures.toml").read_text(encoding="utf-8"))
    measures = (*(_measure(row) for row in raw["measure"]), *_of_sectors(raw["sector"]))
    if len({measure.id for measure in measures}) != len(measures):
        raise ValueError("measures.toml: an id appears twice")
    return MeasureTable(
        measures,
        tuple(raw["authorities"]),
        tuple(raw["foreign"]),
        tuple(raw["speculation"]),
        tuple(raw["negations"]),
    )


def _measure(row: dict[str, Any]) -> Measure:
    industries = tuple(row.get("industries", ()))
    if bool(industries) == row.get("market", False):
        raise ValueError(f"measures.toml: {row['id']} touches either industries or the market")
    return Measure(
        id=row["id"],
        label=row["label"],
        phrases=tuple(row["phrases"]),
        requires=tuple(row.get("requires", ())),
        excludes=tuple(row.get("excludes", ())),
        industries=industries,
        strength=float(row["strength"]),
        half_life_days=float(row["half_life_days"]),
        effective_from=row["effective_from"],
        effective_to=row.get("effective_to"),
    )


def _of_sectors(raw: dict[str, Any]) -> Iterator[Measure]:
    """Support and restraint of each industry by its name; no row of the table has to foresee them."""
    for industry, words in raw["words"].items():
        common = {
            "phrases": [f"{industry}行业", *words],
            "industries": [industry],
            "half_life_days": raw["half_life_days"],
            "effective_from": raw["effective_from"],
        }
        support, restraint = raw["support"], raw["restraint"]
        yield _measure(
            {
                **common,
                "id": f"support_{industry}",
                "label": "support of the industry",
                "strength": raw["strength"],
                "requires": support,
                "excludes": restraint,
            }
        )
        yield _measure(
            {
                **common,
                "id": f"restraint_{industry}",
                "label": "restraint of the industry",
                "strength": -raw["strength"],
                "requires": restraint,
            }
        )


TABLE = _load()
"""The desk's table."""
