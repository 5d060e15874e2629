"""How questions leave this process and answers come back: one connection to write, one reply stream to read.

The reply stream lives as long as its reader: it expires a minute after the last read, and workers never create it. So
when it is gone, the server has lost its data or this process was silent for a minute; in both cases the questions in
flight are written again under the same ids. In no other case is anything sent twice.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from libs.bus.errors import Unavailable
from libs.bus.redis import entries
from libs.bus.redis.backlog import Backlog
from libs.bus.redis.clients import BLOCK_SECONDS
from libs.bus.redis.link import Line, Link, Reply, pack
from libs.bus.streams import REPLIES, Asker, Outgoing

log = logging.getLogger(__name__)

STREAM_TTL_SECONDS = 60
CHECK_SECONDS = 0.5
TRIM_EVERY = 256
READ_AT_ONCE = 512
RECONNECT_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.0)


class RedisOutlet:
    """Implements `libs.bus.streams.Outlet`; `run` owns the reading."""

    def __init__(
        self,
        instance: str,
        *,
        reader: Line,
        writer: Line,
        backlog: Backlog,
        asker: Asker,
    ) -> None:
        self.reply_stream = REPLIES + instance
        self._reader = reader
        self._writer = writer
        self._backlog = backlog
        self._receive = asker.receive
        self._send_again = asker.send_again
        self._reading = asyncio.Event()
        self._last: bytes | None = None
        self._read_since_trim = 0
        self._checked_at = 0.0

    @property
    def is_ready(self) -> bool:
        return self._writer.current is not None and self._reading.is_set()

    async def ready(self) -> None:
        attempt = 0
        while not self.is_ready:
            await self._reading.wait()
            try:
                await self._writer.link()
            except Unavailable:
                await asyncio.sleep(_delay(attempt))
                attempt += 1

    def send(self, outgoing: Sequence[Outgoing], refused: Callable[[int], None]) -> None:
        link = self._writer.current
        if link is None:
            for index in range(len(outgoing)):
                refused(index)
            return
        commands = [entries.add(entry, self.reply_stream) for entry in outgoing]
        now = asyncio.get_running_loop().time()
        check = now - self._checked_at > CHECK_SECONDS
        if check:
            self._checked_at = now
            commands.append(pack("EXPIRE", self.reply_stream, STREAM_TTL_SECONDS))

        def done(replies: list[Reply] | None) -> None:
            if replies is None:
                return
            for index in range(len(outgoing)):
                if not isinstance(replies[index], bytes):
                    log.error("question refused", extra={"reason": str(replies[index])})
                    refused(index)
            if check and replies[-1] == 0:
                self._restore()

        link.submit(b"".join(commands), len(commands), done)
        self._backlog.probe([entry.stream for entry in outgoing], link, now)

    async def append(self, outgoing: Sequence[Outgoing]) -> None:
        link = await self._writer.link()
        commands = [entries.add(entry, None) for entry in outgoing]
        for reply in await link.run(b"".join(commands), len(commands)):
            entries.checked(reply)

    def backlog(self, stream: str) -> int:
        return self._backlog.estimate(stream, self._writer.current)

    async def run(self) -> None:
        """Read answers until cancelled, through any break of the connection."""
        attempt = 0
        while True:
            try:
                await self._writer.link()
                link = await self._reader.link()
                await self._open_stream(link)
                attempt = 0
                self._reading.set()
                while True:
                    await self._read(link)
            except Unavailable as e:
                self._reading.clear()
                if attempt == 0:
                    log.warning("bus server is away", extra={"stream": self.reply_stream, "reason": str(e)})
                await asyncio.sleep(_delay(attempt))
                attempt += 1

    async def _open_stream(self, link: Link) -> None:
        """Make sure the stream is there. The first time, what an earlier life left in it is passed over."""
        alive = entries.checked((await link.run(self._keep(), 1))[0])
        if alive and self._last is not None:
            return
        first = self._last is None
        reply = await link.run(self._create() + self._keep(), 2)
        self._last = entries.checked(reply[0])
        if not first:
            self._send_again()

    async def _read(self, link: Link) -> None:
        last = self._last or b"0"
        commands = [self._keep()]
        if self._read_since_trim >= TRIM_EVERY:
            self._read_since_trim = 0
            commands.append(pack("XTRIM", self.reply_stream, "MINID", "=", last))
        block = int(BLOCK_SECONDS * 1000)
        commands.append(pack("XREAD", "COUNT", READ_AT_ONCE, "BLOCK", block, "STREAMS", self.reply_stream, last))
        replies = await link.run(b"".join(commands), len(commands), self._heard)
        if not entries.checked(replies[-1]) and entries.checked(replies[0]) == 0:
            self._restore()

    def _heard(self, replies: list[Reply]) -> None:
        """Hand answers over as they are parsed, a turn of the event loop before the reading goes on."""
        if isinstance(replies[-1], list):
            self._last, messages = entries.messages(replies[-1])
            self._read_since_trim += len(messages)
            self._receive(messages)

    def _restore(self) -> None:
        """The stream is gone: make it again and repeat what was asked."""
        link = self._writer.current
        if link is None:
            return
        log.warning("reply stream was gone; asking again", extra={"stream": self.reply_stream})
        link.submit(self._create() + self._keep(), 2, lambda _: None)
        self._send_again()

    def _create(self) -> bytes:
        return pack("XADD", self.reply_stream, "*", "o", "1")

    def _keep(self) -> bytes:
        return pack("EXPIRE", self.reply_stream, STREAM_TTL_SECONDS)


def _delay(attempt: int) -> float:
    return RECONNECT_SECONDS[min(attempt, len(RECONNECT_SECONDS) - 1)]
