"""The process that listens is started again when it dies, not when its feed refuses, and never outlives its parent."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from services.ingestion.live_child import LiveChild
from tests.integration.ingestion.conftest import Ingestion

NOBODY = "replay+ws://127.0.0.1:1"


def listeners() -> set[int]:
    """The processes of the live feed that this one started."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    commands = {int(pid): Path(f"/proc/{pid}/cmdline") for pid in children}
    return {pid for pid, path in commands.items() if path.exists() and b"services.ingestion.live" in path.read_bytes()}


async def another(than: set[int]) -> int:
    async with asyncio.timeout(30):
        while not (found := listeners() - than):  # noqa: ASYNC110 - a process starts without a word
            await asyncio.sleep(0.05)
    return found.pop()


@pytest.mark.requirement("B10")
async def test_a_killed_listener_is_started_again_and_ends_with_its_keeper(ingestion: Ingestion) -> None:
    environment = ingestion.environment(HIDDENGEM_FEED=NOBODY, HIDDENGEM_LOG_LEVEL="error")
    before = listeners()
    keeping = asyncio.ensure_future(LiveChild(environment, NOBODY, lambda: True).run())
    first = await another(before)
    os.kill(first, signal.SIGKILL)
    second = await another(before | {first})
    assert second != first
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert listeners() <= before


async def test_real_quotes_have_no_place_in_a_simulated_market(ingestion: Ingestion) -> None:
    environment = ingestion.environment(HIDDENGEM_FEED="sina", HIDDENGEM_SYNTHETIC="true", HIDDENGEM_LOG_LEVEL="error")
    async with asyncio.timeout(30):
        await LiveChild(environment, "sina", lambda: True).run()
    assert ingestion.count("feeds") == 0


async def test_a_desk_without_a_feed_starts_nothing() -> None:
    before = listeners()
    await LiveChild({}, "", lambda: True).run()
    assert listeners() == before
