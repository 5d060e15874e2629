"""What the orchestrator watches besides its questions: overdue rounds and the age of the agents' heartbeats."""

import asyncio
import logging
import time

from libs.bus.errors import BusError
from libs.bus.port import Bus
from libs.storage import rounds
from libs.storage.engine import Engine, StorageUnavailable, in_transaction
from libs.telemetry.metrics import Metrics

log = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0
_GRACE_SECONDS = 2.0


async def expire_rounds(engine: Engine) -> None:
    """End rounds whose deadline passed while nobody was there to conclude them, until cancelled."""
    while True:
        try:
            for round_id in await in_transaction(engine, rounds.expire_overdue, _GRACE_SECONDS):
                log.warning("round expired", extra={"round_id": str(round_id)})
        except StorageUnavailable as e:
            log.warning("rounds not looked at", extra={"code": e.code})
        await asyncio.sleep(_LOOK_SECONDS)


async def heartbeats(bus: Bus, metrics: Metrics) -> None:
    """Show how long ago each agent was last seen in the registry, until cancelled."""
    seen: dict[str, float] = {}
    while True:
        now = time.monotonic()
        try:
            seen |= dict.fromkeys((card.name for card in await bus.cards()), now)
        except BusError as e:
            log.warning("registry not read", extra={"code": e.code})
        for agent, last in seen.items():
            metrics.heartbeat_age(agent, now - last)
        await asyncio.sleep(_LOOK_SECONDS)
