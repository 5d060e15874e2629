"""What the bus survives when Redis, the wire or a process fails."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from libs.bus.errors import DeadlineExceeded, Unavailable
from libs.bus.port import Bus, Hint
from libs.bus.presence import LEASE_SECONDS
from tests.contract.bus.talk import (
    DOUBLE,
    NOTE,
    PATIENCE,
    QUICK,
    WAIT,
    Doubled,
    Gate,
    Notes,
    Number,
    answers,
    endpoint,
    eventually,
    gated,
    serving,
)
from tests.integration.bus.lossy_proxy import lossy_proxy
from tests.integration.bus.redis_server import RedisServer
from tests.integration.bus.world import RedisWorld

ROOT = Path(__file__).resolve().parents[3]
QUESTIONS = "hiddengem:agent.technical"
HINTS = "hiddengem:cmd.technical"


def hint(msg_id: str, value: int = 1) -> Hint:
    return Hint("technical", msg_id, NOTE.name, {"value": value})


async def _hints_go_through(bus: Bus) -> bool:
    try:
        await bus.hint([Hint("absent", "m-0", NOTE.name, {})])
    except Unavailable:
        return False
    return True


@asynccontextmanager
async def process(server: RedisServer, instance: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A service in a process of its own; killed at the end if it still lives."""
    command = [sys.executable, "-m", "tests.integration.bus.answering_process", server.url, instance]
    child = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGKILL)
        await child.communicate()


async def test_work_of_a_killed_process_is_claimed_by_a_living_one(server: RedisServer) -> None:
    world = RedisWorld(server)
    gate = Gate()
    gate.open.set()
    options = replace(QUICK, longest_deadline_seconds=0.2)
    async with world.bus("asker-1") as bus, asyncio.TaskGroup() as group:
        async with process(server, "technical-1") as child:
            asked = group.create_task(bus.call("technical", WAIT, Number(value=3), timeout=PATIENCE))
            assert child.stdout is not None
            assert await child.stdout.readline() == b"in hand\n"
        async with serving(world, gated(gate, "technical-2"), options=options):
            assert (await asked).value == 6
    with server.client() as client:
        assert client.xpending(QUESTIONS, "technical")["pending"] == 0


async def test_a_killed_instance_serves_again_soon_and_finishes_its_work(server: RedisServer) -> None:
    world = RedisWorld(server)
    gate = Gate()
    gate.open.set()
    async with world.bus("asker-1") as bus, asyncio.TaskGroup() as group:
        async with process(server, "technical-1") as child:
            asked = group.create_task(bus.call("technical", WAIT, Number(value=3), timeout=PATIENCE))
            assert child.stdout is not None
            assert await child.stdout.readline() == b"in hand\n"
        async with asyncio.timeout(LEASE_SECONDS + 1.5), serving(world, gated(gate)):
            assert (await asked).value == 6
    assert gate.deliveries == [2]


@pytest.mark.parametrize("command", [("XGROUP", "DESTROY", HINTS, "technical"), ("DEL", HINTS), ("FLUSHALL",)])
async def test_reading_goes_on_after_the_group_is_gone(server: RedisServer, command: tuple[str, ...]) -> None:
    notes = Notes()
    world = RedisWorld(server)
    async with serving(world, endpoint(notes=notes)), world.bus("relay-1") as bus:
        await bus.hint([hint("m-1", 1)])
        await eventually(lambda: notes.values[-1:] == [1])
        with server.client() as client:
            client.execute_command(*command)
        await bus.hint([hint("m-2", 2)])
        await eventually(lambda: notes.values[-1:] == [2])


async def test_a_restart_that_keeps_its_data_loses_no_hint(own_server: RedisServer) -> None:
    notes = Notes()
    world = RedisWorld(own_server)
    async with world.bus("relay-1") as bus:
        await bus.hint([hint("m-1", 1)])
        async with serving(world, endpoint(notes=notes)):
            await eventually(lambda: notes.values == [1])
            await bus.hint([hint("m-2", 2)])
            own_server.stop()
            own_server.start()
            await eventually(lambda: 2 in notes.values)
            await eventually(lambda: answers(bus))


