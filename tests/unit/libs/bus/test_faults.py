"""Exceptions meet the wire: codes cross, texts do not."""

import pytest
from msgspec import UNSET, Raw

from libs.bus import errors, faults, wire
from libs.domain.errors import HiddenGemError, InvalidInput, NotFound

SECRET = "postgresql://risk:S3cr3t@db"


class Busy(HiddenGemError):
    """The database is busy."""

    code = "test.busy"
    retryable = True


@pytest.mark.parametrize(
    ("error", "rpc_code"),
    [
        (wire.ParseFailure(SECRET), -32700),
        (errors.InvalidRequest(SECRET), -32600),
        (errors.MessageTooLarge(SECRET), -32600),
        (errors.NoSuchMethod(SECRET), -32601),
        (errors.NoSuchTool(SECRET), -32602),
        (errors.InvalidParams(("symbols: missing",)), -32602),
        (errors.UnsupportedProtocol("2099-01-01"), -32022),
        (Busy(SECRET), -32010),
        (InvalidInput("symbol", SECRET), -32010),
        (RuntimeError(SECRET), -32603),
    ],
)
def test_each_kind_has_its_code_and_no_text_crosses(error: Exception, rpc_code: int) -> None:
    said = faults.to_wire(error).wire_error()
    assert said.code == rpc_code
    assert SECRET.encode() not in wire.encode(said)


@pytest.mark.parametrize(
    ("error", "revived"),
    [
        (errors.InvalidRequest(), errors.InvalidRequest),
        (errors.MessageTooLarge(), errors.MessageTooLarge),
        (errors.NoSuchMethod(), errors.NoSuchMethod),
        (errors.NoSuchTool(), errors.NoSuchTool),
        (errors.InvalidParams(("symbols: missing",)), errors.InvalidParams),
        (NotFound(), errors.HandlerFailed),
        (RuntimeError(), errors.RemoteFailure),
        (errors.UnsupportedProtocol("2099-01-01"), errors.RpcRefused),
    ],
)
def test_an_asker_gets_the_matching_exception(error: Exception, revived: type[errors.BusError]) -> None:
    assert type(faults.from_wire(faults.to_wire(error).wire_error())) is revived


def test_a_handlers_code_survives_the_way() -> None:
    revived = faults.from_wire(faults.to_wire(Busy(SECRET)).wire_error())
    assert isinstance(revived, errors.HandlerFailed)
    assert (revived.remote_code, revived.remote_retryable) == ("test.busy", True)


def test_errors_of_another_make_are_passed_on() -> None:
    foreign = wire.WireError(-32000, "their own", Raw(b'{"theirs":1}'))
    revived = faults.from_wire(foreign)
    assert isinstance(revived, errors.RpcRefused)
    assert (revived.rpc_code, revived.message, revived.data) == (-32000, "their own", {"theirs": 1})
    assert isinstance(faults.from_wire(wire.WireError(-32603, "internal", UNSET)), errors.RpcRefused)


def test_a_tool_that_failed_without_our_code_is_still_a_failed_tool() -> None:
    assert isinstance(faults.from_tool(wire.ToolAnswer(is_error=True)), errors.ToolFailed)
