"""Where a text speaks of a company, and of nothing else: the clause that counts."""

import re
import unicodedata
from dataclasses import dataclass

from libs.domain.market import Symbol
from services.sentiment.lexicon import LEXICON

_SENTENCES = re.compile(r"[。！？；\n]")
_CLAUSES = re.compile(r"[，、,：]")
_SHORT_SENTENCE = 60
_MARKS = re.compile(
    r"^(\*?ST|S\*?ST|N|C|XD|XR|DR)(?=[\u4e00-\u9fff])"  # treatment, new listing, ex-date
    r"|-(U|W|UW|D|WD)$|(?<=[\u4e00-\u9fff])[AB](\(退\))?$|\(退\)$"  # kind of share, delisted since
)


@dataclass(frozen=True, slots=True)
class Company:
    """How news call a company: its short name without marks, or its code."""

    symbol: Symbol
    name: str
    pattern: re.Pattern[str]


def company(symbol: Symbol, listed_name: str) -> Company:
    """The company of a symbol; marks of treatment and share class are not part of a name."""
    name = _MARKS.sub("", unicodedata.normalize("NFKC", listed_name).replace(" ", ""))
    after = "|".join(re.escape(word) for word in (*LEXICON.speakers, *LEXICON.continuations))
    code = symbol.partition(".")[0]
    return Company(symbol, name, re.compile(rf"{re.escape(name)}(?!{after})|(?<!\d){code}(?!\d)"))


def clauses_about(text: str, about: Company) -> tuple[str, ...]:
    """The pieces of `text` that speak of the company: whole short sentences, of long ones the clause and the next."""
    code = about.symbol.partition(".")[0]
    if about.name not in text and code not in text:
        return ()
    return tuple(
        sentence if len(sentence) <= _SHORT_SENTENCE else _around(sentence, about)
        for sentence in _SENTENCES.split(text)
        if about.pattern.search(sentence)
    )


def _around(sentence: str, about: Company) -> str:
    clauses = _CLAUSES.split(sentence)
    for at, clause in enumerate(clauses):
        if about.pattern.search(clause):
            return "，".join(clauses[at : at + 2])
    return sentence
