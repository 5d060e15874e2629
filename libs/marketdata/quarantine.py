"""What a refused row lacks for its table: columns that a source's checks run before.

A row is refused as it was read; what would have been worked out of it afterwards (whether a day without trading, when
it became public) is worked out here, by the same rules, when a person releases it. Standard library only.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from libs.domain.clock import at_shanghai
from libs.domain.errors import InvalidInput
from libs.marketdata.sessions import AFTER_CLOSE, MARGIN_MORNING
from libs.marketdata.source import Kind

_NOT_A_NUMBER = frozenset({"NaN", "Infinity", "-Infinity"})
_AT_CLOSE = frozenset({Kind.BARS, Kind.INDEX_BARS, Kind.VALUATIONS})


def completed(kind: Kind, row: Mapping[str, Any], sessions: Sequence[date]) -> dict[str, Any]:
    """The row with what follows from it; raises `InvalidInput` where a number is none."""
    unfit = sorted(name for name, value in row.items() if isinstance(value, str) and value in _NOT_A_NUMBER)
    if unfit:
        raise InvalidInput("ids", f"{', '.join(unfit)}: not a number")
    # JSON has no whole numbers of its own: 100.0 is 100, and a column of shares takes nothing else.
    whole = {name: int(v) for name, v in row.items() if isinstance(v, float) and v.is_integer()}
    return {**_derived(kind, row, sessions), **row, **whole}


def _derived(kind: Kind, row: Mapping[str, Any], sessions: Sequence[date]) -> dict[str, Any]:
    session = _day(row.get("session"))
    found: dict[str, Any] = {}
    if kind is Kind.BARS and "trade_status" in row:
        found |= {"suspended": row["trade_status"] == 0, "special_treatment": row.get("is_st") == 1}
    if session and kind in _AT_CLOSE:
        found["published_at"] = at_shanghai(session, AFTER_CLOSE).isoformat()
    if session and kind is Kind.MARGIN and (following := [day for day in sessions if day > session]):
        found["published_at"] = at_shanghai(min(following), MARGIN_MORNING).isoformat()
    return found


def _day(value: object) -> date | None:
    return date.fromisoformat(value) if isinstance(value, str) else None
