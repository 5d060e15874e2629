"""A lost feed is connected and subscribed again, later each time, for ever; one that refuses is not asked again."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.domain.market import Symbol
from libs.marketdata.feed import FeedLost, FeedRefused, Ticks
from libs.marketdata.feed_loop import Backoff, FeedLoop

MAOTAI = Symbol("600519.SH")
NOTHING = Ticks(datetime(2024, 9, 2, tzinfo=UTC), ())


@dataclass
class ScriptedFeed:
    """Plays one script per connection: how many batches come before it is lost; None refuses, -1 falls silent."""

    scripts: list[int | None]
    subscribed: list[list[Symbol]] = field(default_factory=list)
    name: str = "scripted"
    replayed: bool = False

    @asynccontextmanager
    async def connect(self, symbols: Sequence[Symbol]) -> AsyncIterator[AsyncIterator[Ticks]]:
        if not self.scripts or self.scripts[0] is None:
            raise FeedRefused("enough")
        self.subscribed.append(list(symbols))
        yield self._read(self.scripts.pop(0) or 0)

    async def _read(self, batches: int) -> AsyncIterator[Ticks]:
        for _ in range(batches):
            yield NOTHING
        if batches < 0:
            await asyncio.Event().wait()
        raise FeedLost("gone")


@dataclass
class Heard:
    """Remembers what became of the feed."""

    events: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    closed: bool = False

    async def connected(self) -> None:
        self.events.append("connected")

    async def heard(self, ticks: Ticks) -> None:
        del ticks
        self.events.append("heard")

    async def lost(self, reason: str, retry_seconds: float) -> None:
        self.events.append(f"lost: {reason}")
        self.waits.append(retry_seconds)

    def may_be_silent(self) -> bool:
        return self.closed


async def run(feed: ScriptedFeed, listener: Heard, *, silence_seconds: float = 5.0) -> list[float]:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    backoff = Backoff(first_seconds=1.0, longest_seconds=8.0)
    loop = FeedLoop(feed, [MAOTAI], listener, backoff, silence_seconds, Random(7), sleep)
    with pytest.raises(FeedRefused):
        await loop.run()
    return slept


@pytest.mark.requirement("B10")
async def test_a_lost_feed_is_subscribed_again_and_what_it_says_is_heard() -> None:
    feed, listener = ScriptedFeed([2, 1]), Heard()
    await run(feed, listener)
    assert listener.events == ["connected", "heard", "heard", "lost: gone", "connected", "heard", "lost: gone"]
    assert feed.subscribed == [[MAOTAI], [MAOTAI]]


async def test_the_wait_grows_up_to_a_limit_and_begins_anew_after_a_good_word() -> None:
    listener = Heard()
    slept = await run(ScriptedFeed([0, 0, 0, 0, 0, 1, 0]), listener)
    assert slept == listener.waits
    bounds = [1, 2, 4, 8, 8, 1, 2]
    assert all(0 <= wait <= bound for wait, bound in zip(slept, bounds, strict=True))
    assert max(slept[2:5]) > 1


async def test_silence_while_the_exchange_trades_is_a_loss() -> None:
    listener = Heard()
    await run(ScriptedFeed([-1]), listener, silence_seconds=0.01)
    assert listener.events[-1].startswith("lost: scripted: silent")


async def test_silence_outside_the_session_is_none() -> None:
    listener = Heard(closed=True)
    task = asyncio.ensure_future(run(ScriptedFeed([-1]), listener, silence_seconds=0.01))
    done, _ = await asyncio.wait({task}, timeout=0.1)
    assert not done
    assert listener.events == ["connected"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@given(st.integers(0, 10_000), st.integers(0, 2**32))
def test_no_wait_exceeds_its_bound(attempt: int, seed: int) -> None:
    backoff = Backoff()
    assert 0 <= backoff.seconds(attempt, Random(seed)) <= backoff.bound(attempt) <= backoff.longest_seconds
