"""Being known and being one: an instance holds a lease on its id and shows its card while it lives.

The lease is short and renewed three times within its life, so a killed instance can start again within
`LEASE_SECONDS`. A second start waits that long for a dead predecessor and then refuses. Should a holder stall for
longer than its lease while another starts, the other wins; the stalled one finds out at its next beat and stops.
"""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from libs.bus.background import beside
from libs.bus.errors import InstanceTaken, Unavailable
from libs.bus.streams import Directory
from libs.contracts.card import AgentCard

log = logging.getLogger(__name__)

LEASE_SECONDS = 1.5
BEAT_SECONDS = 0.5
CARD_SECONDS = 6.0
BEATS_PER_CARD = 4
PATIENCE_SECONDS = LEASE_SECONDS + BEAT_SECONDS
TRY_SECONDS = 0.1


class Presence:
    """The lease and the heartbeat of one instance."""

    def __init__(self, directory: Directory, card: AgentCard) -> None:
        self._directory = directory
        self._card = card
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex}"

    async def enter(self) -> None:
        """Take the lease and show the card, waiting for a server that is away.

        Raises `InstanceTaken` when a living process holds the lease.
        """
        instance = self._card.instance
        while True:
            try:
                await self._take(instance)
                return await self._show()
            except Unavailable as e:
                log.warning("waiting for the bus server", extra={"instance": instance, "reason": str(e)})
                await asyncio.sleep(BEAT_SECONDS)

    async def _take(self, instance: str) -> None:
        loop = asyncio.get_running_loop()
        give_up = loop.time() + PATIENCE_SECONDS
        told = False
        while other := await self._directory.take_lease(instance, self._holder, _ms(LEASE_SECONDS)):
            if loop.time() >= give_up:
                raise InstanceTaken(f"instance {instance} already runs as {_place(other)}; give this one another id")
            if not told:
                told = True
                log.info(
                    "waiting for the lease of a predecessor", extra={"instance": instance, "holder": _place(other)}
                )
            await asyncio.sleep(TRY_SECONDS)

    async def keep(self) -> None:
        """Beat until cancelled; raises `InstanceTaken` when somebody else has become this instance."""
        beats = 0
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            beats += 1
            try:
                other = await self._directory.renew_lease(self._card.instance, self._holder, _ms(LEASE_SECONDS))
                if other is not None:
                    raise InstanceTaken(f"instance {self._card.instance} was taken over by {_place(other)}")
                if beats % BEATS_PER_CARD == 0:
                    await self._show()
            except Unavailable:
                # Nobody can take the lease while the server is away; show the card again as soon as it is back.
                beats = BEATS_PER_CARD - 1

    async def leave(self) -> None:
        """Vanish at once instead of by time."""
        try:
            await self._directory.drop_card(self._card.instance)
            await self._directory.drop_lease(self._card.instance, self._holder)
        except Unavailable:
            log.info("left without the server", extra={"instance": self._card.instance})

    async def _show(self) -> None:
        await self._directory.put_card(self._card.instance, self._card.model_dump_json().encode(), _ms(CARD_SECONDS))


@asynccontextmanager
async def present(directory: Directory, card: AgentCard) -> AsyncIterator[None]:
    """Hold the lease and show the card while inside."""
    presence = Presence(directory, card)
    await presence.enter()
    try:
        async with beside(presence.keep()):
            yield
    finally:
        await presence.leave()


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def _place(holder: str) -> str:
    """Host and process of a holder, without its token."""
    return holder.rpartition(":")[0]
