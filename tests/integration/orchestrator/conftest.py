"""A desk of four made shares: a real database, the bus in memory, and the orchestrator as its entry builds it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import SecretStr

from libs.bus.memory import MemoryServer
from libs.bus.port import Bus
from libs.domain.clock import SystemClock
from libs.runtime.service import Runtime
from libs.storage.engine import Engine, make_engine
from libs.storage.notify import Listener
from libs.storage.roles import ensure_logins, service_url
from libs.telemetry.metrics import Metrics
from libs.telemetry.port import OperatorPort
from services.orchestrator.__main__ import build
from services.orchestrator.settings import Settings
from tests.support.desk_world import Analyst, Floor, Graveyard, make_market, serving


@dataclass
class World:
    """What a test of the orchestrator needs to know."""

    url: str
    owner: Engine
    engine: Engine
    """As the orchestrator's own role."""
    server: MemoryServer
    settings: Settings
    metrics: Metrics
    floor: Floor
    analysts: list[Analyst]

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Bus]:
        """Analysts and floor at work; a bus to ask with."""
        loop = asyncio.get_running_loop()
        self.floor.clock_moved = asyncio.Event()
        listener = Listener(self.url, ["desk_clock"], lambda _: loop.call_soon_threadsafe(self.floor.clock_moved.set))
        endpoints = (*(analyst.endpoint() for analyst in self.analysts), *self.floor.endpoints())
        listener.start()
        try:
            async with (
                serving(self.server, *endpoints),
                self.server.bus("operator-1") as bus,
                asyncio.TaskGroup() as group,
            ):
                closing = group.create_task(self.floor.run())
                yield bus
                closing.cancel()
        finally:
            await asyncio.to_thread(listener.stop)

    async def orchestrate(self) -> None:
        """The orchestrator, until cancelled: what the service does, without its process."""
        port = OperatorPort(self.metrics, lambda: None, host="127.0.0.1", port=0)
        async with self.server.bus("orchestrator-1") as bus:
            runtime = Runtime(
                "orchestrator", "orchestrator-1", self.settings, self.engine, bus, SystemClock(), self.metrics, port
            )
            service = build(runtime)
            try:
                assert service.prepare is not None
                await service.prepare()
                async with asyncio.TaskGroup() as group:
                    for work in service.background:
                        group.create_task(_run(work))
                    options = service.options
                    serving = bus.serve(service.endpoint, asyncio.Event(), dead_letters=Graveyard(), options=options)
                    await serving
            finally:
                port.stop()
                assert service.close is not None
                service.close()

    @asynccontextmanager
    async def orchestrator(self) -> AsyncIterator[asyncio.Task[None]]:
        """The orchestrator beside the test."""
        task = asyncio.create_task(self.orchestrate())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.wait({task})


async def _run(work: Any) -> None:
    await work()


@pytest.fixture
def world(database: str) -> Iterator[World]:
    make_market(database)
    ensure_logins(database, ["orchestrator"], "pa%ss w@rd")
    url = service_url(database, "orchestrator", "pa%ss w@rd")
    settings = Settings(
        database_url=SecretStr(url),
        redis_url=SecretStr("redis://unused"),
        round_deadline_seconds=5,
        replay_patience_seconds=5,
    )
    owner, engine = make_engine(database), make_engine(url)
    analysts = [Analyst("fundamental"), Analyst("policy"), Analyst("technical")]
    metrics = Metrics("orchestrator", "orchestrator-1")
    yield World(url, owner, engine, MemoryServer(), settings, metrics, Floor(owner), analysts)
    engine.dispose()
    owner.dispose()
