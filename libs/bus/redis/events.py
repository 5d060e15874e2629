"""Events over Redis Streams: one entry per batch, trimmed by age as it is written, read from where the reader was."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

from libs.bus.errors import Unavailable
from libs.bus.events import EVENTS, Batch, Follower, MalformedEvents, Publisher
from libs.bus.redis.clients import BLOCK_SECONDS, Clients
from libs.bus.redis.entries import MESSAGE, checked
from libs.bus.redis.link import Line, pack
from libs.contracts.base import E, Topic
from libs.domain.clock import Clock, SystemClock

log = logging.getLogger(__name__)

SYSTEM_CLOCK = SystemClock()
READ_AT_ONCE = 256
RECONNECT_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0)


class RedisEvents:
    """Implements `libs.bus.events.Events`."""

    def __init__(self, clients: Clients, instance: str, clock: Clock) -> None:
        self._clients = clients
        self._clock = clock
        self._writer = clients.writer()
        # A publisher that starts again counts from one again; its new name says so.
        self._publisher = Publisher(f"{instance}:{uuid4().hex[:8]}")

    async def publish(self, topic: Topic[E], events: Sequence[E]) -> None:
        if not events:
            return
        oldest = int((self._clock.utc_now().timestamp() - topic.keep_seconds) * 1000)
        link = await self._writer.link()
        batch = self._publisher.encode(topic, events)
        command = pack("XADD", EVENTS + topic.name, "MINID", "~", oldest, "*", MESSAGE, batch)
        checked((await link.run(command, 1))[0])

    async def follow(self, topic: Topic[E]) -> AsyncIterator[Batch[E]]:
        follower, reader = Follower(topic), self._clients.consumer(f"events.{topic.name}")
        stream, after, attempt = EVENTS + topic.name, "", 0
        try:
            while True:
                try:
                    after = after or await _newest(reader, stream)
                    entries = await _read(reader, stream, after)
                    attempt = 0
                except Unavailable:
                    await asyncio.sleep(RECONNECT_SECONDS[min(attempt, len(RECONNECT_SECONDS) - 1)])
                    attempt += 1
                    continue
                for entry_id, stored in entries:
                    after = entry_id
                    try:
                        yield follower.read(stored)
                    except MalformedEvents as e:
                        log.warning("event batch skipped", extra={"topic": topic.name, "reason": str(e)})
                        follower.lost()
                if not entries and await _began_anew(reader, stream, after):
                    # The server lost its data and counts from scratch: our place in it means nothing any more.
                    follower.lost()
                    after = "0-0"
        finally:
            await reader.close()

    async def close(self) -> None:
        await self._writer.close()


@asynccontextmanager
async def open_events(url: str, *, instance: str, clock: Clock = SYSTEM_CLOCK) -> AsyncIterator[RedisEvents]:
    """The events of one Redis as `instance` uses them; opens even while Redis is away."""
    events = RedisEvents(Clients(url, instance), instance, clock)
    try:
        yield events
    finally:
        await events.close()


async def _newest(reader: Line, stream: str) -> str:
    """The id after which everything is new to us."""
    link = await reader.link()
    found = checked((await link.run(pack("XREVRANGE", stream, "+", "-", "COUNT", 1), 1))[0])
    return found[0][0].decode() if found else "0-0"


async def _read(reader: Line, stream: str, after: str) -> list[tuple[str, bytes]]:
    link = await reader.link()
    command = pack("XREAD", "COUNT", READ_AT_ONCE, "BLOCK", int(BLOCK_SECONDS * 1000), "STREAMS", stream, after)
    reply = checked((await link.run(command, 1))[0])
    if not reply:
        return []
    return [(entry_id.decode(), fields[1]) for entry_id, fields in reply[0][1]]


async def _began_anew(reader: Line, stream: str, after: str) -> bool:
    """Whether entries exist that are older than the one read last, and none that is newer or equal."""
    if after == "0-0":
        return False
    try:
        newest = await _newest(reader, stream)
    except Unavailable:
        return False
    return newest != after
