"""Work that runs beside a block and ends with it, under one task group, without wrapping what the block raises."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager


@asynccontextmanager
async def beside(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run `work` while inside and cancel it after; a failure of it cancels the block and is raised instead."""
    raised: BaseException | None = None
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
            try:
                yield
            except BaseException as e:  # noqa: BLE001 raised again below, outside of the group that would wrap it
                raised = e
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as e:
        if len(e.exceptions) == 1:
            raise e.exceptions[0] from None
        raise
    if raised is not None:
        raise raised
