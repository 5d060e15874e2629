"""The one line per goal with which every benchmark ends: `GOAL <area>.<name> <value> <op> <bound> ok|short`."""

import operator
from collections.abc import Callable

_OPERATORS: dict[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge, "=": operator.eq}


def goal(name: str, value: float, op: str, bound: float) -> str:
    """The line for people and programs alike."""
    verdict = "ok" if _OPERATORS[op](value, bound) else "short"
    return f"GOAL {name} {value:.4g} {op} {bound:g} {verdict}"
