"""The simulated exchange as a live feed: its sessions trade by trade, at any speed, by its own clock.

A connection that is lost finds the feed where its clock has come to meanwhile, as with a real one. What it plays is the
same for the same seed, and adds up to the daily bars that the simulated exchange gives as history.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from libs.domain.errors import InvalidInput
from libs.domain.market import Symbol
from libs.marketdata.feed import FeedLost, FeedRefused, Tick, Ticks
from libs.marketdata.replay_feed import Sleep
from libs.marketdata.sim_market import Market
from libs.marketdata.sim_ticks import Tape, tape_of


@dataclass(slots=True)
class SimFeed:
    """Plays sessions of a simulated market; a `Feed`."""

    market: Market
    sessions: Sequence[date]
    speed: float = 1.0
    """How many seconds of the session pass in one; 0: as fast as the listener reads."""
    longest_pause: timedelta = timedelta(seconds=5)
    """Lunch and nights are cut to this much of the listener's time."""
    sleep: Sleep = asyncio.sleep
    name: str = "sim"
    replayed: bool = True
    _now: datetime | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.speed < 0:
            raise InvalidInput("speed", f"{self.speed} is negative")
        for session in self.sessions:
            self.market.number(session)

    def connect(self, symbols: Sequence[Symbol]) -> AbstractAsyncContextManager[AsyncIterator[Ticks]]:
        """Read from where the feed's clock stands; raises `FeedRefused` for shares that nobody lists."""
        unknown = sorted(set(symbols) - set(self.market.symbols))
        if unknown:
            raise FeedRefused(f"the simulated exchange lists no {', '.join(unknown)}")
        return self._connected(symbols)

    @asynccontextmanager
    async def _connected(self, symbols: Sequence[Symbol]) -> AsyncIterator[AsyncIterator[Ticks]]:
        async with aclosing(self._play(symbols)) as stream:
            yield stream

    async def _play(self, symbols: Sequence[Symbol]) -> AsyncGenerator[Ticks]:
        for session in self.sessions:
            tapes = [tape_of(self.market, symbol, session) for symbol in symbols if self._lists(symbol, session)]
            for now, ticks in seconds_of(tapes):
                if self._now is not None and now <= self._now:
                    continue
                await self._wait(now)
                self._now = now
                yield Ticks(now, tuple(ticks))
        raise FeedLost("the simulated sessions are over")

    def _lists(self, symbol: Symbol, session: date) -> bool:
        return bool(self.market.paths.listed[self.market.number(session), self.market.place(symbol)])

    async def _wait(self, now: datetime) -> None:
        if self._now is None or self.speed == 0:
            await self.sleep(0)
            return
        pause = (now - self._now).total_seconds() / self.speed
        await self.sleep(min(pause, self.longest_pause.total_seconds()))


def seconds_of(tapes: Sequence[Tape]) -> list[tuple[datetime, list[Tick]]]:
    """The ticks of several shares in one session, second by second: trades first, then what the quotes say of them."""
    ticks: dict[datetime, list[Tick]] = {}
    for tape in tapes:
        for trade in tape.trades():
            ticks.setdefault(trade.at, []).append(trade)
    for tape in tapes:
        for quote in tape.quotes():
            ticks[quote.at].append(quote)
    return sorted(ticks.items(), key=lambda pair: pair[0])
