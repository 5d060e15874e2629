"""A sync job comes to an end whatever dies, and doing it twice changes nothing."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from uuid import UUID, uuid4

from libs.ashare.calendar import CALENDAR
from libs.contracts.market import SyncRequest
from libs.domain.clock import SystemClock
from libs.marketdata.source import Kind
from libs.runtime.processes import wait_until
from libs.storage import sync_jobs
from libs.storage.engine import make_engine, transaction
from tests.integration.ingestion.conftest import Ingestion, WriteBars, report_of
from tests.support.tushare_market import MOUTAI, tables
from tests.support.tushare_stub import Fault, TushareStub, serving

SESSIONS = CALENDAR.sessions_between(date(2024, 9, 2), date(2024, 9, 13))
VENDOR_REQUEST = SyncRequest(
    source="tushare",
    symbols=(MOUTAI,),
    kinds=(Kind.BARS,),
    from_date=SESSIONS[0],
    to_date=SESSIONS[-1],
    exact=True,
)
CLOSES = {"2024-09-02": 10.0, "2024-09-03": 10.5}


def file_request(path: Path, *symbols: str) -> SyncRequest:
    return SyncRequest(source="file", path=str(path), symbols=symbols)


def vendor(stub: TushareStub) -> dict[str, str]:
    return {"TUSHARE_TOKEN": "a-very-secret-token", "HIDDENGEM_TUSHARE_URL": stub.url}


async def never(_job_id: UUID) -> int:
    raise AssertionError("no process was needed")


async def test_files_are_imported_by_a_process_with_ingestions_own_rights(
    ingestion: Ingestion, write_bars: WriteBars
) -> None:
    job = await ingestion.sync(file_request(write_bars("bars.csv", CLOSES)), ingestion.jobs(ingestion.processes()))
    [bars] = report_of(job).imports
    assert (bars.path, bars.kind, bars.inserted, bars.already_imported) == ("bars.csv", "bars", 2, False)
    assert (job.progress, ingestion.count("bars"), ingestion.count("imports")) == (1.0, 2, 1)


async def test_the_same_files_again_need_no_process_and_write_nothing(
    ingestion: Ingestion, write_bars: WriteBars
) -> None:
    request = file_request(write_bars("bars.csv", CLOSES))
    await ingestion.sync(request)
    job = await ingestion.sync(request, ingestion.jobs(never))
    [bars] = report_of(job).imports
    assert bars.already_imported
    assert ingestion.count("imports") == 1


async def test_a_simulated_and_a_real_market_never_share_a_database(
    ingestion: Ingestion, write_bars: WriteBars
) -> None:
    report_of(await ingestion.sync(file_request(write_bars("bars.csv", CLOSES))))
    job = await ingestion.sync(SyncRequest(source="sim"))
    assert job.status == "FAILED"
    assert (job.error or "").startswith("SOURCE: sim cannot come in here: this desk holds a real market")
    assert ingestion.count("bars") == len(CLOSES)


async def test_a_changed_file_is_read_again_and_only_what_differs_is_written(
    ingestion: Ingestion, write_bars: WriteBars
) -> None:
    await ingestion.sync(file_request(write_bars("bars.csv", CLOSES)))
    job = await ingestion.sync(file_request(write_bars("bars.csv", {**CLOSES, "2024-09-03": 10.6, "2024-09-04": 11.0})))
    [bars] = report_of(job).imports
    assert (bars.inserted, bars.updated, bars.unchanged) == (1, 1, 1)


async def test_a_missing_column_fails_the_job_by_name_and_stores_nothing(
    ingestion: Ingestion, write_bars: WriteBars
) -> None:
    write_bars("good.csv", CLOSES)
    job = await ingestion.sync(file_request(write_bars("bad.csv", CLOSES, drop=("close", "volume"))))
    assert job.status == "FAILED"
    assert job.error is not None
    assert "bad.csv" in job.error
    assert "close, volume" in job.error
    assert (ingestion.count("bars"), ingestion.count("imports")) == (0, 0)


async def test_bad_rows_are_counted_by_reason_and_left_out(ingestion: Ingestion, write_bars: WriteBars) -> None:
    job = await ingestion.sync(file_request(write_bars("bars.csv", {**CLOSES, "2024-09-01": 10.0, "2024-09-04": -1.0})))
    [bars] = report_of(job).imports
    assert bars.rejected == {"not a session": 1, "price not positive": 1}
    assert (bars.rows_read, bars.inserted) == (4, 2)


async def test_a_symbol_nobody_knows_fails_the_job_by_name(ingestion: Ingestion, write_bars: WriteBars) -> None:
    path = write_bars("bars.csv", CLOSES)
    for _ in ("first read", "known by its hash"):
        job = await ingestion.sync(file_request(path, "600519.SH", "999999.SH"))
        assert job.error == "symbols: source file has no bar of 999999.SH"
        await ingestion.sync(file_request(path))


async def test_a_path_that_does_not_exist_fails_the_job_without_a_process(ingestion: Ingestion, tmp_path: Path) -> None:
    job = await ingestion.sync(file_request(tmp_path / "nowhere"), ingestion.jobs(never))
    assert job.error is not None
    assert job.error.startswith("SOURCE: ")


async def test_a_database_that_is_too_busy_fails_the_job_and_is_not_asked_for_ever(
    ingestion: Ingestion, shared_database: str, write_bars: WriteBars
) -> None:
    owner = make_engine(shared_database)
    with transaction(owner) as connection:
        connection.exec_driver_sql("LOCK TABLE market.bars IN ACCESS EXCLUSIVE MODE")
        job = await ingestion.sync(file_request(write_bars("bars.csv", CLOSES)))
    owner.dispose()
    assert (job.status, "lock timeout" in (job.error or "")) == ("FAILED", True)


async def test_a_process_that_keeps_dying_is_given_up_after_three_attempts(ingestion: Ingestion) -> None:
    died: list[UUID] = []

    async def die(job_id: UUID) -> int:
        died.append(job_id)
        return -signal.SIGKILL

    job = await ingestion.sync(SyncRequest(source="akshare"), ingestion.jobs(die))
    assert (job.status, job.attempts, len(died)) == ("FAILED", 3, 3)
    assert job.error == "given up after 3 attempts; its process ended with -9"


async def test_a_job_that_nobody_understands_fails_and_does_not_stop_the_others(ingestion: Ingestion) -> None:
    job_id = uuid4()
    with transaction(ingestion.engine) as connection:
        unknown = {"source": "file", "path": "/data", "whim": True, "kinds": ["dreams"]}
        sync_jobs.open_job(connection, job_id, unknown, SystemClock().utc_now())
    await ingestion.jobs(never).work(job_id)
    job = ingestion.job(job_id)
    assert (job.status, job.error) == ("FAILED", "request: this version does not understand kinds.0, whim")


async def test_a_process_that_takes_too_long_is_ended_and_the_job_says_so(ingestion: Ingestion) -> None:
    with serving(TushareStub(tables(SESSIONS))) as stub:
        stub.fault = Fault.HANG
        child = ingestion.processes(**vendor(stub))
        job = await ingestion.sync(VENDOR_REQUEST, ingestion.jobs(child, stall_seconds=0.5))
    assert (job.status, job.error) == ("FAILED", "took longer over one part than a sync job may take")


async def test_a_part_of_many_calls_may_take_its_time_as_long_as_they_go_out(ingestion: Ingestion) -> None:
    clock = SystemClock()

    def tell(job_id: UUID, call: int) -> None:
        with transaction(ingestion.engine) as connection:
            sync_jobs.show_progress(connection, job_id, 0.25, f"akshare: statements, call {call}")

    async def ask(job_id: UUID) -> int:
        began, call = clock.monotonic(), 0
        while clock.monotonic() - began < 1.6:
            call += 1
            await asyncio.to_thread(tell, job_id, call)
        with transaction(ingestion.engine) as connection:
            sync_jobs.finish(connection, job_id, {}, clock.utc_now())
        return 0

    job = await ingestion.sync(VENDOR_REQUEST, ingestion.jobs(ask, stall_seconds=0.5))
    assert (job.status, job.error) == ("DONE", None)


async def test_a_killed_process_is_started_again_and_the_job_gets_done(ingestion: Ingestion) -> None:
    with serving(TushareStub(tables(SESSIONS))) as stub:
        stub.fault = Fault.HANG
        jobs = ingestion.jobs(ingestion.processes(**vendor(stub)))
        work = asyncio.create_task(ingestion.sync(VENDOR_REQUEST, jobs))
        await holds(lambda: bool(stub.asked))
        stub.fault = None
        [pid] = children_of(os.getpid())
        os.kill(pid, signal.SIGKILL)
        job = await work
    assert (report_of(job).synthetic, job.attempts) == (False, 2)
    assert ingestion.count("bars") == len(SESSIONS)


async def test_killing_the_service_ends_its_process_and_the_next_life_finishes_the_job(ingestion: Ingestion) -> None:
    with serving(TushareStub(tables(SESSIONS))) as stub:
        stub.fault = Fault.HANG
        job_id = open_job(ingestion, VENDOR_REQUEST)
        life = first_life(job_id, ingestion.environment(**vendor(stub)))
        await holds(lambda: bool(stub.asked))
        [pid] = children_of(life.pid)
        life.kill()
        life.wait()
        await holds(lambda: not Path(f"/proc/{pid}/cmdline").exists())
        assert ingestion.job(job_id).status == "RUNNING"
        stub.fault = None
        jobs = ingestion.jobs(ingestion.processes(**vendor(stub)))
        running = asyncio.create_task(jobs.run())
        await holds(lambda: ingestion.job(job_id).status != "RUNNING")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert (ingestion.job(job_id).status, ingestion.job(job_id).attempts) == ("DONE", 2)


def first_life(job_id: UUID, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _FIRST_LIFE, str(job_id)], env=environment)


async def holds(condition: Callable[[], bool]) -> None:
    assert await asyncio.to_thread(wait_until, condition, patience_seconds=30)


_FIRST_LIFE = """
import asyncio, os, sys
from uuid import UUID
from libs.domain.clock import SystemClock
from libs.storage.engine import make_engine
from services.ingestion.child import ChildProcess
from services.ingestion.jobs import Jobs
engine = make_engine(os.environ["HIDDENGEM_DATABASE_URL"])
jobs = Jobs(engine, ChildProcess(os.environ), SystemClock(), lambda request: None, holder="here")
asyncio.run(jobs.work(UUID(sys.argv[1])))
"""


def open_job(ingestion: Ingestion, request: SyncRequest) -> UUID:
    job_id = uuid4()
    with transaction(ingestion.engine) as connection:
        sync_jobs.open_job(connection, job_id, request.model_dump(mode="json"), SystemClock().utc_now())
    return job_id


def children_of(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [child for child in map(int, text.split()) if b"services.ingestion.job" in command_of(child)]


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_the_service_itself_loads_no_data_library() -> None:
    heavy = ("pandas", "polars", "numpy", "akshare", "tushare")
    program = f"import sys; import services.ingestion.__main__; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
