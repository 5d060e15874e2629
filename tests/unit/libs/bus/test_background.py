"""Work beside a block ends with it, and nobody's exception gets wrapped."""

import asyncio

import pytest

from libs.bus.background import beside


async def test_the_work_ends_with_the_block() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("work")

    async with beside(work()):
        await asyncio.sleep(0)
    assert ended == ["work"]


async def test_what_the_block_raises_comes_out_bare() -> None:
    with pytest.raises(KeyError):
        async with beside(asyncio.Event().wait()):  # type: ignore[arg-type] # its result is of no interest
            raise KeyError


async def test_a_failure_of_the_work_ends_the_block_and_comes_out_bare() -> None:
    async def work() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        async with beside(work()):
            await asyncio.Event().wait()


async def test_cancelling_from_outside_stays_a_cancellation() -> None:
    async def block() -> None:
        async with beside():
            await asyncio.Event().wait()

    task = asyncio.create_task(block())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
