"""The bus inside one process: the same callers, lanes and bytes on the wire, with streams that are dictionaries.

It keeps every promise of the Redis transport except surviving the process. One `MemoryServer` is one world; each
instance opens its own bus on it.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from libs.bus.caller import Caller
from libs.bus.metrics import BusMetrics, NoMetrics
from libs.bus.port import DEFAULT_LIMITS, BusLimits, Depth
from libs.bus.stream_bus import StreamBus
from libs.bus.streams import QUESTIONS, REPLIES, Asker, Delivery, Outgoing, Settled
from libs.domain.clock import Clock, SystemClock

MACHINE = SystemClock()
NO_METRICS = NoMetrics()


@dataclass(slots=True)
class _Pending:
    """An entry delivered and not acknowledged."""

    consumer: str
    since: float
    tried: int = 1


@dataclass(slots=True)
class _Stream:
    """One stream with the one group that reads it."""

    entries: dict[str, Delivery] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    pending: dict[str, _Pending] = field(default_factory=dict)
    grown: asyncio.Event = field(default_factory=asyncio.Event)

    def deliver(self, entry_id: str, consumer: str) -> Delivery:
        pending = self.pending.get(entry_id)
        tried = pending.tried + 1 if pending else 1
        self.pending[entry_id] = _Pending(consumer, MACHINE.monotonic(), tried)
        return self.entries[entry_id]._replace(tried=tried)


class MemoryServer:
    """What a Redis server is to the other transport; it also holds cards and leases."""

    def __init__(self) -> None:
        self._streams: dict[str, _Stream] = {}
        self._ids = itertools.count(1)
        self._askers: dict[str, Asker] = {}
        self._cards: dict[str, tuple[bytes, float]] = {}
        self._leases: dict[str, tuple[str, float]] = {}

    @asynccontextmanager
    async def bus(
        self,
        instance: str,
        *,
        clock: Clock = MACHINE,
        metrics: BusMetrics = NO_METRICS,
        limits: BusLimits = DEFAULT_LIMITS,
    ) -> AsyncIterator[StreamBus]:
        """The bus as `instance` uses it."""
        caller = Caller(instance, clock=clock, metrics=metrics, limits=limits)
        outlet = _Outlet(self, instance)
        caller.attach(outlet)
        self._askers[outlet.reply_stream] = caller
        try:
            yield StreamBus(_Streams(self, instance), caller, clock=clock, metrics=metrics, limits=limits)
        finally:
            self._askers.pop(outlet.reply_stream, None)

    def flush(self) -> None:
        """Lose everything at once, as `FLUSHALL` would; those who wait for answers ask again."""
        for stream in self._streams.values():
            stream.entries.clear()
            stream.waiting.clear()
            stream.pending.clear()
        self._cards.clear()
        self._leases.clear()
        for asker in list(self._askers.values()):
            asker.send_again()

    def stream(self, name: str) -> _Stream:
        return self._streams.setdefault(name, _Stream())

    def append(self, name: str, message: bytes, reply_to: str | None = None, expires_ms: int | None = None) -> str:
        """Write one entry, as any hand could."""
        stream = self.stream(name)
        entry_id = f"{next(self._ids)}-0"
        reply = None if reply_to is None else reply_to.encode()
        stream.entries[entry_id] = Delivery(entry_id, message, reply, expires_ms)
        stream.waiting.append(entry_id)
        stream.grown.set()
        return entry_id

    def finish(self, name: str, settled: Settled) -> None:
        for reply_stream, replies in settled.replies.items():
            if (asker := self._askers.get(reply_stream.decode())) is not None:
                asker.receive(replies)
        stream = self.stream(name)
        for entry_id in settled.acks:
            stream.pending.pop(entry_id, None)
            stream.entries.pop(entry_id, None)

    def depth(self, name: str) -> Depth:
        stream = self.stream(name)
        return Depth(len(stream.waiting), len(stream.pending))

    async def put_card(self, instance: str, card: bytes, ttl_ms: int) -> None:
        self._cards[instance] = (card, MACHINE.monotonic() + ttl_ms / 1000)

    async def drop_card(self, instance: str) -> None:
        self._cards.pop(instance, None)

    async def cards(self) -> list[bytes]:
        now = MACHINE.monotonic()
        return [card for card, until in self._cards.values() if until > now]

    async def take_lease(self, instance: str, holder: str, ttl_ms: int) -> str | None:
        return await self.renew_lease(instance, holder, ttl_ms)

    async def renew_lease(self, instance: str, holder: str, ttl_ms: int) -> str | None:
        now = MACHINE.monotonic()
        other, until = self._leases.get(instance, (holder, now))
        if other != holder and until > now:
            return other
        self._leases[instance] = (holder, now + ttl_ms / 1000)
        return None

    async def drop_lease(self, instance: str, holder: str) -> None:
        if self._leases.get(instance, ("", 0.0))[0] == holder:
            del self._leases[instance]


class _Streams:
    """Implements `libs.bus.stream_bus.Streams`."""

    def __init__(self, server: MemoryServer, instance: str) -> None:
        self.directory = server
        self._server = server
        self._instance = instance

    def inlet(self, stream: str, _group: str, /) -> "_Inlet":
        return _Inlet(self._server, stream, self._instance)

    async def depth(self, stream: str, _group: str, /) -> Depth:
        return self._server.depth(stream)


class _Outlet:
    """Implements `libs.bus.streams.Outlet`."""

    is_ready = True

    def __init__(self, server: MemoryServer, instance: str) -> None:
        self.reply_stream = REPLIES + instance
        self._server = server

    async def ready(self) -> None:
        return

    def send(self, entries: Sequence[Outgoing], _refused: Callable[[int], None], /) -> None:
        for entry in entries:
            self._server.append(entry.stream, entry.message, self.reply_stream, entry.expires_ms)

    async def append(self, entries: Sequence[Outgoing]) -> None:
        for entry in entries:
            self._server.append(entry.stream, entry.message)

    def backlog(self, stream: str) -> int:
        return self._server.depth(stream).total if stream.startswith(QUESTIONS) else 0


class _Inlet:
    """Implements `libs.bus.streams.Inlet`."""

    def __init__(self, server: MemoryServer, stream: str, consumer: str) -> None:
        self._server = server
        self._name = stream
        self._consumer = consumer
        self._interrupted = False

    async def take(self, want: int, settled: Settled) -> list[Delivery]:
        self._server.finish(self._name, settled)
        stream = self._server.stream(self._name)
        while not stream.waiting and not self._interrupted:
            stream.grown.clear()
            await stream.grown.wait()
        if self._interrupted:
            return []
        taken, stream.waiting = stream.waiting[:want], stream.waiting[want:]
        return [stream.deliver(entry_id, self._consumer) for entry_id in taken]

    def settle(self, settled: Settled, _failed: Callable[[Settled], None], /) -> None:
        self._server.finish(self._name, settled)

    async def flush(self, settled: Settled) -> None:
        self._server.finish(self._name, settled)

    async def interrupt(self) -> None:
        self._interrupted = True
        self._server.stream(self._name).grown.set()

    async def own_unfinished(self, after: str, count: int) -> list[Delivery]:
        stream = self._server.stream(self._name)
        mine = [
            entry_id
            for entry_id, pending in stream.pending.items()
            if pending.consumer == self._consumer and _order(entry_id) > _order(after)
        ]
        return [stream.deliver(entry_id, self._consumer) for entry_id in sorted(mine, key=_order)[:count]]

    async def claim(self, idle_ms: int, count: int) -> list[Delivery]:
        stream = self._server.stream(self._name)
        until = MACHINE.monotonic() - idle_ms / 1000
        idle = [entry_id for entry_id, pending in stream.pending.items() if pending.since <= until]
        return [stream.deliver(entry_id, self._consumer) for entry_id in idle[:count]]

    async def tidy(self, _consumer_idle_ms: int, /) -> Depth:
        return self._server.depth(self._name)

    async def close(self) -> None:
        return


def _order(entry_id: str) -> int:
    return int(entry_id.partition("-")[0])
