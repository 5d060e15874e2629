"""Events over a real Redis: followed from now on, through restarts and losses, trimmed by age."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from libs.bus.errors import Unavailable
from libs.bus.events import Batch
from libs.bus.redis.events import RedisEvents, open_events
from libs.contracts.base import Event, Topic
from libs.domain.clock import ManualClock, SystemClock
from tests.integration.bus.redis_server import RedisServer


class Happened(Event):
    """Something with a number."""

    number: int


TOPIC = Topic("test.happened", Happened, keep_seconds=60)
STREAM = "hiddengem:evt.test.happened"


def numbered(*numbers: int) -> Sequence[Happened]:
    return [Happened(number=number) for number in numbers]


def said(batch: Batch[Happened]) -> tuple[list[int], bool]:
    return [event.number for event in batch.events], batch.missed


async def listening(events: RedisEvents, server: RedisServer) -> AsyncIterator[Batch[Happened]]:
    """A follower that certainly reads already: it has said so by hearing a first batch."""
    following = events.follow(TOPIC)
    first = asyncio.ensure_future(anext(following))
    with server.client() as client:
        while not any(row.get("cmd") == "xread" for row in client.client_list()):  # noqa: ASYNC110 - Redis tells
            await asyncio.sleep(0.01)
    await events.publish(TOPIC, numbered(0))
    assert said(await asyncio.wait_for(first, 5)) == ([0], False)
    return following


async def test_a_follower_hears_every_batch_in_order(server: RedisServer) -> None:
    async with open_events(server.url, instance="a") as ours, open_events(server.url, instance="b") as theirs:
        following = await listening(ours, server)
        for number in range(1, 50):
            await ours.publish(TOPIC, numbered(number, number * 100))
        heard = [said(await asyncio.wait_for(anext(following), 5)) for _ in range(1, 50)]
        assert heard == [([number, number * 100], False) for number in range(1, 50)]
        await theirs.publish(TOPIC, numbered(7))
        assert said(await asyncio.wait_for(anext(following), 5)) == ([7], True)


async def test_flushall_loses_events_and_the_follower_is_told(server: RedisServer) -> None:
    async with open_events(server.url, instance="a") as events:
        following = await listening(events, server)
        with server.client() as client:
            client.flushall()
        await events.publish(TOPIC, numbered(1))
        with server.client() as client:
            client.delete(STREAM)
        await events.publish(TOPIC, numbered(2))
        numbers, missed = [], False
        while 2 not in numbers:
            batch = await asyncio.wait_for(anext(following), 10)
            numbers += [event.number for event in batch.events]
            missed |= batch.missed
        assert missed or numbers == [1, 2]


async def test_a_restart_of_redis_is_survived(forgetful_server: RedisServer) -> None:
    async with open_events(forgetful_server.url, instance="a") as events:
        following = await listening(events, forgetful_server)
        waiting = asyncio.ensure_future(anext(following))
        forgetful_server.stop()
        with pytest.raises(Unavailable):
            await events.publish(TOPIC, numbered(1))
        forgetful_server.start()
        for number in range(2, 2000):
            try:
                await events.publish(TOPIC, numbered(number))
            except Unavailable:
                continue
            if waiting.done():
                break
            await asyncio.sleep(0.01)
        numbers, missed = said(await asyncio.wait_for(waiting, 10))
        assert missed
        assert numbers[0] > 1


async def test_what_is_old_is_trimmed_as_new_events_come(server: RedisServer) -> None:
    clock = ManualClock(SystemClock().utc_now())
    async with open_events(server.url, instance="a", clock=clock) as events:
        for number in range(300):
            await events.publish(TOPIC, numbered(number))
        clock.advance(120)
        await events.publish(TOPIC, numbered(300))
    with server.client() as client:
        assert client.xlen(STREAM) < 200


async def test_nothing_is_said_twice_when_redis_is_away(forgetful_server: RedisServer) -> None:
    forgetful_server.stop()
    async with open_events(forgetful_server.url, instance="a") as events:
        with pytest.raises(Unavailable):
            await events.publish(TOPIC, numbered(1))
    forgetful_server.start()
    with forgetful_server.client() as client:
        assert client.xlen(STREAM) == 0
