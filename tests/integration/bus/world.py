"""Redis as the contract suite wants it."""

from contextlib import AbstractAsyncContextManager

from libs.bus.metrics import NoMetrics
from libs.bus.port import DEFAULT_LIMITS, Bus, BusLimits
from libs.bus.redis.bus import open_bus
from libs.domain.clock import Clock
from tests.contract.bus.talk import SYSTEM, UNCOUNTED
from tests.integration.bus.redis_server import RedisServer


class RedisWorld:
    """Implements `tests.contract.bus.talk.World`."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.url = server.url

    def bus(
        self,
        instance: str,
        *,
        clock: Clock = SYSTEM,
        metrics: NoMetrics = UNCOUNTED,
        limits: BusLimits = DEFAULT_LIMITS,
    ) -> AbstractAsyncContextManager[Bus]:
        return open_bus(self.url, instance=instance, clock=clock, metrics=metrics, limits=limits)

    async def write(
        self, stream: str, message: bytes, *, reply_to: str | None = None, expires_ms: int | None = None
    ) -> None:
        fields: dict[str, bytes | str | int] = {"m": message}
        if reply_to is not None:
            fields["r"] = reply_to
        if expires_ms is not None:
            fields["d"] = expires_ms
        with self.server.client() as client:
            client.xadd(stream, fields)

    async def lose_everything(self) -> None:
        with self.server.client() as client:
            client.flushall()
