"""A follower reads what was published and knows when it missed something."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.bus.events import Follower, MalformedEvents, Publisher
from libs.bus.memory_events import MemoryTopics
from libs.contracts.base import Event, Topic
from libs.contracts.market_events import FEED, FeedChanged, FeedCondition


class Happened(Event):
    """Something with a number."""

    number: int


TOPIC = Topic("test.happened", Happened)


def batches(publisher: Publisher, numbers: list[int]) -> list[bytes]:
    return [publisher.encode(TOPIC, [Happened(number=number)]) for number in numbers]


@given(st.sets(st.integers(0, 19)))
def test_every_gap_is_told_with_the_batch_after_it(gone: set[int]) -> None:
    stored = batches(Publisher("a"), list(range(20)))
    follower = Follower(TOPIC)
    kept = [number for number in range(20) if number not in gone]
    for place, number in enumerate(kept):
        batch = follower.read(stored[number])
        assert [event.number for event in batch.events] == [number]
        assert batch.missed == (place > 0 and kept[place - 1] != number - 1)


def test_a_publisher_that_began_anew_is_a_gap_once() -> None:
    follower = Follower(TOPIC)
    assert not follower.read(batches(Publisher("first"), [1])[0]).missed
    anew = batches(Publisher("second"), [2, 3])
    assert [follower.read(batch).missed for batch in anew] == [True, False]


def test_a_known_loss_is_told_with_the_next_batch() -> None:
    follower, publisher = Follower(TOPIC), Publisher("a")
    first, second = batches(publisher, [1, 2])
    follower.read(first)
    follower.lost()
    assert follower.read(second).missed


@pytest.mark.parametrize("stored", [b"", b"{}", b"[1]", b'["a",1,[{"number":"x"}]]', b"\xff", b'["a",1,5]'])
def test_what_cannot_be_read_is_refused(stored: bytes) -> None:
    with pytest.raises(MalformedEvents):
        Follower(TOPIC).read(stored)


def test_unknown_fields_of_newer_publishers_do_no_harm() -> None:
    batch = Follower(TOPIC).read(json.dumps(["a", 1, [{"number": 1, "later": True}]]).encode())
    assert batch.events[0].number == 1


async def test_those_who_listen_hear_and_others_do_not() -> None:
    topics = MemoryTopics()
    ours, theirs = topics.events("a"), topics.events("b")
    changed = FeedChanged(source="test", condition=FeedCondition.LOST, at=datetime(2024, 9, 2, tzinfo=UTC))
    await theirs.publish(FEED, [changed])
    following = ours.follow(FEED)
    first = asyncio.ensure_future(anext(following))
    await asyncio.sleep(0)
    await theirs.publish(FEED, [])
    await theirs.publish(FEED, [changed])
    batch = await asyncio.wait_for(first, 5)
    assert batch.events == (changed,)
    assert not batch.missed
    await following.aclose()  # type: ignore[attr-defined]  # an async generator behind the iterator of the port
