"""A running ingestion and the command line beside it: quarantine, gaps, cancel; and jobs that make room for others."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from libs.ashare.calendar import CALENDAR
from libs.cli.connection import DeskConnection
from libs.contracts.market import SyncReport, SyncRequest
from libs.domain.clock import ManualClock, SystemClock
from libs.marketdata.source import Kind
from libs.storage import sync_jobs
from libs.storage.engine import transaction
from services.ingestion.jobs import EXIT_LATER, Jobs
from tests.integration.ingestion.conftest import Ingestion, WriteBars, report_of
from tests.integration.ingestion.test_jobs import holds
from tests.support.tushare_market import MOUTAI, PINGAN, tables
from tests.support.tushare_stub import Fault, TushareStub, serving

SESSIONS = CALENDAR.sessions_between(date(2024, 9, 2), date(2024, 9, 13))
BARS = SyncRequest(
    source="tushare",
    symbols=(MOUTAI, PINGAN),
    kinds=(Kind.BARS,),
    from_date=SESSIONS[0],
    to_date=SESSIONS[-1],
    exact=True,
)


@pytest.fixture
def stub() -> Iterator[TushareStub]:
    with serving(TushareStub(tables(CALENDAR.sessions_between(date(2024, 9, 2), date(2024, 9, 30))))) as running:
        yield running


class Desk:
    """One ingestion and the two servers; `run` is the command line."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment

    async def run(self, *arguments: str) -> tuple[int, str]:
        """A verb of `hiddengem data`: its exit code and what it printed."""
        command = [sys.executable, "-m", "libs.cli.main", "data", *arguments]
        done = await asyncio.to_thread(
            subprocess.run, command, env=self._environment, capture_output=True, text=True, check=False, timeout=120
        )
        return done.returncode, done.stdout + done.stderr

    async def json(self, *arguments: str) -> Any:
        """What a verb prints for programs."""
        code, out = await self.run(*arguments, "--json")
        assert code == 0, out
        return json.loads(out)


@pytest.fixture
async def desk(ingestion: Ingestion, stub: TushareStub, redis_url: str) -> AsyncIterator[Desk]:
    environment = ingestion.environment(
        HIDDENGEM_REDIS_URL=redis_url,
        HIDDENGEM_LOG_LEVEL="error",
        HIDDENGEM_TUSHARE_URL=stub.url,
        TUSHARE_TOKEN="a-very-secret-token",
    )
    service = await asyncio.create_subprocess_exec(sys.executable, "-m", "services.ingestion", env=environment)
    beside = {name: value for name, value in environment.items() if name != "TUSHARE_TOKEN"}
    running = Desk({**beside, "USER": "an-operator", "LOGNAME": "an-operator"})
    try:
        seen = DeskConnection(ingestion.url, redis_url)
        await holds(lambda: any(card.name == "ingestion" for card in seen.cards()))
        yield running
    finally:
        service.terminate()
        await service.wait()


async def test_the_canaries_are_asked_from_the_command_line_and_what_they_found_is_kept(
    desk: Desk, ingestion: Ingestion
) -> None:
    """The stub knows one September; of the newest sessions it has nothing, which is what canaries are there to see."""
    code, out = await desk.run("canary", "--source", "tushare", "--json")
    report = SyncReport.model_validate_json(next(line for line in out.splitlines() if line.startswith("{")))
    outcomes = {canary.kind: canary.outcome for canary in report.canaries}
    assert code == 1
    assert outcomes["bars"] == "failed"
    assert outcomes["corporate_actions"] == "ok", "may be empty"
    assert ingestion.count("vendor_canaries") == len(outcomes)
    assert (ingestion.count("bars"), ingestion.count("imports")) == (0, 0)
    code, out = await desk.run("canary", "--source", "sim")
    assert code == 78
    assert "--source: only vendors can be asked" in out


async def test_an_operator_sees_refused_rows_and_decides_about_them(
    desk: Desk, ingestion: Ingestion, write_bars: WriteBars
) -> None:
    folder = write_bars("bars.csv", {"2024-09-02": 10.0, "2024-09-03": -1.0, "2024-09-07": 10.5})
    assert (await desk.run("import", f"file:{folder}"))[0] == 0
    rows = {row["reason"]: row["quarantine_id"] for row in await desk.json("quarantine", "list", "--kind", "bars")}
    assert set(rows) == {"price not positive", "not a session"}
    saturday, negative = str(rows["not a session"]), str(rows["price not positive"])
    assert (await desk.json("quarantine", "show", saturday))["row"]["close"] == 10.5
    code, out = await desk.run("quarantine", "release", negative, "--why", "let us see")
    assert (code, "does not fit its table" in out) == (78, True), out
    code, out = await desk.run("quarantine", "dismiss", saturday, "987654", "--why", "let us see")
    assert (code, "not held in quarantine: 987654" in out) == (78, True), out
    assert (await desk.run("quarantine", "release", saturday, "--why", "a make-up session"))[0] == 0
    assert ingestion.count("completeness WHERE session = '2024-09-07'") == 1, "the report knows at once"
    assert (await desk.run("quarantine", "dismiss", negative, "--why", "a typo of the vendor"))[0] == 0
    assert await desk.json("quarantine", "list") == []
    decided = {row["quarantine_id"]: row for row in await desk.json("quarantine", "list", "--all")}
    assert decided[int(saturday)]["state"] == "RELEASED"
    assert decided[int(negative)]["decided_why"] == "a typo of the vendor"
    assert {row["decided_by"] for row in decided.values()} == {"an-operator"}


