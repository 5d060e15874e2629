"""The in-memory twin keeps the contract of the bus."""

from contextlib import AbstractAsyncContextManager

import pytest

from libs.bus.memory import MemoryServer
from libs.bus.metrics import NoMetrics
from libs.bus.port import DEFAULT_LIMITS, Bus, BusLimits
from libs.domain.clock import Clock
from tests.contract.bus.suite import BusContract
from tests.contract.bus.talk import SYSTEM, UNCOUNTED


class MemoryWorld:
    """Implements `tests.contract.bus.talk.World`."""

    def __init__(self) -> None:
        self.server = MemoryServer()

    def bus(
        self,
        instance: str,
        *,
        clock: Clock = SYSTEM,
        metrics: NoMetrics = UNCOUNTED,
        limits: BusLimits = DEFAULT_LIMITS,
    ) -> AbstractAsyncContextManager[Bus]:
        return self.server.bus(instance, clock=clock, metrics=metrics, limits=limits)

    async def write(
        self, stream: str, message: bytes, *, reply_to: str | None = None, expires_ms: int | None = None
    ) -> None:
        self.server.append(stream, message, reply_to, expires_ms)

    async def lose_everything(self) -> None:
        self.server.flush()


class TestMemoryBus(BusContract):
    @pytest.fixture
    def world(self) -> MemoryWorld:
        return MemoryWorld()
