"""One worker thread keeps its work in order and ends what it began."""

import asyncio
import gc
import threading

import pytest

from libs.bus.errors import DeadlineExceeded
from libs.bus.memory import MemoryServer
from libs.contracts.analysis import STATUS
from libs.contracts.base import Nothing
from libs.runtime.threads import BlockingBus, SerialWorker
from tests.support.desk_world import Analyst, serving


async def test_work_runs_one_after_the_other_in_a_thread_of_its_own() -> None:
    worker = SerialWorker("order-path")
    seen: list[tuple[int, str]] = []

    def work(number: int) -> int:
        seen.append((number, threading.current_thread().name))
        return number * 2

    assert await asyncio.gather(*(worker.run(work, n) for n in range(5))) == [0, 2, 4, 6, 8]
    worker.close()
    assert seen == [(n, "order-path_0") for n in range(5)]


async def test_what_is_in_hand_ends_even_when_the_waiter_is_cancelled() -> None:
    worker, begun, go, done = SerialWorker("w"), threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go.wait(5)
        done.set()

    waiter = asyncio.create_task(worker.run(work))
    await asyncio.to_thread(begun.wait, 5)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert not done.is_set()
    go.set()
    worker.close()
    assert done.is_set()


async def test_an_error_that_nobody_waits_for_any_more_is_no_news() -> None:
    worker, begun, go = SerialWorker("w"), threading.Event(), threading.Event()
    news: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: news.append(str(context["message"])))

    def work() -> None:
        begun.set()
        go.wait(5)
        raise ZeroDivisionError

    waiter = asyncio.create_task(worker.run(work))
    await asyncio.to_thread(begun.wait, 5)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    go.set()
    await asyncio.to_thread(worker.close)
    await asyncio.sleep(0)
    del waiter
    gc.collect()
    assert news == []


async def test_an_error_reaches_the_waiter() -> None:
    worker = SerialWorker("w")
    with pytest.raises(ZeroDivisionError):
        await worker.run(lambda: 1 // 0)
    worker.close()


async def test_synchronous_code_asks_over_the_bus_and_gets_its_errors() -> None:
    server, worker = MemoryServer(), SerialWorker("w")
    async with serving(server, Analyst("policy").endpoint()), server.bus("execution-1") as bus:
        blocking = BlockingBus(bus, asyncio.get_running_loop())
        with pytest.raises(DeadlineExceeded):
            await worker.run(blocking.call, "nobody", STATUS, Nothing(), timeout=0.05)
    worker.close()
