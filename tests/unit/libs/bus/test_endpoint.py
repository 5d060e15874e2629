"""Registering tools and methods, and what does not depend on a transport."""

import json

import pytest

from libs.bus.endpoint import Arrival, Endpoint
from libs.bus.port import Call
from libs.contracts.base import Command, Method, Nothing, Tool
from libs.contracts.card import AgentCard

CARD = AgentCard(name="technical", instance="technical-1", role="analyst", version="1.0")
NOTE = Method("desk.note", Nothing, Nothing)
LOOK = Tool("look", "Looks.", Nothing, Nothing)


async def nothing(_params: Nothing, _call: Call) -> Nothing:
    return Nothing()


async def test_a_name_is_answered_once() -> None:
    endpoint = Endpoint(CARD)
    endpoint.method(NOTE, nothing)
    endpoint.tool(LOOK, nothing)
    with pytest.raises(ValueError, match="answered twice"):
        endpoint.method(NOTE, nothing)
    with pytest.raises(ValueError, match="answered twice"):
        endpoint.tool(LOOK, nothing)


async def test_only_a_service_with_methods_takes_hints() -> None:
    endpoint = Endpoint(CARD)
    endpoint.tool(LOOK, nothing)
    assert not endpoint.takes_hints
    endpoint.method(NOTE, nothing)
    assert endpoint.takes_hints


async def test_a_service_without_tools_is_no_mcp_server() -> None:
    endpoint = Endpoint(CARD)
    endpoint.method(NOTE, nothing)
    answer = await endpoint.answer(b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}', Arrival(0.0))
    assert json.loads(answer.message or b"")["error"]["code"] == -32601


async def test_a_method_is_no_tool_and_a_tool_is_no_method() -> None:
    endpoint = Endpoint(CARD)
    endpoint.method(NOTE, nothing)
    endpoint.tool(LOOK, nothing)
    answer = await endpoint.answer(b'{"jsonrpc":"2.0","id":1,"method":"look"}', Arrival(0.0))
    assert json.loads(answer.message or b"")["error"]["code"] == -32601


async def test_mcp_requests_need_the_envelope_of_the_protocol() -> None:
    endpoint = Endpoint(CARD)
    endpoint.tool(LOOK, nothing)
    for method in ("tools/list", "server/discover"):
        answer = await endpoint.answer(b'{"jsonrpc":"2.0","id":1,"method":"%b"}' % method.encode(), Arrival(0.0))
        assert json.loads(answer.message or b"")["error"]["code"] == -32602


async def test_a_tool_registered_after_a_listing_is_listed_too() -> None:
    endpoint = Endpoint(CARD)
    endpoint.tool(LOOK, nothing)
    assert await _listed(endpoint) == ["look"]
    endpoint.tool(Tool("see", "Sees.", Nothing, Nothing), nothing)
    assert await _listed(endpoint) == ["look", "see"]


async def test_invented_method_names_do_not_reach_the_metrics() -> None:
    answer = await Endpoint(CARD).answer(b'{"jsonrpc":"2.0","id":1,"method":"invented"}', Arrival(0.0))
    assert (answer.method, answer.outcome) == ("unknown", "bus.no_such_method")


async def test_parameters_are_checked_all_the_way_down() -> None:
    class Inner(Command):
        value: int

    class Outer(Command):
        inner: Inner

    async def take(_outer: Outer, _call: Call) -> Nothing:
        raise AssertionError

    endpoint = Endpoint(CARD)
    endpoint.method(Method("desk.take", Outer, Nothing), take)
    message = b'{"jsonrpc":"2.0","id":1,"method":"desk.take","params":{"inner":{"value":1,"more":2}}}'
    answer = await endpoint.answer(message, Arrival(0.0))
    assert json.loads(answer.message or b"")["error"]["data"]["problems"] == ["inner.more: extra_forbidden"]


async def _listed(endpoint: Endpoint) -> list[str]:
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    message = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}})
    answer = await endpoint.answer(message.encode(), Arrival(0.0))
    return [tool["name"] for tool in json.loads(answer.message or b"")["result"]["tools"]]
