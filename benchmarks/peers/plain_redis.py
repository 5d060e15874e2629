"""The same work with plain redis-py commands and no features: JSON in, JSON out, one pipeline per batch.

Written to be quick: all entries of a fan-out in one pipeline, blocking reads of up to 64 entries, answers and
acknowledgements of a batch in one pipeline. JSON by the standard library; with msgspec in its place this peer costs about
a third less: what our bus costs, validation and all. No deadline, no claim loop, no validation, no trimming.
"""

import asyncio
import itertools
import json

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from benchmarks.peers.harness import AGENTS, main, request, result, run_client

REPLIES = "plain:replies"


def connect(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=None, legacy_responses=False)


def agent(name: str, url: str) -> None:
    asyncio.run(serve(name, connect(url), result().model_dump(mode="json")))


async def serve(name: str, redis: Redis, answer: dict[str, object]) -> None:
    stream = f"plain:{name}"
    try:
        await redis.xgroup_create(stream, name, id="0", mkstream=True)
    except ResponseError:
        pass
    while True:
        found = await redis.xreadgroup(name, "1", {stream: ">"}, count=64, block=5000)
        if not found:
            continue
        pipe = redis.pipeline(transaction=False)
        entries = found[stream.encode()]
        for _, fields in entries:
            question = json.loads(fields[b"m"])
            assert question["params"]["symbols"]
            pipe.xadd(fields[b"r"], {"m": json.dumps({"id": question["id"], "result": answer})})
        pipe.xack(stream, name, *(entry_id for entry_id, _ in entries))
        await pipe.execute()


async def client(url: str) -> None:
    redis, reader = connect(url), connect(url)
    waiting: dict[int, tuple[dict[str, object], str, asyncio.Future[None]]] = {}
    ids = itertools.count()
    params = request().model_dump(mode="json")

    async def read() -> None:
        last = b"$"
        while True:
            found = await reader.xread({REPLIES: last}, count=512, block=5000)
            for entry_id, fields in found.get(REPLIES.encode(), ()) if found else ():
                last = entry_id
                answer = json.loads(fields[b"m"])
                answers, name, done = waiting.pop(answer["id"])
                answers[name] = answer["result"]
                if len(answers) == len(AGENTS):
                    done.set_result(None)

    async def ask() -> int:
        answers: dict[str, object] = {}
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        pipe = redis.pipeline(transaction=False)
        for name in AGENTS:
            msg_id = next(ids)
            waiting[msg_id] = (answers, name, done)
            message = json.dumps({"jsonrpc": "2.0", "id": msg_id, "method": "analyze", "params": params})
            pipe.xadd(f"plain:{name}", {"m": message, "r": REPLIES})
        await pipe.execute()
        await done
        return len(answers)

    reading = asyncio.create_task(read())
    await asyncio.sleep(0.5)
    await run_client(ask)
    reading.cancel()


if __name__ == "__main__":
    main(agent, client)
