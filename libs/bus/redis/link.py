"""One pipelined connection to Redis: commands packed by the caller, replies parsed by hiredis, no retry of any kind.

redis-py's own connection takes three times the processor time per message, which is why the hot path does not use it.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import hiredis

from libs.bus.errors import Unavailable

Reply = Any  # nested lists of bytes and ints, or hiredis.ReplyError: the shape is the command's
Done = Callable[[list[Reply] | None], None]

CONNECT_SECONDS = 5.0
READ_BYTES = 64 * 1024

_MORE = object()


def pack(*words: bytes | str | int) -> bytes:
    """One command as it goes over the wire."""
    packed: bytes = hiredis.pack_command(words)  # type: ignore[arg-type] # its stub takes one word only
    return packed


@dataclass(frozen=True, slots=True)
class Address:
    """Where Redis is and how to get in."""

    host: str = "localhost"
    port: int = 6379
    path: str | None = None
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None


@runtime_checkable
class _Wire(Protocol):
    """What a link needs of a transport. uvloop's are of no class of asyncio's, so what it can do decides."""

    def write(self, data: bytes) -> None: ...

    def abort(self) -> None: ...


@dataclass(slots=True)
class _Waiting:
    count: int
    done: Done
    replies: list[Reply] = field(default_factory=list)


class Link(asyncio.BufferedProtocol):
    """A connected socket; when it breaks, everything submitted hears `None` and the link is over."""

    def __init__(self, patience: float, *, eager: bool) -> None:
        self._patience = patience
        self._eager = eager
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(notEnoughData=_MORE)
        self._waiting: deque[_Waiting] = deque()
        self._out: list[bytes] = []
        # Read into one buffer kept for good: a fresh one of 256 KiB per read, asyncio's other way, costs more.
        self._buffer = bytearray(READ_BYTES)
        self._transport: _Wire | None = None
        self._watchdog: asyncio.TimerHandle | None = None
        self._heard_at = self._loop.time()
        self._ended = asyncio.Event()
        self.open = False

    @classmethod
    async def connect(cls, address: Address, *, name: str, patience: float, eager: bool) -> "Link":
        """Connect, authenticate, select the database.

        `patience`: how long a reply may take, blocking included. `eager`: write at once, for a link that one task uses
        alone; otherwise everything submitted within one turn of the event loop leaves in one write.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                if address.path is not None:
                    _, link = await loop.create_unix_connection(lambda: cls(patience, eager=eager), address.path)
                else:
                    _, link = await loop.create_connection(
                        lambda: cls(patience, eager=eager), address.host, address.port, ssl=address.tls
                    )
                await link.greet(address, name)
        except (OSError, TimeoutError) as e:
            raise Unavailable(f"cannot connect to redis: {type(e).__name__}") from e
        return link

    async def greet(self, address: Address, name: str) -> None:
        """Authenticate, select the database, and say who this is."""
        commands = []
        if address.password is not None:
            words = [address.username] if address.username else []
            commands.append(pack("AUTH", *words, address.password))
        if address.db:
            commands.append(pack("SELECT", address.db))
        commands.append(pack("CLIENT", "SETNAME", name))
        for reply in await self.run(b"".join(commands), len(commands)):
            if isinstance(reply, hiredis.ReplyError):
                self.close()
                raise Unavailable(f"redis refuses the connection: {str(reply).partition(' ')[0]}")

    def submit(self, commands: bytes, count: int, done: Done) -> None:
        """Send packed commands; `done` hears their `count` replies, or None when the link broke before."""
        if self._transport is None or not self.open:
            done(None)
            return
        if not self._waiting:
            self._heard_at = self._loop.time()
            if self._watchdog is None:
                self._watchdog = self._loop.call_later(self._patience, self._watch)
        self._waiting.append(_Waiting(count, done))
        if self._eager:
            self._transport.write(commands)
            return
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(commands)

    async def run(self, commands: bytes, count: int, heard: Callable[[list[Reply]], None] | None = None) -> list[Reply]:
        """Send packed commands and wait for their replies; raises `Unavailable` when the link breaks.

        `heard` gets the replies first, as soon as they are parsed.
        """
        future: asyncio.Future[list[Reply] | None] = self._loop.create_future()

        def done(replies: list[Reply] | None) -> None:
            if heard is not None and replies is not None:
                heard(replies)
            if not future.done():
                future.set_result(replies)

        self.submit(commands, count, done)
        replies = await future
        if replies is None:
            raise Unavailable("the connection to redis broke")
        return replies

    def close(self) -> None:
        """Cut the connection; what is under way is lost."""
        if self._transport is not None:
            self._transport.abort()

    async def closed(self) -> None:
        """Cut the connection and wait until its socket is gone."""
        if self._transport is not None:
            self._transport.abort()
            await self._ended.wait()

    def _flush(self) -> None:
        if self._transport is not None and self._out:
            self._transport.write(self._out[0] if len(self._out) == 1 else b"".join(self._out))
        self._out.clear()

    def _watch(self) -> None:
        """A server that owes replies and has been silent for too long counts as gone."""
        self._watchdog = None
        if not self._waiting:
            return
        silent_until = self._heard_at + self._patience
        if self._loop.time() >= silent_until:
            self.close()
        else:
            self._watchdog = self._loop.call_at(silent_until, self._watch)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, _Wire):
            raise TypeError(f"{type(transport).__name__} cannot be written to")
        self._transport = transport
        self.open = True

    def get_buffer(self, _sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._heard_at = self._loop.time()
        self._reader.feed(self._buffer, 0, nbytes)  # type: ignore[arg-type] # its stub knows no buffers
        while (reply := self._reader.gets()) is not _MORE:
            waiting = self._waiting[0]
            waiting.replies.append(reply)
            if len(waiting.replies) == waiting.count:
                self._waiting.popleft()
                waiting.done(waiting.replies)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.open = False
        self._transport = None
        self._ended.set()
        self._out.clear()
        if self._watchdog is not None:
            self._watchdog.cancel()
        while self._waiting:
            self._waiting.popleft().done(None)


class Line:
    """A link that is made again when it is needed and broken; whoever needs it decides about waiting."""

    def __init__(self, address: Address, *, name: str, patience: float, eager: bool) -> None:
        self._eager = eager
        self._address = address
        self._name = name
        self._patience = patience
        self._link: Link | None = None
        self._making = asyncio.Lock()

    @property
    def current(self) -> Link | None:
        """The open link, if there is one."""
        return self._link if self._link is not None and self._link.open else None

    async def link(self) -> Link:
        """The open link, connecting if need be; raises `Unavailable`."""
        if (link := self.current) is not None:
            return link
        async with self._making:
            if (link := self.current) is None:
                link = self._link = await Link.connect(
                    self._address, name=self._name, patience=self._patience, eager=self._eager
                )
        return link

    def cut(self) -> None:
        """Break the link; the next who needs one makes another."""
        if self._link is not None:
            self._link.close()

    async def close(self) -> None:
        """Close for good."""
        if self._link is not None:
            await self._link.closed()
