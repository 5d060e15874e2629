"""The one place where exceptions meet the wire, in both directions. Text of unknown exceptions never crosses."""

import logging
from dataclasses import dataclass
from uuid import uuid4

from msgspec import Raw
from pydantic import ValidationError

from libs.bus.errors import (
    BusError,
    HandlerFailed,
    InvalidParams,
    InvalidRequest,
    MessageTooLarge,
    NoSuchMethod,
    NoSuchTool,
    RemoteFailure,
    RpcRefused,
    ToolFailed,
    UnsupportedProtocol,
)
from libs.bus.wire import (
    PROTOCOL_VERSION,
    FailureData,
    ParseFailure,
    ToolAnswer,
    WireError,
    encode,
    read_failure,
    read_json,
)
from libs.domain.errors import HiddenGemError, InvalidInput

log = logging.getLogger(__name__)

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
HANDLER_FAILED = -32010
UNSUPPORTED_PROTOCOL = -32022


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure as it crosses the wire."""

    rpc_code: int
    message: str
    data: FailureData

    def wire_error(self) -> WireError:
        if self.rpc_code == UNSUPPORTED_PROTOCOL:
            # The shape that the protocol prescribes, so that a client can choose again.
            requested = (self.data.detail or {}).get("requested", "")
            data = {"supported": [PROTOCOL_VERSION], "requested": requested, "code": self.data.code}
            return WireError(self.rpc_code, self.message, Raw(encode(data)))
        return WireError(self.rpc_code, self.message, Raw(encode(self.data)))


def problems_of(error: ValidationError) -> tuple[str, ...]:
    """Place and rule of each violation; never the value, never the validator's own text."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return tuple(f"{'.'.join(str(part) for part in e['loc']) or 'params'}: {e['type']}" for e in found[:20])


# First match wins. The protocol counts a tool's name among the parameters.
_PLAIN: tuple[tuple[type[BusError], int, str], ...] = (
    (ParseFailure, PARSE_ERROR, "Parse error"),
    (InvalidRequest, INVALID_REQUEST, "Invalid Request"),
    (NoSuchTool, INVALID_PARAMS, "Unknown tool"),
    (NoSuchMethod, METHOD_NOT_FOUND, "Method not found"),
)


def to_wire(error: Exception) -> Fault:
    """What the other side may know of an exception."""
    for kind, rpc_code, message in _PLAIN:
        if isinstance(error, kind):
            return Fault(rpc_code, message, FailureData(error.code))
    match error:
        case InvalidParams(problems=problems):
            return Fault(INVALID_PARAMS, "Invalid params", FailureData(error.code, problems=list(problems)))
        case UnsupportedProtocol(requested=requested):
            data = FailureData(error.code, detail={"requested": requested})
            return Fault(UNSUPPORTED_PROTOCOL, "Unsupported protocol version", data)
        case HiddenGemError():
            return Fault(HANDLER_FAILED, _first_line(error), _coded(error))
        case _:
            return _unknown(error)


def _coded(error: HiddenGemError) -> FailureData:
    detail = {"field": error.field} if isinstance(error, InvalidInput) else None
    return FailureData(error.code, retryable=error.retryable, detail=detail)


def _first_line(error: HiddenGemError) -> str:
    """The sentence of the class, which is constant; the text of the instance stays here."""
    return (type(error).__doc__ or error.code).strip().splitlines()[0]


def _unknown(error: Exception) -> Fault:
    correlation_id = uuid4().hex
    log.error("handler failed", extra={"correlation_id": correlation_id}, exc_info=error)
    data = FailureData(RemoteFailure.code, correlation_id=correlation_id)
    return Fault(INTERNAL_ERROR, "internal error", data)


def from_wire(error: WireError) -> BusError:
    """The exception a typed caller gets for a JSON-RPC error."""
    data = read_failure(error.data)
    match error.code:
        case _ if data is not None and error.code in (HANDLER_FAILED, INTERNAL_ERROR):
            return _revive(data, HandlerFailed)
        case -32601:
            return NoSuchMethod()
        case -32602:
            if data is not None and data.code == NoSuchMethod.code:
                return NoSuchTool()
            return InvalidParams(tuple((data.problems if data else None) or (error.message,)))
        case -32600 | -32700:
            return MessageTooLarge() if data and data.code == MessageTooLarge.code else InvalidRequest(error.message)
        case _:
            return refused(error)


def from_tool(answer: ToolAnswer) -> BusError:
    """The exception a typed caller gets for a tool that answered `isError`."""
    data = answer.meta.failure if answer.meta else None
    if data is None:
        return ToolFailed("unknown")
    if data.code == InvalidParams.code:
        return InvalidParams(tuple(data.problems or ()))
    return _revive(data, ToolFailed)


def _revive(data: FailureData, kind: type[HandlerFailed]) -> BusError:
    if data.correlation_id is not None:
        return RemoteFailure(data.correlation_id)
    return kind(data.code, retryable=data.retryable, detail=data.detail)


def refused(error: WireError) -> RpcRefused:
    """A JSON-RPC error as it came."""
    data = read_json(error.data) if isinstance(error.data, Raw) else None
    return RpcRefused(error.code, error.message, data)
