"""What a service answers: its tools and methods with their types, and the way from a message to a handler.

An endpoint knows nothing of streams; the same one answers on Redis, in memory and to a test.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from msgspec import UNSET, Raw
from pydantic import BaseModel, TypeAdapter, ValidationError

from libs.bus import mcp, wire
from libs.bus.errors import BusError, InvalidParams, InvalidRequest, NoSuchMethod, NoSuchTool
from libs.bus.faults import problems_of, to_wire
from libs.bus.port import Call, Handler
from libs.contracts.base import Method, Tool
from libs.contracts.card import AgentCard

P = TypeVar("P", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)

MAX_BATCH = 20


class Arrival(NamedTuple):
    """How a message came in: what the transport knows and the message does not say."""

    deadline: float
    delivery: int = 1
    entry_id: str = ""


class Answer(NamedTuple):
    """What became of one message: bytes for the asker (None for a notification) and the failure behind them."""

    message: bytes | None
    method: str = ""
    error: Exception | None = None

    @property
    def outcome(self) -> str:
        """`ok`, or the stable code of the failure."""
        if self.error is None:
            return "ok"
        return getattr(self.error, "code", "bus.remote_failure")


class _Done(NamedTuple):
    """A result ready for the wire; `error` is what a failed tool raised, which is a result too."""

    result: bytes
    method: str
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class _Bound:
    """A handler between bytes: parameters are validated, the result is encoded."""

    run: Callable[[bytes, Call], Awaitable[bytes]]


def _bind(params: type[P], result: type[R], handler: Handler[P, R]) -> _Bound:
    read = TypeAdapter(params).validator.validate_json
    write = TypeAdapter(result).serializer.to_json

    async def run(text: bytes, call: Call) -> bytes:
        try:
            value = read(_by_name(params, text) if text[:1] == b"[" else text)
        except ValidationError as e:
            raise InvalidParams(problems_of(e)) from e
        return write(await handler(value, call), by_alias=True)

    return _Bound(run)


def _by_name(params: type[BaseModel], text: bytes) -> bytes:
    """Positional parameters as named ones, in the order of the model's fields."""
    if params.__pydantic_root_model__:
        return text
    values = wire.read_batch(text)
    names = [field.alias or name for name, field in params.model_fields.items()]
    if len(values) > len(names):
        raise InvalidParams((f"params: at most {len(names)} positional values",))
    return wire.encode(dict(zip(names, values, strict=False)))


class Endpoint:
    """The tools and methods of one service. Register first, then serve."""

    def __init__(self, card: AgentCard, *, instructions: str | None = None) -> None:
        self.card = card
        self._instructions = instructions
        self._methods: dict[str, _Bound] = {}
        self._tools: dict[str, _Bound] = {}
        self._listed: list[mcp.ListedTool] = []
        self._tool_list: bytes | None = None

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def takes_hints(self) -> bool:
        """A service without plain methods has no command stream to read."""
        return bool(self._methods)

    def method(self, method: Method[P, R], handler: Handler[P, R]) -> None:
        """Answer a JSON-RPC method; hints arrive here too."""
        if method.name in self._methods:
            raise ValueError(f"method {method.name} is answered twice")
        self._methods[method.name] = _bind(method.params, method.result, handler)

    def tool(self, tool: Tool[P, R], handler: Handler[P, R]) -> None:
        """Answer an MCP tool; `tools/list` shows it from now on."""
        if tool.name in self._tools:
            raise ValueError(f"tool {tool.name} is answered twice")
        self._tools[tool.name] = _bind(tool.params, tool.result, handler)
        self._listed.append(mcp.listed(tool))
        self._tool_list = None

    async def answer(self, message: bytes, arrival: Arrival) -> Answer:
        """Answer one message: a request, a notification or a batch; failures become JSON-RPC errors."""
        if message.lstrip()[:1] == b"[":
            return await self._answer_batch(message, arrival)
        return await self._answer_one(message, arrival)

    async def act(self, message: bytes, arrival: Arrival) -> str:
        """Run one hint and return its method; any failure is raised to the caller, who decides about another try."""
        done = await self._run(wire.read_request(message), arrival)
        if done.error is not None:
            raise done.error
        return done.method

    async def _answer_batch(self, message: bytes, arrival: Arrival) -> Answer:
        try:
            requests = wire.read_batch(message)
            if not 0 < len(requests) <= MAX_BATCH:
                raise InvalidRequest(f"a batch has 1 to {MAX_BATCH} requests")
        except BusError as e:
            return Answer(wire.error_bytes(None, to_wire(e).wire_error()), "batch", e)
        answers = [await self._answer_one(request, arrival) for request in requests]
        said = [answer.message for answer in answers if answer.message is not None]
        return Answer(wire.batch_bytes(said) if said else None, "batch")

    async def _answer_one(self, message: bytes | Raw, arrival: Arrival) -> Answer:
        try:
            request = wire.read_request(message)
        except InvalidRequest as e:
            return Answer(wire.error_bytes(None, to_wire(e).wire_error()), error=e)
        try:
            done = await self._run(request, arrival)
        except Exception as e:  # noqa: BLE001 a handler may raise anything; this is where it meets the wire
            said = None if request.id is UNSET else wire.error_bytes(request.id, to_wire(e).wire_error())
            # Names that askers invent must not become labels of a metric.
            return Answer(said, "unknown" if isinstance(e, NoSuchMethod) else request.method, e)
        said = None if request.id is UNSET else wire.result_bytes(request.id, done.result)
        return Answer(said, done.method, done.error)

    async def _run(self, request: wire.Request, arrival: Arrival) -> _Done:
        if request.method == "tools/call":
            return await self._call_tool(request, arrival)
        bound = self._methods.get(request.method)
        if bound is None:
            return _Done(self._describe(request), request.method)
        params, meta = wire.split_meta(request.params)
        result = await bound.run(params, _call(request, request.method, meta, arrival))
        return _Done(result, request.method)

    async def _call_tool(self, request: wire.Request, arrival: Arrival) -> _Done:
        params = wire.read_tool_params(request.params)
        meta = mcp.checked(params.meta)
        bound = self._tools.get(params.name)
        if bound is None:
            raise NoSuchTool(params.name)
        call = _call(request, params.name, meta, arrival)
        try:
            return _Done(mcp.tool_result(await bound.run(bytes(params.arguments), call)), params.name)
        except Exception as e:  # noqa: BLE001 a tool that fails answers a result, whatever it raised
            return _Done(mcp.tool_failure(to_wire(e)), params.name, e)

    def _describe(self, request: wire.Request) -> bytes:
        """`server/discover` and `tools/list`; a service without tools is no MCP server."""
        if request.method not in ("server/discover", "tools/list") or not self._tools:
            raise NoSuchMethod(request.method)
        mcp.checked(wire.split_meta(request.params)[1])
        if request.method == "server/discover":
            return mcp.discovery(self.card, self._instructions)
        if self._tool_list is None:
            self._tool_list = mcp.tool_list(self._listed)
        return self._tool_list


def _call(request: wire.Request, method: str, meta: wire.Meta, arrival: Arrival) -> Call:
    return Call(
        msg_id=arrival.entry_id if request.id is UNSET else str(request.id),
        method=method,
        caller=meta.client_info.name if meta.client_info else "unknown",
        context=meta.context(),
        deadline=arrival.deadline,
        delivery=arrival.delivery,
    )