@pytest.mark.requirement("B14")
async def test_a_gap_is_found_and_repaired_and_a_suspension_is_none(desk: Desk, ingestion: Ingestion) -> None:
    assert (await desk.run("sync", "--source", "tushare", "--symbols", f"{MOUTAI},{PINGAN}", "--kinds", "bars",
                           "--from", "2024-09-02", "--to", "2024-09-13", "--exact"))[0] == 0  # fmt: skip
    whole = ingestion.count("bars")
    lost = text("DELETE FROM market.bars WHERE symbol = :symbol AND session BETWEEN '2024-09-04' AND '2024-09-05'")
    with transaction(ingestion.engine) as connection:
        connection.execute(lost, {"symbol": MOUTAI})
    [gap] = await desk.json("gaps")
    assert (gap["symbol"], gap["first"], gap["last"], gap["sessions"]) == (MOUTAI, "2024-09-04", "2024-09-05", 2)
    code, out = await desk.run("gaps", "--repair", "--source", "tushare")
    assert (code, "gaps before 1, after 0" in out) == (0, True), out
    assert (await desk.json("gaps"), ingestion.count("bars")) == ([], whole)
    report = {line["kind"]: line for line in await desk.json("report", "--session", "2024-09-04")}
    assert report["bars"]["ratio"] == 1.0
    code, out = await desk.run("report", "--session", "2024-09-07")
    assert (code, "--session: the exchanges do not trade on 2024-09-07" in out) == (78, True), out


async def test_a_job_is_cancelled_from_the_command_line_and_resumed(
    desk: Desk, stub: TushareStub, ingestion: Ingestion
) -> None:
    stub.fault, stub.fault_at = Fault.HANG, "daily"
    syncing = asyncio.create_task(
        desk.run("sync", "--source", "tushare", "--symbols", MOUTAI, "--kinds", "bars", "--from", "2024-09-02",
                 "--to", "2024-09-13", "--exact")
    )  # fmt: skip
    await holds(lambda: any(api == "daily" for api, _ in stub.asked))
    assert (await desk.run("cancel"))[0] == 0
    code, out = await syncing
    assert (code, "cancelled by request" in out) == (1, True)
    stub.fault = None
    assert (await desk.run("sync", "--resume", "newest"))[0] == 0
    assert ingestion.count("bars") == len(SESSIONS)


async def test_a_job_whose_instance_is_gone_is_taken_up_by_another(ingestion: Ingestion) -> None:
    clock = ManualClock(SystemClock().utc_now())

    async def die(_job_id: UUID) -> int:
        raise asyncio.CancelledError

    dying = jobs_at(ingestion, clock, die, holder="ingestion-1")
    job_id = await dying.submit(BARS)
    with pytest.raises(asyncio.CancelledError):
        await dying.work(job_id)

    async def finish(job: UUID) -> int:
        with transaction(ingestion.engine) as connection:
            sync_jobs.finish(connection, job, {"source": "tushare", "synthetic": False}, clock.utc_now())
        return 0

    other = jobs_at(ingestion, clock, finish, holder="ingestion-2")
    await other.work(job_id)
    assert ingestion.job(job_id).status == "RUNNING", "its holder may still live"
    clock.advance(timedelta(minutes=1).total_seconds())
    with transaction(ingestion.engine) as connection:
        assert sync_jobs.free(connection, "ingestion-2", clock.utc_now()) == [job_id]
    await other.work(job_id)
    assert ingestion.job(job_id).status == "DONE"


async def test_a_job_that_an_operator_asked_for_makes_room_for_the_schedule(
    ingestion: Ingestion, stub: TushareStub
) -> None:
    environment = {"TUSHARE_TOKEN": "a-very-secret-token", "HIDDENGEM_TUSHARE_URL": stub.url}
    stub.fault, stub.fault_at = Fault.HANG, "daily"
    ended: list[int] = []
    child = ingestion.processes(**environment)

    async def watched(job_id: UUID) -> int:
        ended.append(await child(job_id))
        return ended[-1]

    jobs = ingestion.jobs(watched)
    asked = await jobs.submit(BARS)
    working = asyncio.create_task(jobs.work(asked))
    await holds(lambda: any(api == "daily" for api, _ in stub.asked))
    urgent = await jobs.submit(BARS.model_copy(update={"kinds": (Kind.CALENDAR,)}), origin="schedule")
    stub.fault = None
    stub.released.set()
    await working
    assert (ended, ingestion.job(asked).status) == ([EXIT_LATER], "RUNNING")
    with transaction(ingestion.engine) as connection:
        assert sync_jobs.free(connection, "here", SystemClock().utc_now()) == [urgent, asked]
    await jobs.work(urgent)
    await jobs.work(asked)
    assert [ingestion.job(job).status for job in (urgent, asked)] == ["DONE", "DONE"]
    assert (report_of(ingestion.job(asked)).failed, ingestion.count("bars")) == ((), 2 * len(SESSIONS))


def jobs_at(ingestion: Ingestion, clock: ManualClock, child: Any, *, holder: str) -> Jobs:
    return Jobs(ingestion.engine, child, clock, lambda _request: None, holder=holder)
