"""FastStream's redis broker: one stream and consumer group per agent, answers by its own request and reply."""

import asyncio
import logging

from faststream.redis import RedisBroker, StreamSub

from benchmarks.peers.harness import AGENTS, main, request, result, run_client
from libs.contracts.analysis import AnalyzeRequest, AnalyzeResult

logging.disable(logging.WARNING)


def agent(name: str, url: str) -> None:
    broker = RedisBroker(url, logger=None)
    answer = result()

    @broker.subscriber(stream=StreamSub(f"faststream:{name}", group=name, consumer="1", max_records=64))
    async def analyze(question: AnalyzeRequest) -> AnalyzeResult:
        return answer

    async def serve() -> None:
        async with broker:
            await broker.start()
            await asyncio.Event().wait()

    asyncio.run(serve())


async def client(url: str) -> None:
    async with RedisBroker(url, logger=None, max_connections=1000) as broker:
        await broker.connect()
        question = request()

        async def one(name: str) -> AnalyzeResult:
            message = await broker.request(question, stream=f"faststream:{name}", timeout=30)
            return AnalyzeResult.model_validate_json(message.body)

        async def ask() -> int:
            return len(await asyncio.gather(*(one(name) for name in AGENTS)))

        await asyncio.sleep(2)
        await run_client(ask)


if __name__ == "__main__":
    main(agent, client)
