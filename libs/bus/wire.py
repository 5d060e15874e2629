"""The bytes on the wire: JSON-RPC 2.0 envelopes with MCP's `_meta`. No types of any conversation here.

The envelope is read by msgspec, which leaves parameters and results as raw slices; pydantic reads those once, where
their type is known.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from libs.bus.errors import InvalidParams, InvalidRequest
from libs.bus.port import CallContext

PROTOCOL_VERSION = "2026-07-28"
NO_RAW = Raw(b"")

RequestId = str | int | float | None
Aware = Annotated[datetime, msgspec.Meta(tz=True)]


class ParseFailure(InvalidRequest):
    """The message is not JSON."""

    code = "bus.parse_error"


class ClientInfo(Struct):
    """Who asks."""

    name: str
    version: str = ""


class Meta(
    Struct,
    omit_defaults=True,
    rename={
        "protocol_version": "io.modelcontextprotocol/protocolVersion",
        "client_info": "io.modelcontextprotocol/clientInfo",
        "client_capabilities": "io.modelcontextprotocol/clientCapabilities",
        "round_id": "hiddengem/round",
        "now": "hiddengem/now",
        "deadline": "hiddengem/deadline",
    },
):
    """`params._meta`; keys of others are tolerated."""

    protocol_version: str | None = None
    client_info: ClientInfo | None = None
    client_capabilities: dict[str, Any] | None = None
    traceparent: str | None = None
    round_id: str | None = None
    now: Aware | None = None
    deadline: Aware | None = None

    def context(self) -> CallContext:
        return CallContext(now=self.now, round_id=self.round_id, traceparent=self.traceparent)


class ToolParams(Struct, rename={"meta": "_meta"}):
    """Parameters of `tools/call`."""

    name: str
    arguments: Raw = Raw(b"{}")
    meta: Meta | None = None


class Request(Struct):
    """One request as it comes; an absent `id` makes it a notification."""

    jsonrpc: Literal["2.0"]
    method: str
    id: RequestId | UnsetType = UNSET
    params: Raw = NO_RAW


class FailureData(Struct, omit_defaults=True):
    """`error.data` of our own errors, and `_meta` of a failed tool."""

    code: str
    retryable: bool = False
    correlation_id: str | None = None
    problems: list[str] | None = None
    detail: dict[str, str] | None = None


class WireError(Struct, omit_defaults=True):
    """A JSON-RPC error object."""

    code: int
    message: str
    data: Raw | UnsetType = UNSET


class Response(Struct):
    """One response as it comes; `id` null where the other side could not tell."""

    id: RequestId = None
    result: Raw = NO_RAW
    error: WireError | None = None


class ToolMeta(Struct, omit_defaults=True, rename={"failure": "hiddengem/error"}):
    """`_meta` of a tool's result."""

    failure: FailureData | None = None


class ToolAnswer(Struct, rename={"structured": "structuredContent", "is_error": "isError", "meta": "_meta"}):
    """The parts of a `tools/call` result that a typed caller reads."""

    structured: Raw = NO_RAW
    is_error: bool = False
    meta: ToolMeta | None = None


encode = msgspec.json.Encoder().encode
_request = msgspec.json.Decoder(Request).decode
_response = msgspec.json.Decoder(Response).decode
_tool_params = msgspec.json.Decoder(ToolParams).decode
_tool_answer = msgspec.json.Decoder(ToolAnswer).decode
_raw_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_meta = msgspec.json.Decoder(Meta).decode
_failure = msgspec.json.Decoder(FailureData).decode
_batch = msgspec.json.Decoder(list[Raw]).decode
_any = msgspec.json.Decoder().decode


def read_request(message: bytes | Raw) -> Request:
    """One request; raises `ParseFailure` for what is no JSON, `InvalidRequest` for JSON that is no request."""
    try:
        request = _request(message)
    except msgspec.ValidationError as e:
        raise _unreadable(message) from e
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise ParseFailure from e
    if request.params and bytes(request.params)[:1] not in b"{[":
        raise InvalidRequest("params must be an object or an array")
    return request


def _unreadable(message: bytes | Raw) -> InvalidRequest:
    # msgspec stops at the first wrong field: only a full read tells a broken text from a wrong request.
    try:
        _any(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ParseFailure()
    return InvalidRequest()


def read_batch(message: bytes) -> list[Raw]:
    """The elements of a JSON array."""
    try:
        return _batch(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise ParseFailure from e


def read_tool_params(params: Raw) -> ToolParams:
    try:
        return _tool_params(params)
    except msgspec.DecodeError as e:
        raise InvalidParams((f"params: {e}",)) from e


def split_meta(params: Raw) -> tuple[bytes, Meta]:
    """The parameters without `_meta`, and `_meta`; positional parameters carry none."""
    text = bytes(params)
    if not text:
        return b"{}", Meta()
    if text[:1] == b"[":
        return text, Meta()
    try:
        fields = _raw_fields(text)
        meta = fields.pop("_meta", None)
        if meta is None:
            return text, Meta()
        return encode(fields), _meta(meta)
    except msgspec.DecodeError as e:
        raise InvalidParams((f"params: {e}",)) from e


def read_response(message: bytes | Raw) -> Response:
    """Raises `msgspec.DecodeError` for anything that is no response."""
    return _response(message)


def read_tool_answer(result: Raw) -> ToolAnswer:
    return _tool_answer(result)


def read_failure(data: Raw | UnsetType) -> FailureData | None:
    """Our own error data, None where it is of another make."""
    if not isinstance(data, Raw):
        return None
    try:
        return _failure(data)
    except msgspec.DecodeError:
        return None


def read_json(text: bytes | Raw) -> Any:
    return _any(text)


def request_tail(method: str, params: bytes) -> bytes:
    """All of a request but its id; the same for every service of a fan-out. The parameters are already encoded."""
    return b',"method":%b,"params":%b}' % (encode(method), params)


def request_bytes(msg_id: str, tail: bytes) -> bytes:
    """A request from its id and the rest of it."""
    return b'{"jsonrpc":"2.0","id":%b%b' % (encode(msg_id), tail)


def tool_params_bytes(name: str, arguments: bytes, meta: Meta) -> bytes:
    return b'{"name":%b,"arguments":%b,"_meta":%b}' % (encode(name), arguments, encode(meta))


def method_params_bytes(params: bytes, meta: Meta) -> bytes:
    """Parameters with `_meta` put in; positional parameters stay as they are."""
    if params[:1] != b"{":
        return params
    if params == b"{}":
        return b'{"_meta":%b}' % encode(meta)
    return b'%b,"_meta":%b}' % (params[:-1], encode(meta))


def result_bytes(msg_id: RequestId, result: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (encode(msg_id), result)


def error_bytes(msg_id: RequestId, error: WireError) -> bytes:
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (encode(msg_id), encode(error))


def batch_bytes(answers: Sequence[bytes]) -> bytes:
    return b"[%b]" % b",".join(answers)


def with_meta(params: Mapping[str, Any], meta: Mapping[str, Any]) -> bytes:
    """Untyped parameters as JSON; keys of `meta` fill up what the parameters' own `_meta` leaves out."""
    own = params.get("_meta")
    merged = {**meta, **own} if isinstance(own, Mapping) else dict(meta)
    return encode({**params, "_meta": merged})
