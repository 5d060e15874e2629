"""The service as it really runs: asked over the bus, answering with a job that gets done."""

import asyncio
import subprocess
import sys
from uuid import UUID

import pytest

from libs.bus.errors import BusError
from libs.bus.redis.bus import open_bus
from libs.contracts.market import SYNC, SyncRequest
from libs.runtime.processes import wait_until
from tests.integration.ingestion.conftest import Ingestion, WriteBars, report_of


async def test_a_question_over_the_bus_opens_a_job_that_gets_done(
    ingestion: Ingestion, redis_url: str, write_bars: WriteBars
) -> None:
    path = write_bars("bars.csv", {"2024-09-02": 10.0, "2024-09-03": 10.5})
    environment = ingestion.environment(HIDDENGEM_REDIS_URL=redis_url, HIDDENGEM_LOG_LEVEL="warning")
    service = start(environment)
    try:
        async with open_bus(redis_url, instance="test-1") as bus:
            request = SyncRequest(source="file", path=str(path))
            accepted = await bus.call("ingestion", SYNC, request, timeout=20)
            await done(ingestion, accepted.job_id)
            with pytest.raises(BusError):
                await bus.call("ingestion", SYNC, request.model_copy(update={"path": None}), timeout=20)
    finally:
        service.terminate()
    assert await asyncio.to_thread(service.wait, 10) == 0
    assert report_of(ingestion.job(accepted.job_id)).imports[0].inserted == 2


def start(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "services.ingestion"], env=environment)


async def done(ingestion: Ingestion, job_id: UUID) -> None:
    ended = await asyncio.to_thread(
        wait_until, lambda: ingestion.job(job_id).status != "RUNNING", patience_seconds=30, interval_seconds=0.1
    )
    assert ended