async def test_a_restart_that_loses_its_data_is_lived_through_by_asker_and_service(
    forgetful_server: RedisServer,
) -> None:
    gate = Gate()
    world = RedisWorld(forgetful_server)
    async with serving(world, gated(gate)), world.bus("asker-1") as bus, asyncio.TaskGroup() as group:
        asked = group.create_task(bus.call("technical", WAIT, Number(value=3), timeout=PATIENCE))
        await eventually(lambda: gate.entered == 1)
        forgetful_server.stop()
        forgetful_server.start()
        gate.open.set()
        assert (await asked).value == 6
        assert await bus.call("technical", DOUBLE, Number(value=1), timeout=PATIENCE) == Doubled(value=2)


async def test_a_bus_opened_while_redis_is_away_works_as_soon_as_it_is_there(own_server: RedisServer) -> None:
    world = RedisWorld(own_server)
    own_server.stop()
    async with world.bus("asker-1") as bus, asyncio.TaskGroup() as group:
        with pytest.raises(Unavailable):
            await bus.call("technical", DOUBLE, Number(value=1), timeout=0.1)
        with pytest.raises(Unavailable):
            await bus.hint([hint("m-1")])
        with pytest.raises(Unavailable):
            await bus.cards()
        asked = group.create_task(bus.call("technical", DOUBLE, Number(value=1), timeout=PATIENCE))
        own_server.start()
        async with serving(world, endpoint()):
            assert (await asked).value == 2


async def test_a_lost_reply_to_a_question_makes_no_second_entry(server: RedisServer) -> None:
    world = RedisWorld(server)
    async with lossy_proxy(server.port) as proxy:
        far = RedisWorld(server)
        far.url = proxy.url
        async with far.bus("asker-1") as bus:
            with pytest.raises(DeadlineExceeded):
                await bus.call("technical", DOUBLE, Number(value=1), timeout=0.2)
            proxy.swallowing = True
            with pytest.raises(DeadlineExceeded):
                await bus.call("technical", DOUBLE, Number(value=2), timeout=0.2)
            proxy.cut()
            proxy.swallowing = False
            with server.client() as client:
                # The connection is back as soon as hints go through.
                await eventually(lambda: _hints_go_through(bus))
                written = client.xlen(QUESTIONS)
            async with serving(world, endpoint()):
                assert (await bus.call("technical", DOUBLE, Number(value=3), timeout=PATIENCE)).value == 6
    assert written == 2


async def test_a_lost_reply_to_a_hint_is_told_and_a_second_try_carries_the_same_id(server: RedisServer) -> None:
    notes = Notes()
    world = RedisWorld(server)
    async with lossy_proxy(server.port) as proxy:
        far = RedisWorld(server)
        far.url = proxy.url
        async with far.bus("relay-1") as bus:
            await bus.hint([hint("m-0")])
            proxy.swallowing = True
            told = asyncio.create_task(bus.hint([hint("m-1")]))
            with server.client() as client:
                await eventually(lambda: client.xlen(HINTS) == 2)
            proxy.cut()
            with pytest.raises(Unavailable):
                await told
            proxy.swallowing = False
            await bus.hint([hint("m-1")])
        async with serving(world, endpoint(notes=notes)):
            await eventually(lambda: len(notes.calls) == 3)
    assert [call.msg_id for call in notes.calls] == ["m-0", "m-1", "m-1"]


async def test_a_broken_connection_in_the_middle_of_work_loses_no_answer(server: RedisServer) -> None:
    gate = Gate()
    async with lossy_proxy(server.port) as proxy:
        far = RedisWorld(server)
        far.url = proxy.url
        async with serving(far, gated(gate)), RedisWorld(server).bus("asker-1") as bus, asyncio.TaskGroup() as group:
            asked = group.create_task(bus.call("technical", WAIT, Number(value=3), timeout=PATIENCE))
            await eventually(lambda: gate.entered == 1)
            proxy.cut()
            gate.open.set()
            assert (await asked).value == 6


async def test_a_server_without_memory_refuses_and_recovers(forgetful_server: RedisServer) -> None:
    world = RedisWorld(forgetful_server)
    async with serving(world, endpoint()), world.bus("asker-1") as bus:
        assert (await bus.call("technical", DOUBLE, Number(value=1), timeout=PATIENCE)).value == 2
        with forgetful_server.client() as client:
            client.config_set("maxmemory-policy", "noeviction")
            client.config_set("maxmemory", "1")
            with pytest.raises(Unavailable):
                await bus.call("technical", DOUBLE, Number(value=1), timeout=PATIENCE)
            with pytest.raises(Unavailable):
                await bus.hint([hint("m-1")])
            client.config_set("maxmemory", "0")
        await eventually(lambda: answers(bus))
