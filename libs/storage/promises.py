"""The form of a promise about the database, and of the proof that it is broken."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Invariant:
    """One promise; `query` answers the rows that break it, and none while it is kept."""

    id: str
    description: str
    query: str
    at_rest_only: bool = False
    """Holds only when nothing is under way: after a replay, after a drain."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise and the rows that prove it."""

    id: str
    description: str
    rows: tuple[dict[str, Any], ...]
