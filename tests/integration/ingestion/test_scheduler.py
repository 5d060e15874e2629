"""The schedule on a real database: one job for each instant, whoever looks, and nothing on a desk that replays."""

import asyncio
from datetime import date, time, timedelta

from sqlalchemy import text

from libs.contracts.market import SyncRequest
from libs.domain.clock import ManualClock, at_shanghai
from libs.marketdata.choose import SourceChoice
from libs.marketdata.source import Kind
from libs.storage import sync_jobs
from libs.storage.engine import make_engine, transaction
from services.ingestion.schedule import SCHEDULE
from services.ingestion.scheduler import Orders, Scheduler, When
from tests.integration.ingestion.conftest import Ingestion

MONDAY = date(2024, 9, 9)
CLOSE = tuple(entry for entry in SCHEDULE if entry.name == "close")
VENDORS = SourceChoice("vendors", chain=("tushare", "akshare"))


def scheduler(
    ingestion: Ingestion, clock: ManualClock, *, when: When = "always", holder: str = "ingestion-1"
) -> Scheduler:
    return Scheduler(ingestion.engine, clock, Orders(when, VENDORS, holder, entries=CLOSE), lambda: None)


def after_close(day: date = MONDAY) -> ManualClock:
    return ManualClock(at_shanghai(day, time(15, 36)))


async def test_a_due_instant_opens_one_job_for_its_session_and_no_second_one(ingestion: Ingestion) -> None:
    looking = scheduler(ingestion, after_close())
    [job_id] = await looking.look()
    assert await looking.look() == []
    job = ingestion.job(job_id)
    request = SyncRequest.model_validate(job.request)
    assert (job.origin, request.source, request.sources, request.exact) == ("schedule", "vendors", VENDORS.chain, True)
    assert (request.from_date, request.to_date) == (MONDAY, MONDAY)
    assert Kind.BARS in request.kinds


async def test_two_instances_that_look_at_once_open_one_job(ingestion: Ingestion) -> None:
    ours, theirs = (scheduler(ingestion, after_close(), holder=f"ingestion-{n}") for n in (1, 2))
    opened = await asyncio.gather(*(instance.look() for instance in (ours, theirs) * 4))
    assert sum(len(ids) for ids in opened) == 1
    assert (ingestion.count("schedule_runs"), ingestion.count("sync_jobs")) == (1, 1)


async def test_what_was_missed_while_nobody_ran_is_caught_up_in_one_job(ingestion: Ingestion) -> None:
    clock = after_close()
    await scheduler(ingestion, clock).look()
    clock.advance(timedelta(days=9).total_seconds())
    [job_id] = await scheduler(ingestion, clock).look()
    request = SyncRequest.model_validate(ingestion.job(job_id).request)
    assert (request.from_date, request.to_date) == (date(2024, 9, 10), date(2024, 9, 18))
    with transaction(ingestion.engine) as connection:
        runs = connection.execute(
            text("SELECT count(*) FROM market.schedule_runs WHERE job_id = :id"), {"id": job_id}
        ).scalar_one()
    assert runs == 5, "10 to 13 and 18 September: the Mid-Autumn Festival has no session"


async def test_a_new_desk_does_not_catch_up_a_month(ingestion: Ingestion) -> None:
    [job_id] = await scheduler(ingestion, after_close(date(2024, 9, 11))).look()
    request = SyncRequest.model_validate(ingestion.job(job_id).request)
    assert request.from_date == request.to_date == date(2024, 9, 11)


async def test_a_desk_that_replays_the_past_is_left_alone(ingestion: Ingestion) -> None:
    assert await scheduler(ingestion, after_close(), when="live").look() == []
    assert ingestion.count("schedule_runs") == 0


async def test_a_live_desk_is_kept_fresh(ingestion: Ingestion, shared_database: str) -> None:
    owner = make_engine(shared_database)
    set_mode = text("UPDATE desk.clock SET mode = :mode")
    try:
        with transaction(owner) as connection:
            connection.execute(set_mode, {"mode": "live"})
        assert len(await scheduler(ingestion, after_close(), when="live").look()) == 1
    finally:
        with transaction(owner) as connection:
            connection.execute(set_mode, {"mode": "replay"})
        owner.dispose()


async def test_a_schedule_that_is_off_never_looks(ingestion: Ingestion) -> None:
    async with asyncio.timeout(5):
        await scheduler(ingestion, after_close(), when="off").run()
    assert ingestion.count("schedule_runs") == 0


async def test_nothing_is_due_on_a_day_without_session(ingestion: Ingestion) -> None:
    looking = scheduler(ingestion, ManualClock(at_shanghai(date(2024, 10, 4), time(20))))
    assert await looking.look() == []


async def test_the_canaries_are_asked_on_the_evening_of_every_session(ingestion: Ingestion) -> None:
    entries = tuple(entry for entry in SCHEDULE if entry.canaries)
    clock = ManualClock(at_shanghai(MONDAY, time(20, 31)))
    looking = Scheduler(
        ingestion.engine, clock, Orders("always", VENDORS, "ingestion-1", entries=entries), lambda: None
    )
    [job_id] = await looking.look()
    request = SyncRequest.model_validate(ingestion.job(job_id).request)
    assert request == SyncRequest(source="vendors", sources=VENDORS.chain, canaries=True)
    assert await looking.look() == []


async def test_jobs_of_the_schedule_stand_first_in_the_queue(ingestion: Ingestion) -> None:
    clock = after_close()
    asked = await ingestion.jobs().submit(SyncRequest(source="akshare"))
    [scheduled] = await scheduler(ingestion, clock).look()
    with transaction(ingestion.engine) as connection:
        assert sync_jobs.free(connection, "here", clock.utc_now()) == [scheduled, asked]
