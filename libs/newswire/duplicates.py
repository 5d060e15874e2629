"""Keep one of each text: by its number, by its address, by what it says. The first published stays.

What is stored stays as it is, even where an earlier print turns up later: somebody may have cited it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import parse_qsl, urlencode, urlsplit

from libs.newswire.documents import Document
from libs.newswire.likeness import Likeness, likeness
from libs.newswire.outlets import canonical_issuer

_WINDOW = timedelta(days=7)
"""Texts further apart are not compared: reports recur, word by word, every quarter."""
_TRACKING = ("utm_", "spm")


class Sameness(StrEnum):
    """By what a text was recognised."""

    URL = "url"
    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of a document that is kept, or of a duplicate of it."""

    document_id: str
    """Of the one that is kept."""
    outlet_id: str
    url_key: str
    number_key: str | None
    likeness: Likeness
    symbols: tuple[str, ...]
    has_body: bool
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A text that is kept already, and which one that is."""

    document: Document
    kept_id: str
    by: Sameness


def url_key(url: str) -> str:
    """An address without what does not matter: scheme, fragment, tracking parameters, their order."""
    parts = urlsplit(url)
    pairs = sorted((k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not k.startswith(_TRACKING))
    query = f"?{urlencode(pairs)}" if pairs else ""
    return f"{(parts.hostname or '').lower()}{parts.path or '/'}{query}"


def number_key(document: Document) -> str | None:
    """The issuer and the number of an official paper."""
    if document.document_number is None or document.kind != "policy":
        return None
    return f"{canonical_issuer(document.issuer or '')}|{document.document_number}"


def remembered(document: Document, kept_id: str | None = None) -> Known:
    """What to remember of a document; `kept_id` names the one that it is a duplicate of."""
    return Known(
        document_id=kept_id or document.document_id,
        outlet_id=document.outlet_id,
        url_key=url_key(document.url),
        number_key=number_key(document),
        likeness=likeness(document.title, document.body),
        symbols=tuple(document.symbols),
        has_body=bool(document.body),
        published_at=document.published_at,
    )


class Deduper:
    """Recognises documents among those seen before. Asked in the order of publication, it keeps the first."""

    def __init__(self, known: Iterable[Known] = ()) -> None:
        self._urls: dict[str, str] = {}
        self._numbers: dict[str, str] = {}
        self._texts: dict[tuple[str, bool], list[Known]] = defaultdict(list)
        for one in known:
            self.add(one)

    def add(self, known: Known) -> None:
        """Remember one."""
        self._urls.setdefault(known.url_key, known.document_id)
        if known.number_key is not None:
            self._numbers.setdefault(known.number_key, known.document_id)
        self._texts[known.likeness.facts, known.has_body].append(known)

    def seen(self, url: str) -> str | None:
        """The document that was read at this address."""
        return self._urls.get(url_key(url))

    def check(self, document: Document) -> Duplicate | None:
        """The duplicate that this document is; None, and it is remembered, where it is new."""
        new = remembered(document)
        kept = self._kept(new)
        if kept is None:
            self.add(new)
            return None
        self._urls.setdefault(new.url_key, kept[0])
        return Duplicate(document, *kept)

    def _kept(self, new: Known) -> tuple[str, Sameness] | None:
        if new.url_key in self._urls:
            return self._urls[new.url_key], Sameness.URL
        if new.number_key is not None and new.number_key in self._numbers:
            return self._numbers[new.number_key], Sameness.NUMBER
        for old in self._texts[new.likeness.facts, new.has_body]:
            if _comparable(old, new) and old.likeness.same_text(new.likeness):
                return old.document_id, Sameness.TEXT
        return None


def _comparable(old: Known, new: Known) -> bool:
    """Two papers with different numbers are two papers, and so are two filings of one company on one site."""
    if abs(old.published_at - new.published_at) > _WINDOW:
        return False
    if old.number_key is not None and new.number_key is not None:
        return False
    if not new.has_body:
        return old.outlet_id != new.outlet_id and old.symbols == new.symbols
    return True
