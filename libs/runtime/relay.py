"""The relay turns outbox rows into hints, and the sweeper sends again what Redis may have lost.

One loop over `ops.outbox`, hosted by the orchestrator. A crash between writing to Redis and marking the row publishes
the hint twice: handlers take each message in once, so that is harmless; losing one would not be.
"""

import asyncio
import logging
from datetime import timedelta

from libs.bus.errors import BusError
from libs.bus.port import Bus, Hint
from libs.storage import outbox
from libs.storage.engine import Engine, StorageUnavailable, in_transaction

log = logging.getLogger(__name__)
_BATCH = 200
_FLOOR_SECONDS = 0.25
_SWEEP_SECONDS = 1.0
_SWEEP_AGE = timedelta(seconds=2)
_PRUNE_SECONDS = 600.0


class Relay:
    """Publishes hints as soon as `wake` is set, and looks by itself every quarter of a second."""

    def __init__(self, engine: Engine, bus: Bus, wake: asyncio.Event) -> None:
        self._engine = engine
        self._bus = bus
        self._wake = wake

    async def publish(self) -> None:
        """Publish until cancelled."""
        while True:
            self._wake.clear()
            try:
                published = await self._publish_batch()
            except (BusError, StorageUnavailable) as e:
                log.warning("hints wait", extra={"code": e.code})
                published = 0
            if published < _BATCH:
                await self._nudged(_FLOOR_SECONDS)

    async def sweep(self) -> None:
        """Send again, until cancelled, hints whose subject has not moved."""
        since_prune = 0.0
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            since_prune += _SWEEP_SECONDS
            try:
                if count := await in_transaction(self._engine, outbox.sweep, _SWEEP_AGE):
                    log.warning("hints sent again", extra={"count": count})
                    self._wake.set()
                if since_prune >= _PRUNE_SECONDS:
                    await in_transaction(self._engine, outbox.prune)
                    since_prune = 0.0
            except StorageUnavailable as e:
                log.warning("sweep waits", extra={"code": e.code})

    async def _publish_batch(self) -> int:
        rows = await in_transaction(self._engine, outbox.unpublished, _BATCH)
        if rows:
            await self._bus.hint([Hint(r.service, str(r.msg_id), r.method, r.payload, r.now) for r in rows])
            await in_transaction(self._engine, outbox.mark_published, rows)
        return len(rows)

    async def _nudged(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
