"""A page that many ask for: made at most once in a while, kept as the bytes that go out. Many askers cost one look."""

import asyncio
from collections.abc import Awaitable, Callable

from libs.domain.clock import Clock


class KeptPage:
    """Bytes that are at most `seconds` old."""

    def __init__(self, make: Callable[[], Awaitable[bytes]], clock: Clock, *, seconds: float) -> None:
        self._make = make
        self._clock = clock
        self._seconds = seconds
        self._bytes = b""
        self._fresh_until = float("-inf")
        self._making = asyncio.Lock()

    def at_hand(self) -> bytes | None:
        """The page when it is fresh; None when somebody has to make it."""
        return self._bytes if self._clock.monotonic() < self._fresh_until else None

    async def encoded(self) -> bytes:
        """The page, made now if it must be."""
        async with self._making:
            if (fresh := self.at_hand()) is not None:
                return fresh
            self._bytes = await self._make()
            self._fresh_until = self._clock.monotonic() + self._seconds
            return self._bytes
