"""Our own bus with everything on: deadlines, acknowledgements, claim loop, validation at both ends, tracing fields."""

import asyncio

from benchmarks.peers.harness import AGENTS, AS_OF, main, request, result, run_client
from libs.bus.dead_letters import DeadLetterList
from libs.bus.endpoint import Endpoint
from libs.bus.port import Call, CallContext, ServeOptions
from libs.bus.redis.bus import open_bus
from libs.contracts.analysis import ANALYZE, AnalyzeRequest, AnalyzeResult
from libs.contracts.card import AgentCard

CONTEXT = CallContext(
    now=AS_OF, round_id="6f1c3c1e-6d0e-4d0c-9a53-7d7f3b0c9a11",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)


def agent(name: str, url: str) -> None:
    answer = result()

    async def analyze(_request: AnalyzeRequest, _call: Call) -> AnalyzeResult:
        return answer

    async def serve() -> None:
        endpoint = Endpoint(AgentCard(name=name, instance=f"{name}-1", role="analyst", version="1"))
        endpoint.tool(ANALYZE, analyze)
        async with open_bus(url, instance=f"{name}-1") as bus:
            options = ServeOptions(questions_in_hand=64)
            await bus.serve(endpoint, asyncio.Event(), dead_letters=DeadLetterList(), options=options)

    asyncio.run(serve())


async def client(url: str) -> None:
    question = request()
    async with open_bus(url, instance="asker-1") as bus:

        async def ask() -> int:
            answers = await bus.fan_out(AGENTS, ANALYZE, question, timeout=20, context=CONTEXT)
            return sum(isinstance(answer, AnalyzeResult) for answer in answers.values())

        await run_client(ask)


if __name__ == "__main__":
    main(agent, client)
