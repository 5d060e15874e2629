"""Open the bus of one instance on a Redis server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.bus.background import beside
from libs.bus.caller import Caller
from libs.bus.metrics import BusMetrics, NoMetrics
from libs.bus.port import DEFAULT_LIMITS, BusLimits, Depth
from libs.bus.redis import janitor
from libs.bus.redis.backlog import Backlog
from libs.bus.redis.clients import Clients
from libs.bus.redis.directory import RedisDirectory
from libs.bus.redis.inlet import RedisInlet
from libs.bus.redis.link import Line
from libs.bus.redis.outlet import RedisOutlet
from libs.bus.stream_bus import StreamBus
from libs.bus.streams import QUESTIONS
from libs.domain.clock import Clock, SystemClock

SYSTEM_CLOCK = SystemClock()
NO_METRICS = NoMetrics()


class RedisStreams:
    """Implements `libs.bus.stream_bus.Streams`."""

    def __init__(self, clients: Clients, instance: str, *, directory: RedisDirectory, writer: Line) -> None:
        self.directory = directory
        self._clients = clients
        self._instance = instance
        self._writer = writer

    def inlet(self, stream: str, group: str) -> RedisInlet:
        reader = self._clients.consumer(stream)
        return RedisInlet(stream, group, self._instance, reader=reader, writer=self._writer)

    async def depth(self, stream: str, group: str) -> Depth:
        return await janitor.depth(await self._writer.link(), stream, group)

    async def backlog(self, stream: str) -> int:
        return (await self.depth(stream, stream.removeprefix(QUESTIONS))).total


@asynccontextmanager
async def open_bus(
    url: str,
    *,
    instance: str,
    clock: Clock = SYSTEM_CLOCK,
    metrics: BusMetrics = NO_METRICS,
    limits: BusLimits = DEFAULT_LIMITS,
) -> AsyncIterator[StreamBus]:
    """The bus as `instance` uses it. Opens even while Redis is away; what needs it waits or says `Unavailable`."""
    clients = Clients(url, instance)
    writer, reader, control = clients.writer(), clients.consumer("replies"), clients.producer()
    caller = Caller(instance, clock=clock, metrics=metrics, limits=limits)
    streams = RedisStreams(clients, instance, directory=RedisDirectory(control), writer=writer)
    try:
        backlog = Backlog(limits.pending_per_service, streams.backlog)
        outlet = RedisOutlet(instance, reader=reader, writer=writer, backlog=backlog, asker=caller)
        caller.attach(outlet)
        async with beside(outlet.run(), backlog.run()):
            yield StreamBus(streams, caller, clock=clock, metrics=metrics, limits=limits)
    finally:
        await writer.close()
        await reader.close()
        await control.aclose()
