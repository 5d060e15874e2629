"""The finance lexicon and the tone of a piece of text by it: longest words first, negations turn what follows."""

import math
import re
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Words and their tone, −1 … 1, with what turns them."""

    tone: dict[str, float]
    words: re.Pattern[str]
    negation: re.Pattern[str]
    harmless: re.Pattern[str]
    reach: int
    speakers: tuple[str, ...]
    continuations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tone:
    """The tone of a text, −1 … 1, and how many words it stands on."""

    polarity: float
    words: int


@lru_cache(maxsize=8192)
def tone_of(text: str) -> Tone:
    """The tone of a text; without a word of the lexicon it has none."""
    total, count = 0.0, 0
    for match in LEXICON.words.finditer(text):
        before = text[max(0, match.start() - LEXICON.reach) : match.start()]
        turned = LEXICON.negation.search(LEXICON.harmless.sub("", before)) is not None
        weight = LEXICON.tone[match.group()]
        total += -weight if turned else weight
        count += 1
    return Tone(math.tanh(total) if count else 0.0, count)


def _load() -> Lexicon:
    raw = tomllib.loads(Path(__file__).with_name("lexicon.toml").read_text(encoding="utf-8"))
    tone = {str(word): float(weight) for word, weight in raw["tone"].items()}
    if any(not -1.0 <= weight <= 1.0 for weight in tone.values()):
        raise ValueError("lexicon.toml: a tone lies outside -1 … 1")
    return Lexicon(
        tone=tone,
        words=_any_of(tone),
        negation=_any_of(raw["negations"]),
        harmless=_any_of(raw["harmless"]),
        reach=int(raw["reach"]),
        speakers=tuple(raw["speakers"]),
        continuations=tuple(raw["continuations"]),
    )


def _any_of(words: dict[str, float] | list[str]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word))))


LEXICON = _load()
"""The desk's lexicon."""
