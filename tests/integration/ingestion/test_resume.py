"""A sync job that is killed at whatever point goes on with its next part: nothing is lost, nothing is there twice."""

import asyncio
import os
import signal
from collections.abc import Iterator
from datetime import date
from uuid import UUID

import pytest
from sqlalchemy import text

from libs.ashare.calendar import CALENDAR
from libs.contracts.market import SyncRequest
from libs.marketdata.source import Kind
from libs.storage.engine import make_engine, transaction
from tests.integration.ingestion.conftest import Ingestion, report_of
from tests.integration.ingestion.test_jobs import children_of, first_life, holds, open_job
from tests.support.tushare_market import MOUTAI, PINGAN, tables
from tests.support.tushare_stub import Fault, TushareStub, serving

SESSIONS = CALENDAR.sessions_between(date(2024, 9, 2), date(2024, 9, 13))
KINDS = (Kind.CALENDAR, Kind.INSTRUMENTS, Kind.BARS, Kind.INDEX_BARS, Kind.VALUATIONS, Kind.SUSPENSIONS, Kind.MARGIN)
REQUEST = SyncRequest(
    source="tushare", symbols=(MOUTAI, PINGAN), kinds=KINDS, from_date=SESSIONS[0], to_date=SESSIONS[-1], exact=True
)
POINTS = ("trade_cal", "stock_basic", "adj_factor", "index_daily", "margin")
"""Endpoints at which the process is killed: while it asks for the first part, for one in the middle, for the last."""


@pytest.fixture
def stub() -> Iterator[TushareStub]:
    with serving(TushareStub(tables(CALENDAR.sessions_between(date(2024, 9, 2), date(2024, 9, 30))))) as running:
        yield running


def environment(stub: TushareStub) -> dict[str, str]:
    return {"TUSHARE_TOKEN": "a-very-secret-token", "HIDDENGEM_TUSHARE_URL": stub.url}


async def asked_at(stub: TushareStub, endpoint: str) -> None:
    await holds(lambda: any(api == endpoint for api, _ in stub.asked))


def contents(ingestion: Ingestion) -> dict[str, str]:
    """What every table of market data holds, whoever wrote it and when."""
    with transaction(ingestion.engine) as connection:
        return {
            kind.value: connection.execute(
                text(
                    "SELECT md5(coalesce(string_agg(line, E'\\n' ORDER BY line), '')) FROM ("
                    f" SELECT (to_jsonb(t) - 'fetched_at')::text AS line FROM market.{kind.value} AS t) AS lines"
                )
            ).scalar_one()
            for kind in KINDS
        }


def assert_every_part_once(ingestion: Ingestion, job_id: UUID) -> None:
    with transaction(ingestion.engine) as connection:
        twice = connection.execute(
            text("SELECT detail ->> 'part', kind, count(*) FROM market.imports GROUP BY 1, 2 HAVING count(*) > 1")
        ).all()
    assert twice == []
    job = ingestion.job(job_id)
    assert job.parts_done == job.parts_total == ingestion.count("job_parts")


async def undisturbed(ingestion: Ingestion, stub: TushareStub) -> dict[str, str]:
    """What a job leaves behind that nobody kills; afterwards everything is empty again."""
    job = await ingestion.sync(REQUEST, ingestion.jobs(ingestion.processes(**environment(stub))))
    assert report_of(job).failed == ()
    found = contents(ingestion)
    with transaction(ingestion.engine) as connection:
        for kind in (*KINDS, "imports", "sync_jobs", "vendor_cache"):
            connection.execute(text(f"DELETE FROM market.{kind}"))
    stub.asked.clear()
    return found


@pytest.mark.requirement("B8")
@pytest.mark.parametrize("point", POINTS)
async def test_a_process_killed_while_it_asks_goes_on_with_the_same_part(
    ingestion: Ingestion, stub: TushareStub, point: str
) -> None:
    expected = await undisturbed(ingestion, stub)
    stub.fault, stub.fault_at = Fault.HANG, point
    jobs = ingestion.jobs(ingestion.processes(**environment(stub)))
    job_id = await jobs.submit(REQUEST)
    working = asyncio.create_task(jobs.work(job_id))
    await asked_at(stub, point)
    stored, asked = ingestion.job(job_id).parts_done, [api for api, _ in stub.asked if api != point]
    stub.fault = None
    [pid] = children_of(os.getpid())
    os.kill(pid, signal.SIGKILL)
    await working
    job = ingestion.job(job_id)
    assert (report_of(job).failed, job.attempts) == ((), 2)
    assert contents(ingestion) == expected
    assert_every_part_once(ingestion, job_id)
    assert stored == 0 or [api for api, _ in stub.asked].count("trade_cal") == asked.count("trade_cal")


async def test_a_process_killed_while_it_writes_leaves_nothing_of_that_part(
    ingestion: Ingestion, stub: TushareStub, shared_database: str
) -> None:
    expected = await undisturbed(ingestion, stub)
    jobs = ingestion.jobs(ingestion.processes(**environment(stub)))
    job_id = await jobs.submit(REQUEST)
    owner = make_engine(shared_database)
    with transaction(owner) as holding:
        holding.exec_driver_sql("LOCK TABLE market.bars IN SHARE MODE")
        working = asyncio.create_task(jobs.work(job_id))
        await holds(lambda: is_waiting(ingestion))
        before = ingestion.job(job_id).parts_done
        [pid] = children_of(os.getpid())
        os.kill(pid, signal.SIGKILL)
        await holds(lambda: not is_waiting(ingestion) or ingestion.job(job_id).attempts == 2)
    owner.dispose()
    await working
    assert before > 0
    assert report_of(ingestion.job(job_id)).failed == ()
    assert contents(ingestion) == expected
    assert_every_part_once(ingestion, job_id)


async def test_the_whole_service_killed_half_way_is_taken_up_by_its_next_life(
    ingestion: Ingestion, stub: TushareStub
) -> None:
    expected = await undisturbed(ingestion, stub)
    stub.fault, stub.fault_at = Fault.HANG, "index_daily"
    job_id = open_job(ingestion, REQUEST)
    life = first_life(job_id, ingestion.environment(**environment(stub)))
    await asked_at(stub, "index_daily")
    stub.fault = None
    life.kill()
    life.wait()
    before = ingestion.job(job_id)
    assert (before.status, before.parts_done > 0) == ("RUNNING", True)
    await ingestion.jobs(ingestion.processes(**environment(stub))).work(job_id)
    assert report_of(ingestion.job(job_id)).failed == ()
    assert contents(ingestion) == expected
    assert_every_part_once(ingestion, job_id)


async def test_progress_says_which_part_of_how_many_and_how_long_it_takes(
    ingestion: Ingestion, stub: TushareStub
) -> None:
    stub.fault, stub.fault_at = Fault.HANG, "margin"
    jobs = ingestion.jobs(ingestion.processes(**environment(stub)))
    job_id = await jobs.submit(REQUEST)
    working = asyncio.create_task(jobs.work(job_id))
    await asked_at(stub, "margin")
    job = ingestion.job(job_id)
    assert job.parts_total == 9
    assert 0 < job.parts_done < job.parts_total
    assert 0 < job.progress < 1
    assert job.eta_seconds is not None
    assert await jobs.cancel(job_id)
    await working
    assert ingestion.job(job_id).status == "CANCELLED"


def is_waiting(ingestion: Ingestion) -> bool:
    with transaction(ingestion.engine) as connection:
        waiting: int = connection.execute(
            text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'market.bars'::regclass")
        ).scalar_one()
    return waiting > 0
