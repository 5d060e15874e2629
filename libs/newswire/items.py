"""What parsers make of pages: the entries of a list page, and the text of an article."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import time

from libs.ashare.boards import board_of
from libs.ashare.errors import UnknownRule
from libs.domain.market import Symbol
from libs.newswire.cleaning import Cleaned
from libs.newswire.fetcher import Page
from libs.newswire.times import When

EVENING_NEWS = time(19, 30)
"""When 新闻联播 has been broadcast."""


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a list page. `body` is None where the text stands on a page of its own."""

    title: str
    url: str
    when: When
    body: str | None = None
    issuer: str | None = None
    number: str | None = None
    symbols: tuple[Symbol, ...] = ()
    section: str | None = None
    removed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Listing:
    """The entries of one list page; `more` where a following page has older ones."""

    items: tuple[Item, ...]
    more: bool = False


@dataclass(frozen=True, slots=True)
class Article:
    """The text of a page of its own; what the page does not say is None and taken from the list."""

    body: str
    title: str | None = None
    when: When | None = None
    number: str | None = None
    issuer: str | None = None
    removed: Mapping[str, int] = field(default_factory=dict)


ParseList = Callable[[Page], Listing]
ParseArticle = Callable[[Page], Article]


def symbol_of(code: str) -> Symbol | None:
    """The A-share of six digits, with or without an exchange before them; None for anything else (B shares, funds)."""
    digits = code.strip().lower()[-6:]
    if len(digits) != 6 or not (digits.isascii() and digits.isdecimal()):
        return None
    for exchange in ("SH", "SZ", "BJ"):
        symbol = Symbol(f"{digits}.{exchange}")
        try:
            board_of(symbol)
        except UnknownRule:
            continue
        return symbol
    return None


def headline(text: str) -> tuple[str, str]:
    """Title and text of a flash that begins with 【its headline】; the title is empty where it has none."""
    if text.startswith("【"):
        title, bracket, rest = text[1:].partition("】")
        if bracket and "\n" not in title and len(title) <= 120:
            return title.strip(), rest.strip() or title.strip()
    return "", text


def counted(*cleaned: Cleaned) -> dict[str, int]:
    """What was removed from several pieces of one text, together."""
    together: dict[str, int] = {}
    for piece in cleaned:
        for kind, count in piece.removed.items():
            together[kind] = together.get(kind, 0) + count
    return together
