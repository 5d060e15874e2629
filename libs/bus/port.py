"""The bus as the rest of the desk sees it. Program against these types; Redis and the memory twin implement them.

Delivery guarantees stand in `README.md` beside this file: questions and hints are at least once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import BaseModel

from libs.bus.errors import BusError
from libs.contracts.base import Method, Tool
from libs.contracts.card import AgentCard

if TYPE_CHECKING:
    from libs.bus.dead_letters import DeadLetterSink
    from libs.bus.endpoint import Endpoint

P = TypeVar("P", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class CallContext:
    """What travels with a message beside its parameters, in `params._meta`."""

    now: datetime | None = None
    """Desk time, `hiddengem/now`; handlers use it, never a clock of their own."""
    round_id: str | None = None
    traceparent: str | None = None


NO_CONTEXT = CallContext()


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler is told besides its parameters."""

    msg_id: str
    """The key of the inbox: a message that is delivered again carries the same one."""
    method: str
    caller: str
    context: CallContext
    deadline: float
    """On the `monotonic()` of the bus's clock; the handler is cancelled then."""
    delivery: int
    """1 at the first try; every further delivery or retry counts one up."""


Handler = Callable[[P, Call], Awaitable[R]]


@dataclass(frozen=True, slots=True)
class Hint:
    """A message nobody waits for: it carries ids, and its handler reads the truth from the database."""

    service: str
    msg_id: str
    method_name: str
    params: Mapping[str, Any]
    now: datetime | None = None
    round_id: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How an endpoint is served."""

    questions_in_hand: int = 32
    """Questions handled at the same time."""
    hints_in_hand: int = 1
    """Hints handled at the same time; 1 keeps them in order."""
    longest_deadline_seconds: float = 60.0
    """No handler runs longer. Work of a silent consumer is claimed after twice this."""
    max_deliveries: int = 5
    """After so many deliveries without success an entry becomes a dead letter."""
    drain_seconds: float = 5.0
    """How long a stop waits for what is in hand."""
    tidy_seconds: float = 5.0
    """How often the streams are trimmed and their depth is measured."""


@dataclass(frozen=True, slots=True)
class Depth:
    """Work in the stream of a service: not yet delivered, and delivered but not finished."""

    waiting: int
    in_hand: int

    @property
    def total(self) -> int:
        return self.waiting + self.in_hand


@dataclass(frozen=True, slots=True)
class BusLimits:
    """Where the bus says no."""

    pending_per_service: int = 1000
    """Above so many waiting questions a caller gets `bus.overloaded`."""
    message_bytes: int = 4 * 1024 * 1024
    """No message is larger, in either direction."""


DEFAULT_SERVE_OPTIONS = ServeOptions()
DEFAULT_LIMITS = BusLimits()


class Bus(Protocol):
    """Ask, hint, serve, and know who is alive."""

    async def call(
        self, service: str, method: Method[P, R] | Tool[P, R], params: P, *, timeout: float, context: CallContext = ...
    ) -> R:
        """Ask one service; raises a `BusError` when there is no good answer within `timeout` seconds."""
        ...

    async def fan_out(
        self,
        services: Sequence[str],
        method: Method[P, R] | Tool[P, R],
        params: P,
        *,
        timeout: float,
        context: CallContext = ...,
        heard: Callable[[str], None] | None = None,
    ) -> dict[str, R | BusError]:
        """Ask many services the same at once, in one write; one entry per service, a failure as a value.

        `heard` is called with a service's name as its answer comes in.
        """
        ...

    async def request(self, service: str, method: str, params: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Ask as an outside MCP client would, untyped; raises `RpcRefused` with the JSON-RPC error as it came."""
        ...

    async def list_tools(self, service: str, *, timeout: float = ...) -> list[dict[str, Any]]:
        """The tools of a service with their JSON schemas, as `tools/list` says them."""
        ...

    async def hint(self, hints: Sequence[Hint]) -> None:
        """Write hints to command streams, all in one write; for the relay alone.

        Raises `Unavailable` when any of them may not have been stored: send all again with the same ids.
        """
        ...

    async def serve(
        self, endpoint: "Endpoint", stop: asyncio.Event, *, dead_letters: "DeadLetterSink", options: ServeOptions = ...
    ) -> None:
        """Answer until `stop` is set, then drain. Announces the endpoint's card while it runs.

        Raises `InstanceTaken` when another process holds this instance id.
        """
        ...

    def presence(self, card: AgentCard) -> AbstractAsyncContextManager[None]:
        """Hold the instance's lease and announce its card while inside; for processes that serve no endpoint."""
        ...

    async def announce(self, card: AgentCard, *, ttl: float = ...) -> None:
        """Show a card once, for `ttl` seconds."""
        ...

    async def cards(self) -> list[AgentCard]:
        """Everyone alive, by name and instance."""
        ...

    async def depth(self, service: str) -> Depth:
        """How much work waits for a service."""
        ...
