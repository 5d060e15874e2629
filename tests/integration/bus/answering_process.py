"""A service in a process of its own, to be killed: it takes questions and hints in hand and never finishes them.

python -m tests.integration.bus.answering_process URL INSTANCE
"""

import asyncio
import sys

from libs.bus.dead_letters import DeadLetterList
from libs.bus.port import Call
from libs.bus.redis.bus import open_bus
from tests.contract.bus.talk import WAIT, Doubled, Number, endpoint


async def serve(url: str, instance: str) -> None:
    async def hang(_number: Number, _call: Call) -> Doubled:
        sys.stdout.write("in hand\n")
        sys.stdout.flush()
        await asyncio.Event().wait()
        raise AssertionError

    served = endpoint(instance=instance)
    served.tool(WAIT, hang)
    async with open_bus(url, instance=instance) as bus:
        await bus.serve(served, asyncio.Event(), dead_letters=DeadLetterList())


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2]))
