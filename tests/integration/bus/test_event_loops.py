"""The door runs on uvloop, everything else on asyncio's own loop; the bus must carry both."""

import asyncio
from collections.abc import Callable

import pytest
import uvloop

from tests.contract.bus.talk import DOUBLE, PATIENCE, Number, endpoint, serving
from tests.integration.bus.world import RedisWorld


async def _ask(world: RedisWorld) -> int:
    async with serving(world, endpoint()), world.bus("asking-1") as bus:
        return (await bus.call("technical", DOUBLE, Number(value=21), timeout=PATIENCE)).value


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_question_is_answered_on_either_event_loop(
    world: RedisWorld, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(_ask(world)) == 42
