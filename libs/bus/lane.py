"""One stream of one service being worked off: read as much as there are free hands, treat, settle.

Answers, acknowledgements and the next read leave in one write when the hands are quick; while a read waits, they leave
on another connection. A stop drains: no more reading, what is in hand is finished, the rest stays unacknowledged.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from libs.bus.burial import Burial
from libs.bus.dead_letters import Reason
from libs.bus.endpoint import Arrival
from libs.bus.errors import Unavailable
from libs.bus.hands import Hands, Work
from libs.bus.metrics import BusMetrics
from libs.bus.port import ServeOptions
from libs.bus.streams import Delivery, Inlet, Settled
from libs.bus.treatment import Next, Treatment, Verdict
from libs.domain.clock import Clock

log = logging.getLogger(__name__)

FIRST_RETRY_SECONDS = 0.05
LONGEST_RETRY_SECONDS = 2.0
RECONNECT_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.0)
RECOVERED_AT_ONCE = 100
CONSUMER_FORGOTTEN_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class LaneTools:
    """What every lane of a service works with."""

    service: str
    options: ServeOptions
    burial: Burial
    clock: Clock
    metrics: BusMetrics


class Lane:
    """Works off one stream; `run` once."""

    def __init__(self, stream: str, inlet: Inlet, treatment: Treatment, *, slots: int, tools: LaneTools) -> None:
        self._stream = stream
        self._inlet = inlet
        self._treatment = treatment
        self._slots = slots
        self._tools = tools
        self._in_hand: dict[str, Work] = {}
        self._settled = Settled()
        self._reading = False
        self._flush_planned = False
        self._stop = asyncio.Event()
        self._hands: Hands

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then drain and return."""
        self._stop = stop
        try:
            await self._run(stop)
        finally:
            await self._inlet.close()

    async def _run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            self._hands = Hands(self._slots, group, treat=self._work, overran=self._overran)
            reader = group.create_task(self._read())
            chores = [group.create_task(self._claim()), group.create_task(self._tidy())]
            await stop.wait()
            for chore in chores:
                chore.cancel()
            await self._drain(reader)
            self._hands.stop()

    async def _drain(self, reader: asyncio.Task[None]) -> None:
        self._hands.nudge()
        await self._inlet.interrupt()
        await reader
        try:
            async with asyncio.timeout(self._tools.options.drain_seconds):
                await self._hands.until(lambda: self._hands.in_hand == 0)
        except TimeoutError:
            log.warning("stopped with work in hand", extra={"stream": self._stream, "left": self._hands.in_hand})
        try:
            await self._inlet.flush(self._settled)
        except Unavailable:
            log.warning("stopped without the server", extra={"stream": self._stream, "left": len(self._settled.acks)})

    async def _read(self) -> None:
        await self._patiently(self._recover)
        while not self._stop.is_set():
            await self._hands.until(lambda: self._hands.free > 0 or self._stop.is_set())
            await self._patiently(self._take)
            # Handlers that need not wait finish here; their answers leave together with the next read.
            await asyncio.sleep(0)

    async def _take(self) -> None:
        if self._stop.is_set():
            return
        settled, self._settled = self._settled, Settled()
        self._reading = True
        try:
            deliveries = await self._inlet.take(self._hands.free, settled)
        except Unavailable:
            self._put_back(settled)
            raise
        finally:
            self._reading = False
        self._accept(deliveries)

    async def _recover(self) -> None:
        """What this instance had in hand when it died comes first."""
        after = "0"
        while found := await self._inlet.own_unfinished(after, RECOVERED_AT_ONCE):
            self._take_over(found)
            after = found[-1].entry_id

    async def _claim(self) -> None:
        idle_seconds = 2 * self._tools.options.longest_deadline_seconds
        while True:
            await asyncio.sleep(idle_seconds / 10)
            if self._hands.free > 0:
                await self._patiently(lambda: self._claim_once(int(idle_seconds * 1000)))

    async def _claim_once(self, idle_ms: int) -> None:
        self._take_over(await self._inlet.claim(idle_ms, self._hands.free))

    async def _tidy(self) -> None:
        while True:
            await self._patiently(self._tidy_once)
            await asyncio.sleep(self._tools.options.tidy_seconds)

    async def _tidy_once(self) -> None:
        depth = await self._inlet.tidy(int(CONSUMER_FORGOTTEN_SECONDS * 1000))
        tools = self._tools
        tools.metrics.queue_depth(tools.service, self._treatment.kind, depth.waiting, depth.in_hand)

    async def _patiently(self, step: Callable[[], Awaitable[None]]) -> None:
        """Do one step; while the server is away try again, ever more slowly, until the stop."""
        for attempt in range(1_000_000_000):
            try:
                return await step()
            except Unavailable as e:
                if attempt == 0:
                    log.warning("bus server is away", extra={"stream": self._stream, "reason": str(e)})
                delay = RECONNECT_SECONDS[min(attempt, len(RECONNECT_SECONDS) - 1)]
                if await self._stopped_within(delay):
                    return None
        return None

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._stop.wait()
        except TimeoutError:
            return False

    def _take_over(self, deliveries: list[Delivery]) -> None:
        for delivery in deliveries:
            if delivery.entry_id not in self._in_hand:
                self._tools.metrics.redelivered(self._tools.service)
        self._accept(deliveries)

    def _accept(self, deliveries: list[Delivery]) -> None:
        loop_now = asyncio.get_running_loop().time()
        now = self._tools.clock.monotonic()
        now_ms = self._tools.clock.utc_now().timestamp() * 1000
        longest = self._tools.options.longest_deadline_seconds
        for delivery in deliveries:
            if delivery.entry_id in self._in_hand:
                continue
            patience = longest
            if delivery.expires_ms is not None:
                patience = min(longest, (delivery.expires_ms - now_ms) / 1000)
            if patience <= 0:
                self._expired(delivery)
                continue
            work = Work(delivery, loop_now + patience, now + patience, loop_now + longest)
            self._in_hand[delivery.entry_id] = work
            self._hands.put(work)

    def _expired(self, delivery: Delivery) -> None:
        """Its asker has stopped waiting: dropped and counted, not answered."""
        self._tools.metrics.expired(self._tools.service)
        self._settle(delivery, None)

    async def _work(self, work: Work) -> None:
        delivery = work.delivery
        if delivery.tried > self._tools.options.max_deliveries:
            verdict = Verdict(Next.BURY, reason=Reason.EXHAUSTED)
        else:
            arrival = Arrival(work.deadline, delivery.tried + work.tries, delivery.entry_id)
            verdict = await self._treatment.treat(delivery, arrival)
        await self._apply(work, verdict)

    async def _apply(self, work: Work, verdict: Verdict) -> None:
        if verdict.next is Next.RETRY and self._retry(work):
            return
        del self._in_hand[work.delivery.entry_id]
        finished = verdict.next is Next.FINISH
        if verdict.next is Next.BURY:
            reason = verdict.reason or Reason.EXHAUSTED
            finished = await self._tools.burial.record(self._stream, work.delivery, reason)
        if finished:
            self._settle(work.delivery, verdict.reply)

    def _retry(self, work: Work) -> bool:
        """Plan another try in this process; False when the claim loop should take it from here."""
        loop = asyncio.get_running_loop()
        delay = min(FIRST_RETRY_SECONDS * 2**work.tries, LONGEST_RETRY_SECONDS)
        if loop.time() + delay >= work.give_up or self._stop.is_set():
            return False
        work.tries += 1
        loop.call_later(delay, self._try_again, work)
        return True

    def _try_again(self, work: Work) -> None:
        if self._stop.is_set():
            return
        now = asyncio.get_running_loop().time()
        longest = self._tools.options.longest_deadline_seconds
        work.due = now + longest
        work.deadline = self._tools.clock.monotonic() + longest
        self._hands.put(work)

    def _overran(self, work: Work) -> None:
        """The handler was cancelled at its deadline: a question is over, a hint is left for the claim loop."""
        self._tools.metrics.expired(self._tools.service)
        log.warning("handler overran its deadline", extra={"stream": self._stream, "entry": work.delivery.entry_id})
        del self._in_hand[work.delivery.entry_id]
        if self._treatment.ends_with_deadline:
            self._settle(work.delivery, None)

    def _settle(self, delivery: Delivery, reply: bytes | None) -> None:
        self._settled.add(delivery, reply)
        if self._reading and not self._flush_planned:
            self._flush_planned = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_planned = False
        if self._reading and self._settled:
            settled, self._settled = self._settled, Settled()
            self._inlet.settle(settled, self._put_back)

    def _put_back(self, unsent: Settled) -> None:
        self._settled.put_back(unsent)
