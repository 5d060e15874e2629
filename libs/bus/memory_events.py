"""Events inside one process, with the same bytes and the same counting as over Redis."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from libs.bus.events import Batch, Follower, Publisher
from libs.contracts.base import E, Topic


class MemoryTopics:
    """What a Redis server is to the other transport: who follows which topic."""

    def __init__(self) -> None:
        self._queues: dict[str, list[asyncio.Queue[bytes]]] = {}

    def events(self, instance: str) -> "MemoryEvents":
        """The events as `instance` uses them."""
        return MemoryEvents(self, instance)

    def write(self, topic: str, batch: bytes) -> None:
        for queue in self._queues.get(topic, []):
            queue.put_nowait(batch)

    def join(self, topic: str) -> asyncio.Queue[bytes]:
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._queues.setdefault(topic, []).append(queue)
        return queue

    def leave(self, topic: str, queue: asyncio.Queue[bytes]) -> None:
        self._queues[topic].remove(queue)


class MemoryEvents:
    """Implements `libs.bus.events.Events`."""

    def __init__(self, topics: MemoryTopics, instance: str) -> None:
        self._topics = topics
        self._publisher = Publisher(instance)

    async def publish(self, topic: Topic[E], events: Sequence[E]) -> None:
        if events:
            self._topics.write(topic.name, self._publisher.encode(topic, events))

    async def follow(self, topic: Topic[E]) -> AsyncIterator[Batch[E]]:
        follower, queue = Follower(topic), self._topics.join(topic.name)
        try:
            while True:
                yield follower.read(await queue.get())
        finally:
            self._topics.leave(topic.name, queue)
