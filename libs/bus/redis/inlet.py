"""One stream read by one consumer of its group, over a connection of its own for reads that block."""

import asyncio
from collections.abc import Callable

from libs.bus.errors import Unavailable
from libs.bus.port import Depth
from libs.bus.redis import entries, janitor
from libs.bus.redis.clients import BLOCK_SECONDS
from libs.bus.redis.link import Line, Link, Reply, pack
from libs.bus.streams import Delivery, Settled

UNBLOCK_EVERY_SECONDS = 0.02
UNBLOCK_SECONDS = 1.0
OWN_PENDING = 10_000


class RedisInlet:
    """Implements `libs.bus.streams.Inlet`."""

    def __init__(self, stream: str, group: str, consumer: str, *, reader: Line, writer: Line) -> None:
        self._stream = stream
        self._group = group
        self._consumer = consumer
        self._reader = reader
        self._writer = writer
        self._prepared: Link | None = None
        self._client_id = 0
        self._blocked = False
        self._interrupted = False
        self._claimed_to = "0-0"

    async def take(self, want: int, settled: Settled) -> list[Delivery]:
        link = await self._prepared_link()
        commands = entries.settle(self._stream, self._group, settled)
        if not self._interrupted:
            commands.append(self._read(">", want, block=True))
        if not commands:
            return []
        self._blocked = True
        try:
            reply = (await link.run(b"".join(commands), len(commands)))[-1]
        finally:
            self._blocked = False
        if self._interrupted and not isinstance(reply, list):
            return []
        return entries.deliveries(await self._entries(link, reply))

    def settle(self, settled: Settled, failed: Callable[[Settled], None]) -> None:
        link = self._writer.current
        if link is None:
            failed(settled)
            return

        def done(replies: list[Reply] | None) -> None:
            if replies is None:
                failed(settled)

        commands = entries.settle(self._stream, self._group, settled)
        link.submit(b"".join(commands), len(commands), done)

    async def flush(self, settled: Settled) -> None:
        if settled:
            link = await self._writer.link()
            commands = entries.settle(self._stream, self._group, settled)
            await link.run(b"".join(commands), len(commands))

    async def interrupt(self) -> None:
        self._interrupted = True
        try:
            async with asyncio.timeout(UNBLOCK_SECONDS):
                while self._blocked:
                    link = await self._writer.link()
                    await link.run(pack("CLIENT", "UNBLOCK", self._client_id), 1)
                    await asyncio.sleep(UNBLOCK_EVERY_SECONDS)
        except (TimeoutError, Unavailable):
            # What the server hands to a closed connection stays with this consumer and is found at the next start.
            self._reader.cut()

    async def own_unfinished(self, after: str, count: int) -> list[Delivery]:
        link = await self._prepared_link()
        reply = (await link.run(self._read(after, count, block=False), 1))[0]
        found = await self._entries(link, reply)
        return await self._counted(link, found)

    async def claim(self, idle_ms: int, count: int) -> list[Delivery]:
        link = await self._writer.link()
        words = ("XAUTOCLAIM", self._stream, self._group, self._consumer, idle_ms, self._claimed_to, "COUNT", count)
        reply = (await link.run(pack(*words), 1))[0]
        if entries.is_error(reply, "NOGROUP"):
            return []
        # Redis looks at a part of what is pending per call and says where the next call should go on.
        self._claimed_to = entries.checked(reply)[0].decode()
        return await self._counted(link, reply[1])

    async def tidy(self, consumer_idle_ms: int) -> Depth:
        link = await self._writer.link()
        await janitor.forget_consumers(link, self._stream, self._group, idle_ms=consumer_idle_ms, keep=self._consumer)
        await janitor.trim(link, self._stream)
        return await janitor.depth(link, self._stream, self._group)

    async def close(self) -> None:
        await self._reader.close()

    def _read(self, after: str, count: int, *, block: bool) -> bytes:
        words: list[str | int] = ["XREADGROUP", "GROUP", self._group, self._consumer, "COUNT", count]
        if block:
            words += ["BLOCK", int(BLOCK_SECONDS * 1000)]
        return pack(*words, "STREAMS", self._stream, after)

    async def _prepared_link(self) -> Link:
        """The reader's link, with the group in place and its client id known."""
        link = await self._reader.link()
        if link is not self._prepared:
            await self._make_group(link)
            self._client_id = entries.checked((await link.run(pack("CLIENT", "ID"), 1))[0])
            self._prepared = link
        return link

    async def _make_group(self, link: Link) -> None:
        """Create the group at 0, so that what was written before it existed is read too."""
        command = pack("XGROUP", "CREATE", self._stream, self._group, "0", "MKSTREAM")
        reply = (await link.run(command, 1))[0]
        if not entries.is_error(reply, "BUSYGROUP"):
            entries.checked(reply)

    async def _entries(self, link: Link, reply: Reply) -> list[Reply]:
        """The entries of an XREADGROUP. The group may be gone (FLUSHALL, DEL): made again, and reading goes on."""
        if entries.is_error(reply, "NOGROUP") or entries.is_error(reply, "UNBLOCKED"):
            await self._make_group(link)
            return []
        found: list[Reply] = entries.checked(reply)[0][1] if reply else []
        return found

    async def _counted(self, link: Link, found: list[Reply]) -> list[Delivery]:
        """Entries delivered before, with how often; those deleted meanwhile are acknowledged away."""
        if not found:
            return []
        pending = pack("XPENDING", self._stream, self._group, "-", "+", OWN_PENDING, self._consumer)
        reply = entries.checked((await link.run(pending, 1))[0])
        tried = {entry_id.decode(): count for entry_id, _, _, count in reply}
        delivered = entries.deliveries(found, tried)
        if len(delivered) < len(found):
            await janitor.drop_deleted(link, self._stream, self._group, list(tried))
        return delivered
