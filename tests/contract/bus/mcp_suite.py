"""Conformance from outside: the official MCP client talks to an endpoint over the bus, through a test transport."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from mcp import MCPError
from mcp.client import Client
from mcp.client._transport import TransportStreams
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, JSONRPCRequest, JSONRPCResponse
from mcp_types.jsonrpc import ErrorData

from libs.bus.errors import RpcRefused
from libs.bus.port import Bus
from tests.contract.bus.talk import PATIENCE, SECRET, World, endpoint, serving


@asynccontextmanager
async def over_the_bus(bus: Bus, service: str) -> AsyncIterator[TransportStreams]:
    """A transport of the official client: each request goes through the bus as it is."""
    to_client, from_server = anyio.create_memory_object_stream[SessionMessage | Exception](16)
    to_server, from_client = anyio.create_memory_object_stream[SessionMessage](16)

    async def carry() -> None:
        async for message in from_client:
            if isinstance(message.message, JSONRPCRequest):
                await to_client.send(SessionMessage(await _asked(bus, service, message.message)))

    async with asyncio.TaskGroup() as group:
        carrier = group.create_task(carry())
        async with to_client, from_server, to_server, from_client:
            yield from_server, to_server
            carrier.cancel()


async def _asked(bus: Bus, service: str, request: JSONRPCRequest) -> JSONRPCResponse | JSONRPCError:
    try:
        result = await bus.request(service, request.method, request.params or {}, PATIENCE)
    except RpcRefused as e:
        error = ErrorData(code=e.rpc_code, message=e.message, data=e.data)
        return JSONRPCError(jsonrpc="2.0", id=request.id, error=error)
    return JSONRPCResponse(jsonrpc="2.0", id=request.id, result=result)


@asynccontextmanager
async def official_client(world: World) -> AsyncIterator[Client]:
    async with (
        serving(world, endpoint()),
        world.bus("edge-1") as bus,
        Client(over_the_bus(bus, "technical"), mode="2026-07-28") as client,
    ):
        yield client


class McpConformance:
    """What the official client sees."""

    async def test_it_discovers_the_server(self, world: World) -> None:
        async with (
            serving(world, endpoint()),
            world.bus("edge-1") as bus,
            Client(over_the_bus(bus, "technical"), mode="auto") as client,
        ):
            assert client.protocol_version == "2026-07-28"
            assert client.server_capabilities.tools is not None
            assert client.server_info is not None
            assert client.server_info.name == "technical"

    async def test_it_lists_the_tools(self, world: World) -> None:
        async with official_client(world) as client:
            tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == ["double"]
        assert tools[0].input_schema["required"] == ["value"]
        assert tools[0].output_schema is not None

    async def test_it_calls_a_tool_and_checks_its_result_against_the_schema(self, world: World) -> None:
        async with official_client(world) as client:
            await client.list_tools()
            result = await client.call_tool("double", {"value": 21})
        assert result.is_error is False
        assert result.structured_content == {"value": 42}

    async def test_a_failing_tool_is_a_result_without_secrets(self, world: World) -> None:
        async with official_client(world) as client:
            result: Any = await client.call_tool("double", {"value": -2})
        assert result.is_error is True
        assert SECRET not in result.model_dump_json()

    async def test_wrong_arguments_are_a_result_a_model_can_read(self, world: World) -> None:
        async with official_client(world) as client:
            result: Any = await client.call_tool("double", {"value": "many"})
        assert result.is_error is True
        assert "value: int_parsing" in result.content[0].text

    async def test_an_unknown_tool_is_an_error_of_the_protocol(self, world: World) -> None:
        async with official_client(world) as client:
            with pytest.raises(MCPError) as caught:
                await client.call_tool("none", {})
        assert caught.value.error.code == -32602

    async def test_many_calls_at_once_each_get_their_own_answer(self, world: World) -> None:
        async with official_client(world) as client:
            results = await asyncio.gather(*(client.call_tool("double", {"value": n}) for n in range(50)))
        assert [result.structured_content for result in results] == [{"value": n * 2} for n in range(50)]
