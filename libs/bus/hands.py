"""A bounded set of tasks that work off a queue; work that overruns its deadline is cancelled, the task lives on.

Tasks are kept and woken instead of made per message, and one timer watches all deadlines: both are cheaper than the
handlers they serve.
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from libs.bus.streams import Delivery


@dataclass(slots=True)
class Work:
    """One delivery in hand."""

    delivery: Delivery
    due: float
    """Loop time at which its handler is cancelled."""
    deadline: float
    """The same instant on the bus's clock, for the handler."""
    give_up: float
    """Loop time after which no further try starts in this process."""
    tries: int = 0


@dataclass(slots=True)
class _Hand:
    task: asyncio.Task[None] | None = None
    due: float = math.inf
    overdue: bool = False


class Hands:
    """Runs `treat` for each work put in, at most `size` at the same time; `overran` hears of cancelled work."""

    def __init__(
        self,
        size: int,
        group: asyncio.TaskGroup,
        *,
        treat: Callable[[Work], Awaitable[None]],
        overran: Callable[[Work], None],
    ) -> None:
        self._size = size
        self._group = group
        self._treat = treat
        self._overran = overran
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Work] = deque()
        self._hands: list[_Hand] = []
        self._idle: list[asyncio.Future[None]] = []
        self._waking = False
        self._busy = 0
        self._timer: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()

    @property
    def free(self) -> int:
        """How much more work would start at once."""
        return self._size - self._busy - len(self._queue)

    @property
    def in_hand(self) -> int:
        return self._busy + len(self._queue)

    def put(self, work: Work) -> None:
        self._queue.append(work)
        self._wake()

    async def until(self, enough: Callable[[], bool]) -> None:
        """Wait until `enough()` holds; looked at whenever a hand gets free, and at `nudge`."""
        while not enough():
            self._changed.clear()
            await self._changed.wait()

    def nudge(self) -> None:
        self._changed.set()

    def stop(self) -> None:
        """Cancel everything still running."""
        if self._timer is not None:
            self._timer.cancel()
        for hand in self._hands:
            if hand.task is not None:
                hand.task.cancel()

    def _wake(self) -> None:
        """Make one more hand look at the queue, unless one is on its way already."""
        if self._waking:
            return
        while self._idle:
            future = self._idle.pop()
            if not future.done():
                self._waking = True
                future.set_result(None)
                return
        if len(self._hands) < self._size:
            self._waking = True
            hand = _Hand()
            self._hands.append(hand)
            hand.task = self._group.create_task(self._run(hand))

    async def _run(self, hand: _Hand) -> None:
        while True:
            self._waking = False
            while self._queue:
                await self._one(hand, self._queue.popleft())
            idle = self._loop.create_future()
            self._idle.append(idle)
            await idle

    async def _one(self, hand: _Hand, work: Work) -> None:
        self._busy += 1
        if self._queue:
            # If this work has to wait for something, the other hand takes the next; if not, this one is back first.
            self._wake()
        hand.due = work.due
        self._watch(work.due)
        try:
            await self._treat(work)
        except asyncio.CancelledError:
            if not hand.overdue:
                raise
            self._overran(work)
        finally:
            if hand.overdue and hand.task is not None:
                hand.overdue = False
                hand.task.uncancel()
            hand.due = math.inf
            self._busy -= 1
            self._changed.set()

    def _watch(self, due: float) -> None:
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._cancel_overdue)

    def _cancel_overdue(self) -> None:
        self._timer = None
        now = self._loop.time()
        next_due = math.inf
        for hand in self._hands:
            if hand.due <= now and hand.task is not None and not hand.overdue:
                hand.overdue = True
                hand.task.cancel()
            elif not hand.overdue:
                next_due = min(next_due, hand.due)
        if next_due < math.inf:
            self._watch(next_due)
