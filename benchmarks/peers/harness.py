"""What every contender of the bus benchmark shares: seven agents in processes of their own, and one asker.

    python -m benchmarks.peers.CONTENDER agents URL
    python -m benchmarks.peers.CONTENDER client URL

The agents' parent prints `ready PID PID …`; the client answers each line `together N IN_FLIGHT` or `one_by_one N` on its
standard input with one line of JSON. All end when their standard input closes. Only the standard library and the
contract of `analyze` are used here, so that every peer's environment can run it.
"""

import asyncio
import ctypes
import json
import os
import signal
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime

from libs.contracts.analysis import AnalyzeRequest, AnalyzeResult, EvidenceModel, SignalModel, SubjectModel

AGENTS = tuple(f"agent{number}" for number in range(1, 8))
SYMBOLS = ["600519.SH", "000001.SZ", "300750.SZ"]
AS_OF = datetime(2024, 9, 2, 8, tzinfo=UTC)

Ask = Callable[[], Awaitable[int]]


def request() -> AnalyzeRequest:
    return AnalyzeRequest(symbols=SYMBOLS, as_of=AS_OF)


def result() -> AnalyzeResult:
    """About 1.4 KB of JSON."""
    return AnalyzeResult(results=[_signal(symbol) for symbol in SYMBOLS])


def _signal(symbol: str) -> SignalModel:
    evidence = EvidenceModel(
        datum_id=f"bar:{symbol}:close:2024-09-02:file", source="file", name="close", value=1412.5, unit="CNY",
        as_of=date(2024, 9, 2), published_at=AS_OF,
    )
    return SignalModel(
        subject=SubjectModel(scope="symbol", id=symbol), score=0.25, confidence=0.6, horizon="7-14d",
        evidence=[evidence], rationale="RSI 41.2", data_as_of=AS_OF,
        valid_until=AS_OF, inputs_hash="9f86d081884c7d659a2feaa0c55ad015",
    )


def run_agents(run: Callable[[str, str], None], url: str) -> None:
    """Fork one process per agent; the parent waits for the end of its standard input."""
    pids = []
    for name in AGENTS:
        pid = os.fork()
        if pid == 0:
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)
            run(name, url)
            os._exit(0)
        pids.append(pid)
    print("ready", *pids, flush=True)
    sys.stdin.read()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for pid in pids:
        os.waitpid(pid, 0)


async def run_client(ask: Ask) -> None:
    """`ask` is one fan-out to all agents and says how many good answers came."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + 60
    while await ask() != len(AGENTS):
        assert loop.time() < deadline, "the agents do not answer"
    print("ready", os.getpid(), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        kind, *numbers = line.split()
        count = int(numbers[0])
        answer = await (_one_by_one(ask, count) if kind == "one_by_one" else _together(ask, count, int(numbers[1])))
        print(json.dumps(answer), flush=True)


async def _together(ask: Ask, count: int, in_flight: int) -> dict[str, float]:
    left = iter(range(count))

    async def one_lane() -> int:
        return sum([await ask() for _ in left])

    started = time.perf_counter()
    good = sum(await asyncio.gather(*(one_lane() for _ in range(in_flight))))
    return {"seconds": time.perf_counter() - started, "missing": count * len(AGENTS) - good}


async def _one_by_one(ask: Ask, count: int) -> dict[str, float]:
    times = []
    good = 0
    for _ in range(count):
        started = time.perf_counter()
        good += await ask()
        times.append(time.perf_counter() - started)
    return {"p50": statistics.median(times), "missing": count * len(AGENTS) - good}


def main(agent: Callable[[str, str], None], client: Callable[[str], Awaitable[None]]) -> None:
    role, url = sys.argv[1:3]
    if role == "agents":
        run_agents(agent, url)
    else:
        asyncio.run(client(url))
