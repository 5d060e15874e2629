"""A feed over the desk's own tick protocol (`feed_wire`): a broker's bridge, or a recording that is played."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidURI, WebSocketException

from libs.domain.errors import InvalidInput
from libs.domain.market import Symbol
from libs.marketdata import feed_wire
from libs.marketdata.feed import FeedEnded, FeedLost, FeedRefused, Ticks

REPLAY_PREFIX = "replay+"
_GOODBYE_SECONDS = 2.0


def shown_address(address: str) -> str:
    """An address without what may be secret in it: user, password, query. For logs and for `feed status`."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.netloc else address


class SocketFeed:
    """Implements `libs.marketdata.feed.Feed`.

    `address` is `ws://…` or `wss://…`. A server that plays a recording is refused unless the address says that one is
    expected, `replay+ws://…`: old prices in a live market would be traded on.
    """

    def __init__(self, address: str, *, connect_seconds: float = 10.0) -> None:
        self.replayed = address.startswith(REPLAY_PREFIX)
        self._url = address.removeprefix(REPLAY_PREFIX)
        if not self._url.startswith(("ws://", "wss://")):
            raise InvalidInput("HIDDENGEM_FEED", f"{shown_address(address)[:80]!r} is no ws:// or wss:// address")
        self.name = "replay" if self.replayed else "socket"
        self._shown = shown_address(self._url)
        self._connect_seconds = connect_seconds

    @asynccontextmanager
    async def connect(self, symbols: Sequence[Symbol]) -> AsyncIterator[AsyncIterator[Ticks]]:
        """Connect, check who answers, subscribe."""
        try:
            async with asyncio.timeout(self._connect_seconds):
                socket = await connect(
                    self._url, max_size=feed_wire.LONGEST_MESSAGE, proxy=None, close_timeout=_GOODBYE_SECONDS
                )
        except InvalidURI as e:
            raise FeedRefused(f"{self._shown}: not an address") from e
        except (OSError, TimeoutError, InvalidHandshake) as e:
            raise FeedLost(f"{self._shown}: {type(e).__name__}") from e
        async with socket:
            await self._agree(socket, symbols)
            yield self._read(socket)

    async def _agree(self, socket: ClientConnection, symbols: Sequence[Symbol]) -> None:
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, replay = feed_wire.read_hello(await socket.recv())
                if replay != self.replayed:
                    what = "plays a recording" if replay else "is live"
                    raise FeedRefused(f"{self._shown} {what}, which is not what HIDDENGEM_FEED says")
                await socket.send(feed_wire.subscription(symbols))
        except (WebSocketException, OSError, TimeoutError) as e:
            raise FeedLost(f"{self._shown}: {type(e).__name__}") from e

    async def _read(self, socket: ClientConnection) -> AsyncIterator[Ticks]:
        while True:
            try:
                message = await socket.recv()
            except (WebSocketException, OSError) as e:
                raise FeedLost(f"{self._shown}: {type(e).__name__}") from e
            ticks = feed_wire.read_ticks(message)
            if ticks is None and self.replayed:
                raise FeedEnded(f"{self._shown}: the recording is over")
            if ticks is None:
                return
            yield ticks
