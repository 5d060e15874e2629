"""What goes over the wire, byte by byte where others depend on it."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from libs.bus import wire
from libs.bus.errors import InvalidParams, InvalidRequest

META = wire.Meta(
    protocol_version="2026-07-28", client_capabilities={}, round_id="r-1", now=datetime(2024, 9, 2, tzinfo=UTC)
)


def test_a_tool_call_has_the_shape_of_the_protocol() -> None:
    params = wire.tool_params_bytes("analyze", b'{"symbols":["600519.SH"]}', META)
    assert json.loads(wire.request_bytes("1", wire.request_tail("tools/call", params))) == {
        "jsonrpc": "2.0",
        "id": "1",
        "method": "tools/call",
        "params": {
            "name": "analyze",
            "arguments": {"symbols": ["600519.SH"]},
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
                "hiddengem/round": "r-1",
                "hiddengem/now": "2024-09-02T00:00:00Z",
            },
        },
    }


@given(
    st.dictionaries(
        st.text(), st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.lists(st.text())
    ),
    st.text(),
    st.text(),
)
def test_what_is_written_is_read_again(params: dict[str, object], msg_id: str, method: str) -> None:
    params.pop("_meta", None)
    text = wire.method_params_bytes(wire.encode(params), META)
    request = wire.read_request(wire.request_bytes(msg_id, wire.request_tail(method, text)))
    read, meta = wire.split_meta(request.params)
    assert (request.id, request.method, json.loads(read), meta) == (msg_id, method, params, META)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_a_known_error(message: bytes) -> None:
    try:
        wire.read_request(message)
    except InvalidRequest:
        return


@pytest.mark.parametrize("params", [b'"bar"', b"1", b"true", b"null"])
def test_parameters_are_an_object_or_an_array(params: bytes) -> None:
    with pytest.raises(InvalidRequest):
        wire.read_request(b'{"jsonrpc":"2.0","id":1,"method":"x","params":%b}' % params)


def test_desk_time_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidParams):
        wire.split_meta(Raw(b'{"_meta":{"hiddengem/now":"2024-09-02T00:00:00"}}'))


def test_keys_of_others_in_meta_are_tolerated() -> None:
    text, meta = wire.split_meta(Raw(b'{"a":1,"_meta":{"vendor/x":{"y":[1]},"traceparent":"t"}}'))
    assert (text, meta.traceparent) == (b'{"a":1}', "t")


def test_positional_parameters_carry_no_meta() -> None:
    assert wire.method_params_bytes(b"[1,2]", META) == b"[1,2]"
    assert wire.split_meta(Raw(b"[1,2]")) == (b"[1,2]", wire.Meta())


def test_an_outside_clients_own_meta_wins() -> None:
    params = {"_meta": {"io.modelcontextprotocol/protocolVersion": "old"}, "name": "x"}
    merged = json.loads(
        wire.with_meta(params, {"io.modelcontextprotocol/protocolVersion": "new", "hiddengem/round": "r"})
    )
    assert merged == {
        "name": "x",
        "_meta": {"io.modelcontextprotocol/protocolVersion": "old", "hiddengem/round": "r"},
    }
