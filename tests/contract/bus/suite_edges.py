"""The contract of the bus, third part: poison, who is alive, and the door for bridges."""

import pytest

from libs.bus.errors import (
    InstanceTaken,
    RpcRefused,
)
from tests.contract.bus.talk import (
    DOUBLE,
    HINTS,
    PATIENCE,
    QUESTIONS,
    Counts,
    Notes,
    Number,
    Refused,
    World,
    card,
    cards_are,
    depth_is,
    endpoint,
    eventually,
    serving,
)


class Poison:
    """Entries that are no messages never stop a service."""

    @pytest.mark.parametrize(
        ("message", "reason"),
        [
            (b"", "malformed"),
            (b"{", "malformed"),
            (b'"text"', "malformed"),
            (b"\xff\xfe", "malformed"),
            (b"[" * 100_000, "malformed"),
            (b'{"jsonrpc":"1.0","id":1,"method":"desk.halve"}', "malformed"),
            (
                b'{"jsonrpc":"2.0","id":1,"method":"desk.halve","params":{"value":"' + b"x" * 5 * 1024 * 1024 + b'"}}',
                "too_large",
            ),
        ],
        ids=["empty", "broken", "no object", "no text", "too deep", "other version", "5 MiB"],
    )
    @pytest.mark.parametrize("stream", [QUESTIONS, HINTS], ids=["question", "hint"])
    async def test_it_becomes_a_dead_letter_and_the_service_goes_on(
        self, world: World, stream: str, message: bytes, reason: str
    ) -> None:
        async with serving(world, endpoint()) as service, world.bus("asker-1") as bus:
            await world.write(stream, message)
            await eventually(lambda: len(service.letters.letters) == 1)
            assert (await bus.call("technical", DOUBLE, Number(value=1), timeout=PATIENCE)).value == 2
            await eventually(lambda: depth_is(bus, 0))
        assert service.letters.letters[0].reason == reason

    async def test_a_reply_address_that_is_none_is_not_written_to(self, world: World) -> None:
        notes = Notes()
        message = b'{"jsonrpc":"2.0","id":"1","method":"desk.halve","params":{"value":1}}'
        async with serving(world, endpoint(notes=notes)) as service, world.bus("asker-1") as bus:
            await world.write(QUESTIONS, message, reply_to="hiddengem:cmd.technical", expires_ms=2**45)
            await eventually(lambda: len(service.letters.letters) == 1)
            assert (await bus.depth("technical")).total == 0

    async def test_a_notification_is_carried_out_and_not_answered(self, world: World) -> None:
        notes, counts = Notes(), Counts()
        message = b'{"jsonrpc":"2.0","method":"desk.note","params":{"value":7}}'
        async with serving(world, endpoint(notes=notes)), world.bus("asker-1", metrics=counts) as bus:
            await world.write(QUESTIONS, message, reply_to="hiddengem:reply.asker-1", expires_ms=2**45)
            await eventually(lambda: notes.values == [7])
            await bus.call("technical", DOUBLE, Number(value=1), timeout=PATIENCE)
        assert counts.seen["late reply"] == 0


class Alive:
    """Who is there."""

    async def test_a_card_is_shown_while_its_instance_serves(self, world: World) -> None:
        async with world.bus("asker-1") as bus:
            async with serving(world, endpoint()):
                await eventually(lambda: cards_are(bus, ["technical-1"]))
                assert await bus.cards() == [card("technical", "technical-1")]
            assert await bus.cards() == []

    async def test_a_card_vanishes_when_it_is_not_renewed(self, world: World) -> None:
        async with world.bus("asker-1") as bus:
            await bus.announce(card("technical", "technical-1"), ttl=0.05)
            assert len(await bus.cards()) == 1
            await eventually(lambda: cards_are(bus, []))

    async def test_a_process_without_an_endpoint_is_present_too(self, world: World) -> None:
        async with world.bus("api-1") as bus, bus.presence(card("api_gateway", "api-1")):
            assert [found.name for found in await bus.cards()] == ["api_gateway"]

    async def test_one_instance_id_runs_once(self, world: World) -> None:
        async with serving(world, endpoint()), world.bus("asker-1") as bus:
            await bus.call("technical", DOUBLE, Number(value=1), timeout=PATIENCE)
            with pytest.raises(InstanceTaken, match="technical-1 already runs"):
                async with bus.presence(card("technical", "technical-1")):
                    pass

    async def test_a_killed_instance_can_start_again_at_once_or_soon(self, world: World) -> None:
        async with world.bus("technical-1") as bus:
            async with bus.presence(card("technical", "technical-1")):
                pass
            async with bus.presence(card("technical", "technical-1")):
                pass

    async def test_a_block_that_fails_while_present_raises_what_it_raised(self, world: World) -> None:
        async with world.bus("technical-1") as bus:
            with pytest.raises(Refused):
                async with bus.presence(card("technical", "technical-1")):
                    raise Refused


class Raw:
    """The door for bridges: untyped requests as an outside client makes them."""

    async def test_the_tools_are_listed_with_their_schemas(self, world: World) -> None:
        async with serving(world, endpoint()), world.bus("edge-1") as bus:
            tools = await bus.list_tools("technical")
        assert [tool["name"] for tool in tools] == ["double"]
        assert tools[0]["inputSchema"]["properties"] == {"value": {"title": "Value", "type": "integer"}}
        assert tools[0]["outputSchema"]["additionalProperties"] is False

    async def test_a_tool_result_carries_text_for_clients_that_read_text(self, world: World) -> None:
        async with serving(world, endpoint()), world.bus("edge-1") as bus:
            params = {"name": "double", "arguments": {"value": 2}}
            result = await bus.request("technical", "tools/call", params, PATIENCE)
        assert result["structuredContent"] == {"value": 4}
        assert result["content"] == [{"type": "text", "text": '{"value":4}'}]
        assert result["resultType"] == "complete"

    async def test_an_error_comes_through_as_it_was(self, world: World) -> None:
        async with serving(world, endpoint()), world.bus("edge-1") as bus:
            with pytest.raises(RpcRefused) as caught:
                await bus.request("technical", 'desk."none', {}, PATIENCE)
        assert (caught.value.rpc_code, caught.value.message) == (-32601, "Method not found")

    async def test_another_revision_of_the_protocol_is_refused_with_the_one_we_speak(self, world: World) -> None:
        meta = {"io.modelcontextprotocol/protocolVersion": "2099-01-01"}
        async with serving(world, endpoint()), world.bus("edge-1") as bus:
            with pytest.raises(RpcRefused) as caught:
                await bus.request("technical", "tools/list", {"_meta": meta}, PATIENCE)
        assert caught.value.rpc_code == -32022
        assert caught.value.data == {
            "supported": ["2026-07-28"],
            "requested": "2099-01-01",
            "code": "bus.unsupported_protocol",
        }
