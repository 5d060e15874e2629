"""Read JSON (and JSONP) answers whose shape must be what the parser knows; anything else is a changed page."""

import json
import re
from typing import Any, NoReturn

from libs.newswire.body import decode
from libs.newswire.errors import ContentRefused, PageChanged
from libs.newswire.fetcher import Page

_JSONP = re.compile(r"\s*[A-Za-z_$][\w$.]{0,80}\s*\((.*)\)\s*;?\s*", re.DOTALL)


def read_text(page: Page) -> str:
    """The page as text; bytes that are none are a changed page, too."""
    try:
        return decode(page.body, page.charset)
    except ContentRefused as e:
        raise PageChanged(f"{page.url}: {e}") from e


def read_json(page: Page) -> Any:
    """What the page says in JSON, or in a script that calls one function with it."""
    text = read_text(page)
    script = _JSONP.fullmatch(text)
    try:
        return json.loads(script[1] if script else text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as e:
        raise PageChanged(f"{page.url}: no JSON, begins with {text[:40]!r}") from e


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def part(value: Any, *path: str) -> Any:
    """What lies at `path` inside of objects; raises `PageChanged` naming the first name that is missing."""
    for i, name in enumerate(path):
        if not isinstance(value, dict) or name not in value:
            raise PageChanged(f"no field {'.'.join(path[: i + 1])!r}")
        value = value[name]
    return value


def rows(value: Any, *path: str) -> list[dict[str, Any]]:
    """The objects of a list at `path`."""
    found = part(value, *path)
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise PageChanged(f"field {'.'.join(path)!r} is no list of objects")
    return found


def words(row: dict[str, Any], name: str) -> str:
    """A text field; a number is written out, and null is the empty text."""
    value = part(row, name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise PageChanged(f"field {name!r} is no text")
    return str(value)


def optional_words(row: dict[str, Any], name: str) -> str:
    """A text field that may be missing."""
    return words(row, name) if name in row else ""


def number(row: dict[str, Any], name: str) -> float:
    """A number, or a text that is one."""
    value = part(row, name)
    if isinstance(value, str) and re.fullmatch(r"\d{1,15}", value):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e15:
        raise PageChanged(f"field {name!r} is no number")
    return float(value)
