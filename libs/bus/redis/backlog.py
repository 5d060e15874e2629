"""A cheap, slightly old idea of how much waits in each stream, so that a caller is refused before it adds to it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from libs.bus.errors import Unavailable
from libs.bus.redis.link import Link, Reply, pack

PROBE_SECONDS = 0.25


@dataclass(slots=True)
class _Known:
    asked_at: float
    depth: int = 0


class Backlog:
    """The length of a stream is asked for along with questions, at most four times a second.

    The length counts finished entries that are not trimmed yet. Only when it exceeds the limit, the true depth is asked
    for, by `run`.
    """

    def __init__(self, limit: int, measure: Callable[[str], Awaitable[int]]) -> None:
        self._limit = limit
        self._measure = measure
        self._known: dict[str, _Known] = {}
        self._doubtful: asyncio.Queue[str] = asyncio.Queue()

    async def run(self) -> None:
        """Measure the true depth of streams that look too long, until cancelled."""
        while True:
            stream = await self._doubtful.get()
            try:
                self._known[stream].depth = await self._measure(stream)
            except Unavailable:
                continue

    def estimate(self, stream: str, link: Link | None) -> int:
        """The depth as last known; above the limit it is asked for again, since nobody may be sending."""
        known = self._known.get(stream)
        if known is None:
            return 0
        if known.depth > self._limit and link is not None:
            self.probe([stream], link, asyncio.get_running_loop().time())
        return known.depth

    def probe(self, streams: Iterable[str], link: Link, now: float) -> None:
        """Ask for lengths where the last time is a while ago; leaves with the write of this turn of the loop."""
        for stream in streams:
            known = self._known.get(stream)
            if known is None:
                known = self._known[stream] = _Known(asked_at=now)
            elif now - known.asked_at < PROBE_SECONDS:
                continue
            known.asked_at = now
            self._ask(stream, link)

    def _ask(self, stream: str, link: Link) -> None:
        def done(replies: list[Reply] | None) -> None:
            if replies is None or not isinstance(replies[0], int):
                return
            if replies[0] > self._limit:
                self._doubtful.put_nowait(stream)
            else:
                self._known[stream].depth = replies[0]

        link.submit(pack("XLEN", stream), 1, done)
