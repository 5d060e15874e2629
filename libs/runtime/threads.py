"""Where synchronous code meets the event loop: one worker thread that keeps its work in order, and a way back.

Order-path code is synchronous and runs in such a thread: a cancelled request cannot stop it half-way.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from pydantic import BaseModel

from libs.bus.port import Bus, CallContext
from libs.contracts.base import Method, Tool

P = ParamSpec("P")
T = TypeVar("T")
Params = TypeVar("Params", bound=BaseModel)
Result = TypeVar("Result", bound=BaseModel)


class SerialWorker:
    """One thread; what is given to it runs one after the other, to the end, even when the waiter is cancelled."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` in the thread and wait for its result."""
        running = asyncio.wrap_future(self._pool.submit(work, *args, **kwargs))
        running.add_done_callback(_seen)
        return await asyncio.shield(running)

    def close(self) -> None:
        """Wait for what is in hand, then end the thread."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _seen(running: "asyncio.Future[T]") -> None:
    """When its waiter was cancelled nobody asks how the work ended; that is no news for the log."""
    if not running.cancelled():
        running.exception()


class BlockingBus:
    """The bus for synchronous code in a worker thread; the event loop runs in another thread."""

    def __init__(self, bus: Bus, loop: asyncio.AbstractEventLoop) -> None:
        self._bus = bus
        self._loop = loop

    def call(
        self,
        service: str,
        method: Method[Params, Result] | Tool[Params, Result],
        params: Params,
        *,
        timeout: float,
        context: CallContext | None = None,
    ) -> Result:
        """Ask and wait; raises what `Bus.call` raises."""
        question = self._bus.call(service, method, params, timeout=timeout, context=context or CallContext())
        return asyncio.run_coroutine_threadsafe(question, self._loop).result(timeout + 1.0)
