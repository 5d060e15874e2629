"""Prometheus' HTTP service discovery, made from the cards: an eighth agent is scraped without any configuration."""

import asyncio
import contextlib
import json

from libs.bus.errors import BusError
from libs.bus.port import Bus

_LOOK_SECONDS = 2.0


class PrometheusTargets:
    """Looks at the registry in the background; the operator port's thread reads the newest answer."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._bytes = b"[]"

    def encoded(self) -> bytes:
        """The targets as `http_sd_config` reads them."""
        return self._bytes

    async def watch(self) -> None:
        """Keep the answer current until cancelled; while the registry is away the last one stands."""
        while True:
            with contextlib.suppress(BusError):
                await self.look()
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> None:
        """Ask the registry once."""
        groups = [
            {"targets": [card.metrics], "labels": {"service": card.name, "instance": card.instance}}
            for card in await self._bus.cards()
            if card.metrics
        ]
        self._bytes = json.dumps(groups).encode()
