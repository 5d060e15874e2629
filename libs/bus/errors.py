"""What can go wrong between asking and being answered. Each has a code; `retryable`: can asking again help?"""

from collections.abc import Mapping

from libs.domain.errors import HiddenGemError


class BusError(HiddenGemError):
    """The bus could not carry a question to its answer."""

    code = "bus.error"


class DeadlineExceeded(BusError):
    """No answer came before the caller's deadline."""

    code = "bus.deadline_exceeded"
    retryable = True


class Overloaded(BusError):
    """Too many questions to this service are waiting; it was not asked."""

    code = "bus.overloaded"
    retryable = True


class Unavailable(BusError):
    """The server that carries the bus cannot be reached or refuses to store."""

    code = "bus.unavailable"
    retryable = True


class NoSuchMethod(BusError):
    """The service does not answer this method or tool."""

    code = "bus.no_such_method"


class NoSuchTool(NoSuchMethod):
    """The service has no tool of this name."""


class InvalidRequest(BusError):
    """The message is not a JSON-RPC request this bus accepts."""

    code = "bus.invalid_request"


class MessageTooLarge(InvalidRequest):
    """The message is larger than the bus carries."""

    code = "bus.message_too_large"


class InvalidParams(BusError):
    """The parameters do not fit the method's type; `problems` name places and rules, never values."""

    code = "bus.invalid_params"

    def __init__(self, problems: tuple[str, ...] = ()) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class UnsupportedProtocol(BusError):
    """The request speaks another revision of the Model Context Protocol."""

    code = "bus.unsupported_protocol"

    def __init__(self, requested: str) -> None:
        super().__init__(f"protocol version {requested!r} is not spoken here")
        self.requested = requested


class MalformedAnswer(BusError):
    """The answer does not fit the method's result type."""

    code = "bus.malformed_answer"


class RemoteFailure(BusError):
    """The service failed in a way it has no code for; its log has the story under `correlation_id`."""

    code = "bus.remote_failure"

    def __init__(self, correlation_id: str) -> None:
        super().__init__(f"internal error, correlation id {correlation_id}")
        self.correlation_id = correlation_id


class HandlerFailed(BusError):
    """The handler refused or failed with a code of its own: `remote_code`, and `remote_retryable` with it."""

    code = "bus.handler_failed"

    def __init__(self, remote_code: str, *, retryable: bool = False, detail: Mapping[str, str] | None = None) -> None:
        super().__init__(remote_code)
        self.remote_code = remote_code
        self.remote_retryable = retryable
        self.detail = dict(detail or {})


class ToolFailed(HandlerFailed):
    """A tool answered `isError`."""

    code = "bus.tool_failed"


class RpcRefused(BusError):
    """A raw request was answered with a JSON-RPC error; for bridges that pass it on as it is."""

    code = "bus.rpc_refused"

    def __init__(self, rpc_code: int, message: str, data: object = None) -> None:
        super().__init__(f"{rpc_code} {message}")
        self.rpc_code = rpc_code
        self.message = message
        self.data = data


class InstanceTaken(BusError):
    """An instance of this name already runs; one instance id runs once."""

    code = "bus.instance_taken"
