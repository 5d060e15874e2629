"""The lease and the heartbeat, on the in-memory directory."""

import asyncio

import pytest

from libs.bus.errors import InstanceTaken, Unavailable
from libs.bus.memory import MemoryServer
from libs.bus.presence import LEASE_SECONDS, Presence, present
from libs.contracts.card import AgentCard

CARD = AgentCard(name="technical", instance="technical-1", role="analyst", version="1.0")


class Away(MemoryServer):
    """A server that is away for the first calls."""

    refusals = 2

    async def take_lease(self, instance: str, holder: str, ttl_ms: int) -> str | None:
        if self.refusals:
            self.refusals -= 1
            raise Unavailable
        return await super().take_lease(instance, holder, ttl_ms)


class Watched(MemoryServer):
    """A server that tells when a lease was renewed."""

    def __init__(self) -> None:
        super().__init__()
        self.renewed = asyncio.Event()

    async def renew_lease(self, instance: str, holder: str, ttl_ms: int) -> str | None:
        other = await super().renew_lease(instance, holder, ttl_ms)
        self.renewed.set()
        return other


async def test_an_instance_that_was_overtaken_finds_out_and_stops() -> None:
    directory = MemoryServer()

    async def live() -> None:
        async with asyncio.timeout(10), present(directory, CARD):
            directory._leases["technical-1"] = ("other:7:token", float("inf"))
            await asyncio.Event().wait()

    with pytest.raises(InstanceTaken, match="taken over by other:7"):
        await live()


async def test_leaving_does_not_drop_the_lease_of_another() -> None:
    directory = MemoryServer()
    presence = Presence(directory, CARD)
    await presence.enter()
    directory._leases["technical-1"] = ("other:7:token", float("inf"))
    await presence.leave()
    assert directory._leases["technical-1"][0] == "other:7:token"


async def test_a_lost_lease_that_nobody_took_is_taken_again() -> None:
    directory = Watched()
    async with present(directory, CARD), asyncio.timeout(10):
        directory._leases.clear()
        directory.renewed.clear()
        await directory.renewed.wait()
        assert "technical-1" in directory._leases


async def test_a_dead_predecessor_is_waited_for_no_longer_than_its_lease() -> None:
    directory = MemoryServer()
    await directory.take_lease("technical-1", "dead:1:token", int(LEASE_SECONDS * 1000))
    async with asyncio.timeout(LEASE_SECONDS + 1):
        await Presence(directory, CARD).enter()


async def test_a_start_waits_for_a_server_that_is_away() -> None:
    directory = Away()
    async with asyncio.timeout(10):
        await Presence(directory, CARD).enter()
    assert len(await directory.cards()) == 1
