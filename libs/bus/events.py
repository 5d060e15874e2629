"""Events for whoever listens: published in batches, followed from now on; a reader always knows when it missed some.

Unlike questions and hints, events have no group and no acknowledgement: they say what has happened to those who are
there. Every batch carries the publisher's own count. A follower that sees a gap in it (trimmed, flushed, or a publisher
that began anew) is told so, once, and reads the truth from the database.
"""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol

from pydantic import TypeAdapter, ValidationError

from libs.bus.errors import BusError
from libs.contracts.base import E, Topic

EVENTS = "hiddengem:evt."


class MalformedEvents(BusError):
    """A batch in an event stream cannot be read; another version of the desk may have written it."""

    code = "bus.malformed_events"


@dataclass(frozen=True, slots=True)
class Batch(Generic[E]):
    """Events that were published together. `missed`: some before them never came here."""

    events: tuple[E, ...]
    missed: bool


class Events(Protocol):
    """Publish and follow."""

    async def publish(self, topic: Topic[E], events: Sequence[E]) -> None:
        """Write a batch; raises `Unavailable` when it may not have been stored. Nothing is sent twice."""
        ...

    def follow(self, topic: Topic[E]) -> AsyncIterator[Batch[E]]:
        """Every batch published from now on, through any break of the connection; ends when the reader stops."""
        ...


@dataclass(slots=True)
class Publisher:
    """Numbers the batches of one publisher, topic by topic."""

    name: str
    _counts: dict[str, int] = field(default_factory=dict)

    def encode(self, topic: Topic[E], events: Sequence[E]) -> bytes:
        """A batch as it is stored: publisher, number, events."""
        number = self._counts.get(topic.name, 0) + 1
        self._counts[topic.name] = number
        rows = [event.model_dump(mode="json") for event in events]
        return json.dumps([self.name, number, rows], separators=(",", ":"), ensure_ascii=False).encode()


class Follower(Generic[E]):
    """Reads the batches of one topic and notices what is missing among them."""

    def __init__(self, topic: Topic[E]) -> None:
        self._topic = topic
        self._events = TypeAdapter(list[topic.event])  # type: ignore[name-defined]  # the class is a value here
        self._seen: dict[str, int] = {}
        self._gap = False

    def lost(self) -> None:
        """The next batch is told as one after a gap."""
        self._gap = True

    def read(self, stored: bytes) -> Batch[E]:
        """One batch; raises `MalformedEvents`."""
        try:
            publisher, number, rows = json.loads(stored)
            events = self._events.validate_python(rows)
        except (ValueError, TypeError, ValidationError) as e:
            raise MalformedEvents(f"{self._topic.name}: {type(e).__name__}") from e
        before = self._seen.get(publisher)
        began_anew = before is None and bool(self._seen)
        missed = self._gap or began_anew or (before is not None and number != before + 1)
        self._seen = {publisher: number}
        self._gap = False
        return Batch(tuple(events), missed)
