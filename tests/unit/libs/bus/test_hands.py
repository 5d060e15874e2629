"""A bounded set of tasks works off a queue and survives work that overruns."""

import asyncio

from libs.bus.hands import Hands, Work
from libs.bus.streams import Delivery


def work(number: int, patience: float = 10.0) -> Work:
    now = asyncio.get_running_loop().time()
    return Work(Delivery(f"{number}-0", b""), now + patience, now + patience, now + patience)


async def test_work_that_never_waits_is_done_by_one_hand_in_order() -> None:
    done: list[str] = []
    tasks: set[asyncio.Task[None] | None] = set()

    async def treat(one: Work) -> None:
        done.append(one.delivery.entry_id)
        tasks.add(asyncio.current_task())

    async with asyncio.TaskGroup() as group:
        hands = Hands(8, group, treat=treat, overran=lambda _: None)
        for number in range(20):
            hands.put(work(number))
        await hands.until(lambda: hands.in_hand == 0)
        hands.stop()
    assert done == [f"{number}-0" for number in range(20)]
    assert len(tasks) == 1


async def test_no_more_run_at_once_than_there_are_hands() -> None:
    running, most = 0, 0
    gate = asyncio.Event()

    async def treat(_one: Work) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await gate.wait()
        running -= 1

    async with asyncio.TaskGroup() as group:
        hands = Hands(3, group, treat=treat, overran=lambda _: None)
        for number in range(9):
            hands.put(work(number))
        for _ in range(10):
            await asyncio.sleep(0)
        assert (running, hands.free, hands.in_hand) == (3, -6, 9)
        gate.set()
        await hands.until(lambda: hands.in_hand == 0)
        hands.stop()
    assert most == 3


async def test_overdue_work_is_cancelled_and_its_hand_goes_on() -> None:
    overran: list[str] = []
    done: list[str] = []

    async def treat(one: Work) -> None:
        if one.delivery.entry_id == "1-0":
            await asyncio.Event().wait()
        done.append(one.delivery.entry_id)

    async with asyncio.TaskGroup() as group:
        hands = Hands(1, group, treat=treat, overran=lambda one: overran.append(one.delivery.entry_id))
        hands.put(work(1, patience=0.01))
        hands.put(work(2))
        async with asyncio.timeout(5):
            await hands.until(lambda: hands.in_hand == 0)
        hands.stop()
    assert (overran, done) == (["1-0"], ["2-0"])


async def test_the_earliest_deadline_is_watched_whatever_came_first() -> None:
    overran: list[str] = []

    async def treat(_one: Work) -> None:
        await asyncio.Event().wait()

    async with asyncio.TaskGroup() as group:
        hands = Hands(3, group, treat=treat, overran=lambda one: overran.append(one.delivery.entry_id))
        for number, patience in ((1, 60.0), (2, 0.02), (3, 0.01)):
            hands.put(work(number, patience))
        async with asyncio.timeout(5):
            await hands.until(lambda: len(overran) == 2)
        hands.stop()
    assert overran == ["3-0", "2-0"]


async def test_a_handler_that_swallows_its_cancellation_does_not_poison_its_hand() -> None:
    done: list[str] = []

    async def treat(one: Work) -> None:
        if one.delivery.entry_id == "1-0":
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return
        await asyncio.sleep(0)
        done.append(one.delivery.entry_id)

    async with asyncio.TaskGroup() as group:
        hands = Hands(1, group, treat=treat, overran=lambda _: None)
        hands.put(work(1, patience=0.01))
        hands.put(work(2))
        async with asyncio.timeout(5):
            await hands.until(lambda: hands.in_hand == 0)
        hands.stop()
    assert done == ["2-0"]
