"""Whether the desk can work, and what is missing where it cannot; asked often, so looked at once a second at most."""

import asyncio
import logging
from collections.abc import Sequence

from libs.bus.port import Bus
from libs.domain.clock import Clock
from libs.domain.errors import HiddenGemError
from libs.storage import views
from libs.storage.engine import Engine, in_transaction

log = logging.getLogger(__name__)
_REMEMBER_SECONDS = 0.5
_PATIENCE_SECONDS = 2.0


class Readiness:
    """Names what is missing: `database`, `redis`, or a service without a card."""

    def __init__(self, engine: Engine, bus: Bus, clock: Clock, required: Sequence[str]) -> None:
        self._engine = engine
        self._bus = bus
        self._clock = clock
        self._required = tuple(required)
        self._looked_at = float("-inf")
        self._missing: list[str] = []
        self._looking = asyncio.Lock()

    async def missing(self) -> list[str]:
        """Everything that keeps the desk from working; empty when it is ready."""
        async with self._looking:
            if self._clock.monotonic() - self._looked_at > _REMEMBER_SECONDS:
                self._missing = [*await self._without_database(), *await self._without_cards()]
                self._looked_at = self._clock.monotonic()
        return self._missing

    async def _without_database(self) -> list[str]:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await in_transaction(self._engine, views.ping)
        except (HiddenGemError, TimeoutError) as e:
            log.warning("not ready", extra={"missing": "database", "reason": type(e).__name__})
            return ["database"]
        return []

    async def _without_cards(self) -> list[str]:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                alive = {card.name for card in await self._bus.cards()}
        except (HiddenGemError, TimeoutError) as e:
            log.warning("not ready", extra={"missing": "redis", "reason": type(e).__name__})
            return ["redis"]
        return [name for name in self._required if name not in alive]
