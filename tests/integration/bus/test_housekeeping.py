"""What the bus leaves in Redis, and how it gets in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from libs.bus.errors import Unavailable
from libs.bus.redis import janitor
from libs.bus.redis.bus import open_bus
from libs.bus.redis.link import Address, Link, pack
from libs.bus.redis.outlet import STREAM_TTL_SECONDS, TRIM_EVERY
from tests.contract.bus.talk import DOUBLE, PATIENCE, Number, depth_is, endpoint, eventually, serving
from tests.integration.bus.redis_server import RedisServer
from tests.integration.bus.world import RedisWorld

QUESTIONS = "hiddengem:agent.technical"
REPLIES = "hiddengem:reply.asker-1"


@asynccontextmanager
async def linked(server: RedisServer) -> AsyncIterator[Link]:
    link = await Link.connect(Address(port=server.port), name="test", patience=PATIENCE, eager=True)
    yield link
    await link.closed()


async def test_finished_entries_are_trimmed(server: RedisServer) -> None:
    world = RedisWorld(server)
    with server.client() as client:
        async with serving(world, endpoint()), world.bus("asker-1") as bus:
            for _ in range(5):
                await bus.call("technical", DOUBLE, Number(value=1), timeout=PATIENCE)
            await eventually(lambda: client.xlen(QUESTIONS) == 0)


async def test_trimming_stops_at_what_the_slowest_group_has_not_finished(server: RedisServer) -> None:
    with server.client() as client:
        ids = [client.xadd("s", {"m": str(n)}) for n in range(6)]
        for group in ("quick", "slow"):
            client.xgroup_create("s", group, id="0")
        client.xreadgroup("quick", "1", {"s": ">"})
        client.xack("s", "quick", *ids)
        client.xreadgroup("slow", "1", {"s": ">"}, count=4)
        client.xack("s", "slow", ids[0], ids[1], ids[3])
        async with linked(server) as link:
            assert await janitor.trim(link, "s") == 2
            assert [entry_id for entry_id, _ in client.xrange("s")] == ids[2:]
            client.xack("s", "slow", ids[2])
            assert await janitor.trim(link, "s") == 2
            assert [entry_id for entry_id, _ in client.xrange("s")] == ids[4:]


async def test_a_stream_nobody_has_read_is_not_trimmed(server: RedisServer) -> None:
    with server.client() as client:
        client.xadd("s", {"m": "1"})
        async with linked(server) as link:
            assert await janitor.trim(link, "s") == 0
            client.xgroup_create("s", "g", id="0")
            assert await janitor.trim(link, "s") == 0
            assert await janitor.trim(link, "absent") == 0


async def test_the_depth_counts_what_waits_and_what_is_in_hand(server: RedisServer) -> None:
    with server.client() as client:
        async with linked(server) as link:
            assert (await janitor.depth(link, "s", "g")).total == 0
            for number in range(5):
                client.xadd("s", {"m": str(number)})
            assert (await janitor.depth(link, "s", "g")).waiting == 5
            client.xgroup_create("s", "g", id="0")
            client.xreadgroup("g", "1", {"s": ">"}, count=2)
            depth = await janitor.depth(link, "s", "g")
    assert (depth.waiting, depth.in_hand) == (3, 2)


async def test_only_consumers_that_are_gone_and_left_nothing_are_forgotten(server: RedisServer) -> None:
    with server.client() as client:
        client.xgroup_create("s", "g", id="0", mkstream=True)
        client.xadd("s", {"m": "1"})
        for consumer in ("busy", "gone", "me"):
            client.xgroup_createconsumer("s", "g", consumer)
        client.xreadgroup("g", "busy", {"s": ">"})
        async with linked(server) as link:
            await janitor.forget_consumers(link, "s", "g", idle_ms=60_000, keep="me")
            assert len(client.xinfo_consumers("s", "g")) == 3
            await janitor.forget_consumers(link, "s", "g", idle_ms=-1, keep="me")
            await janitor.forget_consumers(link, "absent", "g", idle_ms=-1, keep="me")
        assert sorted(consumer["name"] for consumer in client.xinfo_consumers("s", "g")) == ["busy", "me"]


async def test_an_entry_whose_content_was_deleted_does_not_stay_pending(server: RedisServer) -> None:
    world = RedisWorld(server)
    await world.write(QUESTIONS, b'{"jsonrpc":"2.0","method":"desk.none"}')
    with server.client() as client:
        client.xgroup_create(QUESTIONS, "technical", id="0")
        client.xreadgroup("technical", "technical-1", {QUESTIONS: ">"})
        client.xtrim(QUESTIONS, maxlen=0, approximate=False)
        assert client.xpending(QUESTIONS, "technical")["pending"] == 1
        async with serving(world, endpoint()), world.bus("asker-1") as bus:
            await eventually(lambda: depth_is(bus, 0))


async def test_a_reply_to_an_asker_that_is_gone_leaves_no_key(server: RedisServer) -> None:
    world = RedisWorld(server)
    message = b'{"jsonrpc":"2.0","id":"1","method":"desk.halve","params":{"value":8}}'
    async with serving(world, endpoint()) as service, world.bus("asker-1") as bus:
        await world.write(QUESTIONS, message, reply_to="hiddengem:reply.gone-1", expires_ms=2**45)
        await eventually(lambda: service.counts.seen["answered desk.halve ok"] == 1)
        await bus.call("technical", DOUBLE, Number(value=1), timeout=PATIENCE)
    with server.client() as client:
        assert client.exists("hiddengem:reply.gone-1") == 0


async def test_a_reply_stream_stays_short_and_expires_by_itself(server: RedisServer) -> None:
    world = RedisWorld(server)
    async with serving(world, endpoint()), world.bus("asker-1") as bus:
        for _ in range(5):
            await asyncio.gather(
                *(bus.call("technical", DOUBLE, Number(value=1), timeout=PATIENCE) for _ in range(TRIM_EVERY))
            )
        with server.client() as client:
            assert client.xlen(REPLIES) < 3 * TRIM_EVERY
            assert 0 < client.ttl(REPLIES) <= STREAM_TTL_SECONDS


async def test_an_asker_whose_reply_stream_vanishes_asks_again(server: RedisServer) -> None:
    world = RedisWorld(server)
    async with serving(world, endpoint()), world.bus("asker-1") as bus:
        await bus.call("technical", DOUBLE, Number(value=1), timeout=PATIENCE)
        with server.client() as client:
            client.delete(REPLIES)

        async def answered() -> bool:
            answer = (await bus.fan_out(["technical"], DOUBLE, Number(value=1), timeout=1))["technical"]
            return not isinstance(answer, Exception)

        await eventually(answered)


async def test_password_and_database_of_the_url_are_used(tmp_path: Path) -> None:
    server = RedisServer(tmp_path)
    server.start()
    try:
        with server.client() as client:
            client.config_set("requirepass", "s3cret/ü")
        for url, works in ((f"redis://:s3cret%2F%C3%BC@127.0.0.1:{server.port}/3", True), (server.url, False)):
            async with open_bus(url, instance="relay-1") as bus:
                if works:
                    await bus.announce(endpoint().card)
                    assert (await bus.depth("technical")).total == 0
                else:
                    with pytest.raises(Unavailable):
                        await bus.depth("technical")
    finally:
        server.stop()


async def test_a_unix_socket_serves_as_well(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, "--unixsocket", str(tmp_path / "redis.sock"))
    server.start()
    try:
        async with open_bus(f"unix://{tmp_path}/redis.sock", instance="technical-1") as bus:
            assert (await bus.depth("technical")).total == 0
    finally:
        server.stop()


async def test_a_server_that_stays_silent_counts_as_gone() -> None:
    ended = asyncio.Event()

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            if b"SETNAME" in data:
                writer.write(b"+OK\r\n")
        writer.close()
        await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        link = await Link.connect(Address(port=port), name="test", patience=0.05, eager=False)
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(Unavailable):
                await link.run(pack("PING"), 1)
        await link.closed()
        assert not link.open
        await ended.wait()
