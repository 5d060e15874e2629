"""Where entries go that were given up: storage keeps them as rows, tests keep them in a list."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Reason(StrEnum):
    """Why an entry was given up."""

    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    NO_SUCH_METHOD = "no_such_method"
    INVALID_PARAMS = "invalid_params"
    EXHAUSTED = "exhausted"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One entry that will not be tried again."""

    service: str
    stream: str
    entry_id: str
    reason: Reason
    deliveries: int
    message: bytes
    """As it was on the wire, cut to `KEPT_BYTES`."""
    at: datetime
    msg_id: str | None = None
    method: str | None = None


KEPT_BYTES = 64 * 1024


class DeadLetterSink(Protocol):
    """Keeps dead letters. The entry is acknowledged only after `record` returned."""

    async def record(self, letter: DeadLetter) -> None:
        """Store one letter; may be called again for the same entry."""
        ...


class DeadLetterList:
    """Keeps them in memory, for tests and for processes without a database."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []

    async def record(self, letter: DeadLetter) -> None:
        self.letters.append(letter)
