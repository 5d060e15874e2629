"""The bus over any server with streams: the port's words, put together from caller, lanes and presence."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

from libs.bus.burial import Burial
from libs.bus.caller import Caller
from libs.bus.dead_letters import DeadLetterSink
from libs.bus.endpoint import Endpoint
from libs.bus.errors import BusError
from libs.bus.lane import Lane, LaneTools
from libs.bus.metrics import BusMetrics
from libs.bus.port import (
    DEFAULT_LIMITS,
    DEFAULT_SERVE_OPTIONS,
    NO_CONTEXT,
    BusLimits,
    CallContext,
    Depth,
    Hint,
    ServeOptions,
)
from libs.bus.presence import CARD_SECONDS, present
from libs.bus.streams import HINTS, QUESTIONS, Directory, Inlet
from libs.bus.treatment import Hints, Questions, Treatment
from libs.contracts.base import Method, Tool
from libs.contracts.card import AgentCard
from libs.domain.clock import Clock

P = TypeVar("P", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)


class Streams(Protocol):
    """A server with streams, as one instance reaches it."""

    @property
    def directory(self) -> Directory: ...

    def inlet(self, stream: str, group: str) -> Inlet: ...

    async def depth(self, stream: str, group: str) -> Depth: ...


class StreamBus:
    """Implements `libs.bus.port.Bus`."""

    def __init__(
        self,
        streams: Streams,
        caller: Caller,
        *,
        clock: Clock,
        metrics: BusMetrics,
        limits: BusLimits = DEFAULT_LIMITS,
    ) -> None:
        self._streams = streams
        self._caller = caller
        self._clock = clock
        self._metrics = metrics
        self._limits = limits

    async def call(
        self,
        service: str,
        method: Method[P, R] | Tool[P, R],
        params: P,
        *,
        timeout: float,
        context: CallContext = NO_CONTEXT,
    ) -> R:
        answers = await self._caller.fan_out([service], method, params, timeout=timeout, context=context)
        answer = answers[service]
        if isinstance(answer, BusError):
            raise answer
        return answer

    async def fan_out(
        self,
        services: Sequence[str],
        method: Method[P, R] | Tool[P, R],
        params: P,
        *,
        timeout: float,
        context: CallContext = NO_CONTEXT,
        heard: Callable[[str], None] | None = None,
    ) -> dict[str, R | BusError]:
        return await self._caller.fan_out(services, method, params, timeout=timeout, context=context, heard=heard)

    async def request(self, service: str, method: str, params: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        return await self._caller.request(service, method, params, timeout)

    async def list_tools(self, service: str, *, timeout: float = 5.0) -> list[dict[str, Any]]:
        tools = (await self._caller.request(service, "tools/list", {}, timeout)).get("tools")
        return [tool for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []

    async def hint(self, hints: Sequence[Hint]) -> None:
        if hints:
            await self._caller.hint(hints)

    async def serve(
        self,
        endpoint: Endpoint,
        stop: asyncio.Event,
        *,
        dead_letters: DeadLetterSink,
        options: ServeOptions = DEFAULT_SERVE_OPTIONS,
    ) -> None:
        lanes = self._lanes(endpoint, dead_letters, options)
        async with self.presence(endpoint.card), asyncio.TaskGroup() as group:
            for lane in lanes:
                group.create_task(lane.run(stop))

    def presence(self, card: AgentCard) -> AbstractAsyncContextManager[None]:
        return present(self._streams.directory, card)

    async def announce(self, card: AgentCard, *, ttl: float = CARD_SECONDS) -> None:
        text = card.model_dump_json().encode()
        await self._streams.directory.put_card(card.instance, text, int(ttl * 1000))

    async def cards(self) -> list[AgentCard]:
        cards = [AgentCard.model_validate_json(text) for text in await self._streams.directory.cards()]
        return sorted(cards, key=lambda card: (card.name, card.instance))

    async def depth(self, service: str) -> Depth:
        questions = await self._streams.depth(QUESTIONS + service, service)
        hints = await self._streams.depth(HINTS + service, service)
        return Depth(questions.waiting + hints.waiting, questions.in_hand + hints.in_hand)

    def _lanes(self, endpoint: Endpoint, sink: DeadLetterSink, options: ServeOptions) -> list[Lane]:
        name = endpoint.name
        burial = Burial(name, sink, clock=self._clock, metrics=self._metrics)
        tools = LaneTools(name, options, burial, self._clock, self._metrics)

        def lane(prefix: str, treatment: Treatment, slots: int) -> Lane:
            return Lane(prefix + name, self._streams.inlet(prefix + name, name), treatment, slots=slots, tools=tools)

        size = self._limits.message_bytes
        questions = Questions(endpoint, clock=self._clock, metrics=self._metrics, message_bytes=size)
        lanes = [lane(QUESTIONS, questions, options.questions_in_hand)]
        if endpoint.takes_hints:
            hints = Hints(endpoint, clock=self._clock, metrics=self._metrics, message_bytes=size)
            lanes.append(lane(HINTS, hints, options.hints_in_hand))
        return lanes
