"""Read JSON as the specification has it, and nothing that looks like it.

Python's reader takes NaN, 1e400, duplicate keys and lone surrogates; each of them has turned a correct 422 into a 500
or a wrong order somewhere. Here they are refused before any model sees them.
"""

import json
import math
from typing import Any

_MAX_DEPTH = 32


class BadJson(ValueError):
    """The text is not JSON this door takes; carries no part of the text."""


def read(text: bytes | str) -> Any:
    """Parse one JSON document; raises `BadJson`."""
    try:
        plain = text.decode("utf-8") if isinstance(text, bytes) else text
        value = json.loads(plain, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)
    except (ValueError, RecursionError) as e:
        raise BadJson("not strict JSON") from e
    _check(value, 1)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadJson("a key stands twice in one object")
    return found


def _constant(_: str) -> Any:
    raise BadJson("NaN and Infinity are not JSON")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise BadJson("a number is too large")
    return value


def _check(value: Any, depth: int) -> None:
    """Refuse deep nesting, and text that is no Unicode or that PostgreSQL cannot hold."""
    if depth > _MAX_DEPTH:
        raise BadJson("nested too deeply")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)


def _check_text(text: str) -> None:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise BadJson("a text holds characters that are none")
