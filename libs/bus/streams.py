"""What callers and workers need of a server with streams; Redis and the memory twin implement it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from libs.bus.port import Depth

QUESTIONS = "hiddengem:agent."
HINTS = "hiddengem:cmd."
REPLIES = "hiddengem:reply."


class Delivery(NamedTuple):
    """One stream entry as handed to a worker."""

    entry_id: str
    message: bytes
    reply_to: bytes | None = None
    expires_ms: int | None = None
    """When the asker stops waiting, in milliseconds since the epoch of the asker's clock."""
    tried: int = 1
    """Deliveries so far, this one included."""


class Outgoing(NamedTuple):
    """One entry to write."""

    stream: str
    message: bytes
    expires_ms: int | None = None


@dataclass(slots=True)
class Settled:
    """Finished work on its way to the server: answers by reply stream, and entries to acknowledge."""

    replies: dict[bytes, list[bytes]] = field(default_factory=dict)
    acks: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.replies or self.acks)

    def add(self, delivery: Delivery, reply: bytes | None) -> None:
        if reply is not None and delivery.reply_to is not None:
            self.replies.setdefault(delivery.reply_to, []).append(reply)
        self.acks.append(delivery.entry_id)

    def put_back(self, other: "Settled") -> None:
        """Take over what could not be written; writing it twice does no harm."""
        for stream, replies in other.replies.items():
            self.replies.setdefault(stream, []).extend(replies)
        self.acks.extend(other.acks)


class Inlet(Protocol):
    """One stream as one consumer of its group reads it. Every method raises `Unavailable` when the server is gone."""

    async def take(self, want: int, settled: Settled) -> list[Delivery]:
        """Write what is settled and read up to `want` new entries, in one write; waits a few seconds at most."""
        ...

    def settle(self, settled: Settled, failed: Callable[[Settled], None]) -> None:
        """Write what is settled while `take` waits; `failed` gets it back when it may not have arrived."""
        ...

    async def flush(self, settled: Settled) -> None:
        """Write what is settled and wait until the server has it."""
        ...

    async def interrupt(self) -> None:
        """Make a waiting `take` return now; nothing is lost by it."""
        ...

    async def own_unfinished(self, after: str, count: int) -> list[Delivery]:
        """Entries delivered to this consumer in an earlier life and never acknowledged, delivered again."""
        ...

    async def claim(self, idle_ms: int, count: int) -> list[Delivery]:
        """Take over entries that some consumer has had for `idle_ms` without finishing them."""
        ...

    async def tidy(self, consumer_idle_ms: int) -> Depth:
        """Trim what every group has finished, forget consumers that are gone, and say what waits."""
        ...

    async def close(self) -> None: ...


class Asker(Protocol):
    """Whoever waits for answers at the other end of an outlet."""

    def receive(self, messages: Iterable[bytes]) -> None: ...

    def send_again(self) -> None: ...


class Outlet(Protocol):
    """How a caller writes questions; answers come back to its `Asker`."""

    @property
    def reply_stream(self) -> str: ...

    @property
    def is_ready(self) -> bool:
        """True while connected with the reply stream in place."""
        ...

    async def ready(self) -> None:
        """Wait until the server is reachable and the reply stream is there."""
        ...

    def send(self, entries: Sequence[Outgoing], refused: Callable[[int], None]) -> None:
        """Write questions; `refused` is called with the index of an entry that the server did not take.

        A connection that breaks refuses nothing: the entry may have arrived, so its caller waits on.
        """
        ...

    async def append(self, entries: Sequence[Outgoing]) -> None:
        """Write hints and wait until all are stored; raises `Unavailable`."""
        ...

    def backlog(self, stream: str) -> int:
        """About how many entries wait in a stream; never blocks, may be a quarter of a second old."""
        ...


class Directory(Protocol):
    """Cards and leases: small values that vanish by themselves."""

    async def put_card(self, instance: str, card: bytes, ttl_ms: int) -> None: ...

    async def drop_card(self, instance: str) -> None: ...

    async def cards(self) -> list[bytes]: ...

    async def take_lease(self, instance: str, holder: str, ttl_ms: int) -> str | None:
        """Take the lease if it is free or already this holder's; returns the other holder otherwise."""
        ...

    async def renew_lease(self, instance: str, holder: str, ttl_ms: int) -> str | None:
        """Hold on for another `ttl_ms`; returns the other holder if there is one."""
        ...

    async def drop_lease(self, instance: str, holder: str) -> None: ...
