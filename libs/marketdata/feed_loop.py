"""Keep a feed alive: connect, subscribe, read; after a loss wait longer each time, connect and subscribe again.

The waiting grows exponentially up to a limit, with full jitter, so that many desks do not come back at once. A feed
that is connected and says nothing while the exchange trades is lost, too: half-open connections look like quiet ones.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from libs.domain.market import Symbol
from libs.marketdata.feed import Feed, FeedLost, Ticks

log = logging.getLogger(__name__)

Sleep = Callable[[float], Awaitable[None]]


class Listener(Protocol):
    """What becomes of a feed; every method is called in the order of what happened."""

    async def connected(self) -> None: ...

    async def heard(self, ticks: Ticks) -> None: ...

    async def lost(self, reason: str, retry_seconds: float) -> None: ...

    def may_be_silent(self) -> bool:
        """Whether silence is right just now: the exchange is closed."""
        ...


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before a connection is tried again: somewhere between nothing and the bound of the attempt."""

    first_seconds: float = 0.5
    factor: float = 2.0
    longest_seconds: float = 60.0

    def bound(self, attempt: int) -> float:
        """The longest wait before attempt number `attempt`, counted from 0."""
        return min(self.longest_seconds, self.first_seconds * self.factor ** min(attempt, 64))

    def seconds(self, attempt: int, random: Random) -> float:
        """The wait before an attempt, with full jitter."""
        return random.uniform(0.0, self.bound(attempt))


@dataclass(frozen=True, slots=True)
class FeedLoop:
    """Runs one feed until cancelled, or until it is over for good (`FeedRefused` or `FeedEnded` is raised)."""

    feed: Feed
    symbols: Sequence[Symbol]
    listener: Listener
    backoff: Backoff = Backoff()
    silence_seconds: float = 30.0
    random: Random = Random()  # noqa: RUF009, S311 - spreads waits, protects nothing
    sleep: Sleep = asyncio.sleep

    async def run(self) -> None:
        """Read until cancelled. The waiting starts anew once something was heard."""
        attempt = 0
        while True:
            try:
                async with self.feed.connect(self.symbols) as stream:
                    await self.listener.connected()
                    while True:
                        await self.listener.heard(await self._next(stream))
                        attempt = 0
            except FeedLost as e:
                wait = max(e.wait_seconds, self.backoff.seconds(attempt, self.random))
                attempt += 1
                log.warning("feed lost", extra={"feed": self.feed.name, "reason": str(e), "retry_seconds": wait})
                await self.listener.lost(str(e), wait)
                await self.sleep(wait)

    async def _next(self, stream: AsyncIterator[Ticks]) -> Ticks:
        """What comes next; raises `FeedLost` at the end of the stream and after too long a silence."""
        pending = asyncio.ensure_future(anext(stream))
        try:
            while True:
                done, _ = await asyncio.wait({pending}, timeout=self.silence_seconds)
                if done:
                    return pending.result()
                if not self.listener.may_be_silent():
                    raise FeedLost(f"{self.feed.name}: silent for {self.silence_seconds:g} s while the exchange trades")
        except StopAsyncIteration:
            raise FeedLost(f"{self.feed.name}: the stream ended") from None
        finally:
            if not pending.done():
                pending.cancel()
                await asyncio.gather(pending, return_exceptions=True)
