"""Conversations, services and counters for the tests of the bus."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from libs.bus.dead_letters import DeadLetterList
from libs.bus.endpoint import Endpoint
from libs.bus.metrics import NoMetrics
from libs.bus.port import DEFAULT_LIMITS, Bus, BusLimits, Call, Hint, ServeOptions
from libs.contracts.base import Command, Method, Nothing, Tool
from libs.contracts.card import AgentCard
from libs.domain.clock import Clock, SystemClock
from libs.domain.errors import HiddenGemError, InvalidInput

PATIENCE = 10.0
"""How long a test waits for what must happen; it never waits for time to pass."""


class Number(Command):
    value: int


class Doubled(Command):
    value: int


DOUBLE = Tool("double", "Twice the value.", Number, Doubled)
HALVE = Method("desk.halve", Number, Doubled)
NOTE = Method("desk.note", Number, Nothing)


class Busy(HiddenGemError):
    """The database is busy."""

    code = "test.busy"
    retryable = True


class Refused(HiddenGemError):
    """It cannot be done."""

    code = "test.refused"


SECRET = "postgresql://risk:S3cr3t@db"


def card(name: str, instance: str) -> AgentCard:
    return AgentCard(name=name, instance=instance, role="analyst", version="1.0", tools=("double",))


async def double(number: Number, _call: Call) -> Doubled:
    match number.value:
        case -1:
            raise Busy(SECRET)
        case -2:
            raise RuntimeError(SECRET)
        case -3:
            raise InvalidInput("symbol", SECRET)
        case _:
            return Doubled(value=number.value * 2)


async def halve(number: Number, call: Call) -> Doubled:
    return Doubled(value=(await double(number, call)).value // 4)


@dataclass
class Notes:
    """A handler of hints that writes down what came, and fails while told to."""

    seen: list[tuple[int, int]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    fail_with: Callable[[int], Exception | None] = lambda _: None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, number: Number, call: Call) -> Nothing:
        self.seen.append((number.value, call.delivery))
        self.calls.append(call)
        self.changed.set()
        if (failure := self.fail_with(len(self.seen))) is not None:
            raise failure
        return Nothing()

    @property
    def values(self) -> list[int]:
        return [value for value, _ in self.seen]

    def are(self, seen: list[tuple[int, int]]) -> bool:
        return self.seen == seen


def endpoint(name: str = "technical", instance: str = "technical-1", notes: Notes | None = None) -> Endpoint:
    """A service with a tool, a method, and a taker of hints."""
    found = Endpoint(card(name, instance), instructions="Doubles.")
    found.tool(DOUBLE, double)
    found.method(HALVE, halve)
    found.method(NOTE, notes or Notes())
    return found


class Counts(NoMetrics):
    """Counts what the bus reports."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.depths: list[tuple[str, int, int]] = []

    def answered(self, _service: str, method: str, outcome: str, _seconds: float, /) -> None:
        self.seen[f"answered {method} {outcome}"] += 1

    def expired(self, _service: str, /) -> None:
        self.seen["expired"] += 1

    def redelivered(self, _service: str, /) -> None:
        self.seen["redelivered"] += 1

    def dead_letter(self, _service: str, reason: str, /) -> None:
        self.seen[f"dead letter {reason}"] += 1

    def overloaded(self, _service: str, /) -> None:
        self.seen["overloaded"] += 1

    def late_reply(self, count: int, /) -> None:
        self.seen["late reply"] += count

    def queue_depth(self, _service: str, stream: str, waiting: int, in_hand: int, /) -> None:
        self.depths.append((stream, waiting, in_hand))


class ShiftedClock(SystemClock):
    """A machine whose wall clock is off."""

    def __init__(self, seconds: float) -> None:
        self._shift = timedelta(seconds=seconds)

    def utc_now(self) -> datetime:
        return datetime.now(UTC) + self._shift  # noqa: TID251 this is a clock


class World(Protocol):
    """A server that carries buses, and what a test does to it behind their backs."""

    def bus(
        self,
        instance: str,
        *,
        clock: Clock = ...,
        metrics: NoMetrics = ...,
        limits: BusLimits = ...,
    ) -> AbstractAsyncContextManager[Bus]: ...

    async def write(
        self, stream: str, message: bytes, *, reply_to: str | None = None, expires_ms: int | None = None
    ) -> None:
        """Write an entry by another hand than the bus's."""
        ...

    async def lose_everything(self) -> None: ...


SYSTEM = SystemClock()
UNCOUNTED = NoMetrics()
QUICK = ServeOptions(longest_deadline_seconds=PATIENCE, drain_seconds=PATIENCE, tidy_seconds=0.05)


@dataclass
class Serving:
    """A service that runs, and the way to end it."""

    task: asyncio.Task[None]
    stop: asyncio.Event
    letters: DeadLetterList
    counts: Counts
    bus: Bus

    async def drain(self) -> None:
        self.stop.set()
        async with asyncio.timeout(PATIENCE):
            await self.task

    async def kill(self) -> None:
        """End it in the middle of its work, as a crash would: nothing is acknowledged."""
        self.task.cancel()
        await asyncio.wait([self.task])


@asynccontextmanager
async def serving(
    world: World,
    served: Endpoint,
    *,
    options: ServeOptions = QUICK,
    clock: Clock = SYSTEM,
    limits: BusLimits = DEFAULT_LIMITS,
    letters: DeadLetterList | None = None,
) -> AsyncIterator[Serving]:
    """Serve while inside."""
    counts, stop = Counts(), asyncio.Event()
    sink = letters or DeadLetterList()
    async with world.bus(served.card.instance, clock=clock, metrics=counts, limits=limits) as bus:
        task = asyncio.create_task(bus.serve(served, stop, dead_letters=sink, options=options))
        running = Serving(task, stop, sink, counts, bus)
        try:
            yield running
        finally:
            if not task.done():
                await running.drain()
        if not task.cancelled():
            task.result()


async def eventually(holds: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait until something holds; looked at often, given up after `PATIENCE`."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = holds()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.005)


QUESTIONS = "hiddengem:agent.technical"


HINTS = "hiddengem:cmd.technical"


FAST_CLAIM = replace(QUICK, longest_deadline_seconds=0.1)


class Text(Command):
    text: str


class Gate:
    """A handler that waits until it is let through."""

    def __init__(self) -> None:
        self.entered = 0
        self.at_once = 0
        self.most_at_once = 0
        self.deliveries: list[int] = []
        self.open = asyncio.Event()

    async def __call__(self, number: Number, call: Call) -> Doubled:
        self.entered += 1
        self.deliveries.append(call.delivery)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.open.wait()
        finally:
            self.at_once -= 1
        return Doubled(value=number.value * 2)


def gated(gate: Gate, instance: str = "technical-1") -> Any:
    served = endpoint(instance=instance)
    served.tool(Tool("wait", "Waits.", Number, Doubled), gate)
    return served


WAIT = Tool("wait", "Waits.", Number, Doubled)


def hint(msg_id: str, value: int, method: str = NOTE.name) -> Hint:
    return Hint("technical", msg_id, method, {"value": value})


async def depth_is(bus: Any, total: int) -> bool:
    return bool((await bus.depth("technical")).total == total)


async def cards_are(bus: Any, instances: list[str]) -> bool:
    return [found.instance for found in await bus.cards()] == instances


async def answers(bus: Any) -> bool:
    answer = (await bus.fan_out(["technical"], DOUBLE, Number(value=1), timeout=0.5))["technical"]
    return bool(answer == Doubled(value=2))
