"""Read HTML: the tree of a page, and the text that an element shows. The only user of lxml here.

Nothing is ever loaded or run: no entity, no network, no script. Elements that are not shown are not read either, since
that is where instructions to machines are hidden.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Protocol, Self
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from lxml import etree, html  # type: ignore[import-untyped]  # lxml ships no types

from libs.newswire.cleaning import LONGEST_BODY, Cleaned, clean
from libs.newswire.errors import PageChanged

_BLOCKS = frozenset(
    (
        *("address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "fieldset", "figcaption"),
        *("figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol"),
        *("p", "pre", "section", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul"),
    )
)
_DROPPED = frozenset(
    (
        *("script", "style", "noscript", "template", "iframe", "object", "embed", "svg", "math", "head"),
        *("select", "button", "textarea"),
    )
)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d]*[1-9])", re.IGNORECASE)


class Element(Protocol):
    """What is used of lxml's elements."""

    text: str | None
    tail: str | None

    @property
    def tag(self) -> object: ...
    def get(self, key: str, default: str) -> str: ...
    def __iter__(self) -> Iterator[Self]: ...
    def xpath(self, path: str) -> list[Self]: ...


def parse_html(text: str) -> Element:
    """The tree of a page; raises `PageChanged` where there is none."""
    parser = html.HTMLParser(remove_comments=False, remove_pis=True, no_network=True, huge_tree=False, encoding="utf-8")
    try:
        tree: Element = html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError, AssertionError) as e:
        raise PageChanged("the page is no HTML") from e
    return tree


def text_of(element: Element, limit: int = LONGEST_BODY) -> Cleaned:
    """The text an element shows, blocks on lines of their own."""
    removed: Counter[str] = Counter()
    cleaned = clean("".join(_shown(element, removed)), limit)
    removed.update(cleaned.removed)
    return Cleaned(cleaned.text, dict(removed))


def plain(fragment: str, limit: int = LONGEST_BODY) -> Cleaned:
    """The text of a piece of HTML as feeds carry it; a text without markup is only cleaned."""
    if "<" not in fragment and "&" not in fragment:
        return clean(fragment, limit)
    return text_of(parse_html(f"<html><body>{fragment}</body></html>"), limit)


def has_class(name: str) -> str:
    """The XPath condition that an element is of a class."""
    return f"contains(concat(' ', normalize-space(@class), ' '), ' {name} ')"


def meta(tree: Element, name: str) -> str:
    """The content of a meta element by its name in any case; empty where there is none."""
    for element in tree.xpath("//meta[@name][@content]"):
        if element.get("name", "").lower() == name.lower():
            return clean(element.get("content", "")).text
    return ""


def absolute(base: str, reference: str) -> str:
    """The address a link leads to, in its plain form: percent-encoded, without fragment; empty where it is none."""
    try:
        parts = urlsplit(urljoin(base, reference.strip()))
        if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
            return ""
        netloc = parts.netloc.encode("idna").decode("ascii") if not parts.netloc.isascii() else parts.netloc
    except (ValueError, UnicodeError):
        return ""
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._", errors="replace")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?", errors="replace")
    return urlunsplit((parts.scheme, netloc, path, query, ""))


def _shown(root: Element, removed: Counter[str]) -> Iterator[str]:
    """The pieces of text in reading order. A walk of our own: pages nest deeper than Python's stack."""
    stack: list[Element | str] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            yield node
            continue
        if node is not root and node.tail:
            stack.append(node.tail)
        reason = _dropped(node)
        if reason is not None:
            removed[reason] += 1
            continue
        block = ["\n"] if node.tag in _BLOCKS else []
        stack.extend([*block, *reversed(list(node)), node.text or "", *block])


def _dropped(node: Element) -> str | None:
    """Why an element is not shown."""
    if not isinstance(node.tag, str):
        return "comment"
    if node.tag in _DROPPED:
        return "script"
    if node.get("hidden", "no") != "no" or _HIDDEN.search(node.get("style", "")):
        return "hidden"
    return None
