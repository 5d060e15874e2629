"""Ask and wait: who asked what under which id, until the answer or the deadline comes."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import uuid4

import msgspec
from pydantic import BaseModel, TypeAdapter, ValidationError

from libs.bus import mcp, wire
from libs.bus.errors import BusError, DeadlineExceeded, MalformedAnswer, MessageTooLarge, Overloaded, Unavailable
from libs.bus.faults import from_tool, from_wire, refused
from libs.bus.metrics import BusMetrics
from libs.bus.port import BusLimits, CallContext, Hint
from libs.bus.streams import HINTS, QUESTIONS, Outgoing, Outlet
from libs.contracts.base import Method, Tool
from libs.domain.clock import Clock

P = TypeVar("P", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)

Heard = Callable[[str], None]
"""Is told the name of each service as its answer comes in."""


class Ask:
    """One question to one or more services; done when all have answered, failed, or the deadline is over."""

    __slots__ = ("answers", "done", "heard", "open")

    def __init__(self, done: asyncio.Future[None], heard: Heard | None = None) -> None:
        self.answers: dict[str, wire.Response | BusError] = {}
        self.open: dict[str, str] = {}
        self.done = done
        self.heard = heard

    def settle(self, msg_id: str, answer: wire.Response | BusError) -> None:
        service = self.open.pop(msg_id, None)
        if service is None:
            return
        self.answers[service] = answer
        if self.heard is not None:
            self.heard(service)
        if not self.open and not self.done.done():
            self.done.set_result(None)


@dataclass(slots=True)
class _Pending:
    ask: Ask
    service: str
    entry: Outgoing


class Caller:
    """Everything this process has asked and not yet heard of."""

    def __init__(self, instance: str, *, clock: Clock, metrics: BusMetrics, limits: BusLimits) -> None:
        self._client = wire.ClientInfo(name=instance)
        self._clock = clock
        self._metrics = metrics
        self._limits = limits
        self._pending: dict[str, _Pending] = {}
        self._per_service: dict[str, int] = {}
        # Ids stay unique over restarts of the instance: they are keys of the inbox.
        self._prefix = uuid4().hex
        self._count = 0
        self._adapters: dict[type[BaseModel], TypeAdapter[Any]] = {}
        self._outlet: Outlet | None = None

    def attach(self, outlet: Outlet) -> None:
        self._outlet = outlet

    @property
    def outlet(self) -> Outlet:
        if self._outlet is None:
            raise Unavailable("the bus is not open")
        return self._outlet

    async def fan_out(
        self,
        services: Sequence[str],
        method: Method[P, R] | Tool[P, R],
        params: P,
        *,
        timeout: float,
        context: CallContext,
        heard: Heard | None = None,
    ) -> dict[str, R | BusError]:
        meta = self._meta(context, timeout)
        text = self._adapter(method.params).dump_json(params, by_alias=True)
        if isinstance(method, Tool):
            name, text = "tools/call", wire.tool_params_bytes(method.name, text, meta)
        else:
            name, text = method.name, wire.method_params_bytes(text, meta)
        answers = await self.ask(services, name, text, timeout, heard)
        reader = self._adapter(method.result)
        is_tool = isinstance(method, Tool)
        return {service: _typed(answers[service], reader, is_tool) for service in services}

    async def request(self, service: str, method: str, params: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        meta = msgspec.to_builtins(self._meta(CallContext(), timeout), builtin_types=())
        answers = await self.ask([service], method, wire.with_meta(params, meta), timeout)
        answer = answers[service]
        if isinstance(answer, BusError):
            raise answer
        if answer.error is not None:
            raise refused(answer.error)
        result = wire.read_json(answer.result) if answer.result else None
        if not isinstance(result, dict):
            raise MalformedAnswer(method)
        return mcp.with_text(result) if method == "tools/call" else result

    async def hint(self, hints: Sequence[Hint]) -> None:
        await self.outlet.append([Outgoing(HINTS + hint.service, self._hint_bytes(hint)) for hint in hints])

    async def ask(
        self, services: Iterable[str], method: str, params: bytes, timeout: float, heard: Heard | None = None
    ) -> dict[str, wire.Response | BusError]:
        """Send one encoded question to each service and wait for all of them, not longer than `timeout`."""
        loop = asyncio.get_running_loop()
        ask = Ask(loop.create_future(), heard)
        timer = loop.call_later(timeout, self._expire, ask)
        try:
            if not self.outlet.is_ready and not await self._connected(timeout):
                return {service: Unavailable(service) for service in services}
            self._send(ask, services, method, params, timeout)
            if ask.open:
                await ask.done
        finally:
            timer.cancel()
            for msg_id in ask.open:
                self._forget(msg_id)
        return ask.answers

    def receive(self, messages: Iterable[bytes]) -> None:
        """Answers as they come off the reply stream."""
        late = 0
        for message in messages:
            try:
                answer = wire.read_response(message)
            except (msgspec.DecodeError, UnicodeDecodeError):
                late += 1
                continue
            pending = self._forget(answer.id) if isinstance(answer.id, str) else None
            if pending is None:
                late += 1
            else:
                pending.ask.settle(str(answer.id), answer)
        if late:
            self._metrics.late_reply(late)

    def send_again(self) -> None:
        """The server lost its data, and these questions with it: write them again, under the same ids."""
        waiting = list(self._pending.items())
        if waiting:
            self._write(waiting)

    def _send(self, ask: Ask, services: Iterable[str], method: str, params: bytes, timeout: float) -> None:
        expires = int((self._clock.utc_now().timestamp() + timeout) * 1000)
        too_large = len(params) > self._limits.message_bytes
        tail = wire.request_tail(method, params)
        sent: list[tuple[str, _Pending]] = []
        for service in services:
            if too_large or self._overloaded(service):
                ask.answers[service] = MessageTooLarge(service) if too_large else Overloaded(service)
                continue
            self._count += 1
            msg_id = f"{self._prefix}-{self._count:x}"
            entry = Outgoing(QUESTIONS + service, wire.request_bytes(msg_id, tail), expires)
            pending = _Pending(ask, service, entry)
            self._pending[msg_id] = pending
            self._per_service[service] = self._per_service.get(service, 0) + 1
            ask.open[msg_id] = service
            sent.append((msg_id, pending))
        if sent:
            self._write(sent)

    def _write(self, sent: list[tuple[str, _Pending]]) -> None:
        def not_taken(index: int) -> None:
            msg_id, pending = sent[index]
            if self._forget(msg_id) is not None:
                pending.ask.settle(msg_id, Unavailable(pending.service))

        self.outlet.send([pending.entry for _, pending in sent], not_taken)

    async def _connected(self, timeout: float) -> bool:
        try:
            async with asyncio.timeout(timeout):
                await self.outlet.ready()
        except TimeoutError:
            return False
        return True

    def _overloaded(self, service: str) -> bool:
        limit = self._limits.pending_per_service
        if self._per_service.get(service, 0) < limit and self.outlet.backlog(QUESTIONS + service) <= limit:
            return False
        self._metrics.overloaded(service)
        return True

    def _expire(self, ask: Ask) -> None:
        for msg_id in tuple(ask.open):
            self._forget(msg_id)
            ask.settle(msg_id, DeadlineExceeded(ask.open[msg_id]))

    def _forget(self, msg_id: str) -> _Pending | None:
        pending = self._pending.pop(msg_id, None)
        if pending is not None:
            self._per_service[pending.service] -= 1
        return pending

    def _meta(self, context: CallContext, timeout: float) -> wire.Meta:
        return wire.Meta(
            protocol_version=wire.PROTOCOL_VERSION,
            client_info=self._client,
            client_capabilities={},
            traceparent=context.traceparent,
            round_id=context.round_id,
            now=context.now,
            deadline=self._clock.utc_now() + timedelta(seconds=timeout),
        )

    def _hint_bytes(self, hint: Hint) -> bytes:
        meta = wire.Meta(
            protocol_version=wire.PROTOCOL_VERSION,
            client_info=self._client,
            client_capabilities={},
            traceparent=hint.traceparent,
            round_id=hint.round_id,
            now=hint.now,
        )
        params = wire.method_params_bytes(wire.encode(hint.params), meta)
        return wire.request_bytes(hint.msg_id, wire.request_tail(hint.method_name, params))

    def _adapter(self, model: type[BaseModel]) -> TypeAdapter[Any]:
        adapter = self._adapters.get(model)
        if adapter is None:
            adapter = self._adapters[model] = TypeAdapter(model)
        return adapter


def _typed(answer: wire.Response | BusError, reader: TypeAdapter[R], is_tool: bool) -> R | BusError:
    """The answer in its type, or the error it stands for."""
    if isinstance(answer, BusError):
        return answer
    if answer.error is not None:
        return from_wire(answer.error)
    try:
        if not is_tool:
            return reader.validate_json(bytes(answer.result))
        tool = wire.read_tool_answer(answer.result)
        return from_tool(tool) if tool.is_error else reader.validate_json(bytes(tool.structured))
    except (ValidationError, msgspec.DecodeError):
        return MalformedAnswer("the answer does not fit its type")
