"""The whole order path as services in one process: their own builds, a bus, the relay, and the venue over real HTTP."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import uvicorn

from libs.bus.memory import MemoryServer
from libs.bus.port import Bus
from libs.bus.redis.bus import open_bus
from libs.domain.clock import SystemClock
from libs.runtime import service as lives
from libs.runtime.relay import Relay
from libs.runtime.service import Build, Runtime
from libs.runtime.settings import ServiceSettings
from libs.runtime.threads import SerialWorker
from libs.storage.notify import Listener
from libs.telemetry.metrics import Metrics
from libs.telemetry.port import OperatorPort
from services.broker_gateway import __main__ as broker_gateway
from services.broker_gateway.settings import Settings as GatewaySettings
from services.broker_gateway.venues.paper.__main__ import follow
from services.broker_gateway.venues.paper.app import PaperVenueApp
from services.execution import __main__ as execution
from services.execution.settings import Settings as ExecutionSettings
from services.risk import __main__ as risk
from services.risk.settings import Settings as RiskSettings
from tests.support.order_path import OrderPath

OpenBus = Callable[[str], AbstractAsyncContextManager[Bus]]


def memory_buses() -> OpenBus:
    """Buses on one in-memory server."""
    server = MemoryServer()
    return server.bus


def redis_buses(url: str) -> OpenBus:
    """Buses on a real Redis."""
    return lambda instance: open_bus(url, instance=instance)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(frozen=True, slots=True)
class DeskInOneProcess:
    """Services at work; `path` is the test's own hand on the database."""

    path: OrderPath
    venue_url: str
    bus: Bus
    moved: asyncio.Event

    async def until(self, holds: Callable[[], Any], *, seconds: float = 20.0) -> None:
        """Wait until something holds; looked at whenever orders, hints or the clock move."""
        async with asyncio.timeout(seconds):
            while not await asyncio.to_thread(holds):
                self.moved.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await self.moved.wait()


@contextlib.asynccontextmanager
async def desk_in_one_process(path: OrderPath, buses: OpenBus) -> AsyncIterator[DeskInOneProcess]:
    """Start venue, relay, risk, execution and gateway; stop all of them at the end."""
    async with contextlib.AsyncExitStack() as stack:
        venue_url = await stack.enter_async_context(_venue(path))
        bus = await stack.enter_async_context(buses("orchestrator-1"))
        moved, wake = asyncio.Event(), asyncio.Event()
        stack.enter_context(_listening(path, "orchestrator", {"outbox": wake, "trading": moved}))
        relay = Relay(path.engines["orchestrator"], bus, wake)
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            publishing = group.create_task(relay.publish())
            urls = {"redis_url": "redis://unused"}
            settings = RiskSettings.model_validate(urls | {"database_url": path.url("risk")})
            group.create_task(_live(path, "risk", settings, risk.build, buses=buses, stop=stop))
            gateway = GatewaySettings.model_validate(
                urls | {"database_url": path.url("broker_gateway"), "venue_url": venue_url}
            )
            group.create_task(_live(path, "broker_gateway", gateway, broker_gateway.build, buses=buses, stop=stop))
            sending = ExecutionSettings.model_validate(urls | {"database_url": path.url("execution")})
            group.create_task(_live(path, "execution", sending, execution.build, buses=buses, stop=stop))
            try:
                yield DeskInOneProcess(path, venue_url, bus, moved)
            finally:
                stop.set()
                publishing.cancel()


async def _live(
    path: OrderPath, name: str, settings: ServiceSettings, build: Build[Any], *, buses: OpenBus, stop: asyncio.Event
) -> None:
    instance = f"{name}-1"
    metrics = Metrics(name, instance)
    port = OperatorPort(metrics, lambda: None, host="127.0.0.1", port=0)
    port.start()
    try:
        async with buses(instance) as bus:
            runtime = Runtime(name, instance, settings, path.engines[name], bus, SystemClock(), metrics, port)
            await lives._live(runtime, build(runtime), stop, lives._State())
    finally:
        port.stop()


@contextlib.asynccontextmanager
async def _venue(path: OrderPath) -> AsyncIterator[str]:
    writer = SerialWorker("book")
    app = PaperVenueApp(path.exchange, writer, SystemClock())
    config = uvicorn.Config(
        app.asgi(), host="127.0.0.1", port=0, log_config=None, access_log=False, lifespan="off", ws="none"
    )
    server = _Server(config)
    nudged = asyncio.Event()
    with _listening(path, "paper_venue", {"desk_clock": nudged}):
        following = asyncio.create_task(follow(app, nudged))
        serving = asyncio.create_task(server.serve())
        await server.listening.wait()
        try:
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            app.stop_waiting()
            await serving
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            writer.close()


@contextlib.contextmanager
def _listening(path: OrderPath, role: str, events: dict[str, asyncio.Event]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    listener = Listener(path.url(role), list(events), lambda channel: loop.call_soon_threadsafe(events[channel].set))
    listener.start()
    try:
        yield
    finally:
        listener.stop()
