"""`scripts/data_sync.py` and `scripts/init_db.py` as a person runs them, with a database and nothing else around."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from libs.ashare.calendar import CALENDAR
from libs.contracts.market import SyncRequest
from libs.runtime.processes import wait_until
from libs.storage import sync_jobs
from libs.storage.engine import transaction
from tests.integration.ingestion.conftest import Ingestion, WriteBars
from tests.support.servers import Servers
from tests.support.tushare_market import MOUTAI, PINGAN, tables
from tests.support.tushare_stub import Fault, TushareStub, serving

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
SESSIONS = CALENDAR.sessions_between(date(2024, 9, 2), date(2024, 9, 13))
ASKED = (
    "--source", "tushare", "--symbols", f"{MOUTAI},{PINGAN}", "--kinds", "calendar,instruments,bars,margin",
    "--from", "2024-09-02", "--to", "2024-09-13", "--exact",
)  # fmt: skip
PASSWORD = "a-password-of-services"


@pytest.fixture
def stub() -> Iterator[TushareStub]:
    with serving(TushareStub(tables(CALENDAR.sessions_between(date(2024, 9, 2), date(2024, 9, 30))))) as running:
        yield running


def environment(ingestion: Ingestion, stub: TushareStub | None, tmp_path: Path) -> dict[str, str]:
    found = ingestion.environment(HIDDENGEM_STATE_DIR=str(tmp_path / "nowhere"))
    del found["HIDDENGEM_REDIS_URL"]
    if stub:
        found |= {"TUSHARE_TOKEN": "a-very-secret-token", "HIDDENGEM_TUSHARE_URL": stub.url}
    return found


def start(script: str, environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPTS / script), *arguments],
        env=environment,
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def run(script: str, environment: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    process = start(script, environment, *arguments)
    out, err = await asyncio.to_thread(process.communicate, timeout=120)
    return process.returncode, out, err


async def test_a_sync_by_hand_stores_what_was_asked_for(
    ingestion: Ingestion, stub: TushareStub, tmp_path: Path
) -> None:
    code, out, err = await run("data_sync.py", environment(ingestion, stub, tmp_path), *ASKED, "--json")
    assert code == 0, err
    report: dict[str, Any] = json.loads(out)
    assert {done["kind"] for done in report["imports"]} == {"calendar", "instruments", "bars", "margin"}
    assert ingestion.count("bars") == 2 * len(SESSIONS)
    assert "a-very-secret-token" not in out + err


async def test_a_dry_run_says_what_it_would_take_and_asks_and_stores_nothing(
    ingestion: Ingestion, stub: TushareStub, tmp_path: Path
) -> None:
    code, out, err = await run("data_sync.py", environment(ingestion, stub, tmp_path), *ASKED, "--dry-run")
    assert code == 0, err
    assert "nothing was fetched and nothing stored" in out
    assert all(kind in out for kind in ("calendar", "bars", "margin"))
    assert (stub.asked, ingestion.count("bars"), ingestion.count("imports")) == ([], 0, 0)


@pytest.mark.requirement("B8")
async def test_a_sync_killed_by_force_goes_on_with_resume(
    ingestion: Ingestion, stub: TushareStub, tmp_path: Path
) -> None:
    settings = environment(ingestion, stub, tmp_path)
    stub.fault, stub.fault_at = Fault.HANG, "margin"
    first = start("data_sync.py", settings, *ASKED)
    await holds(lambda: any(api == "margin" for api, _ in stub.asked))
    first.kill()
    await asyncio.to_thread(first.communicate, timeout=30)
    stub.fault = None
    [job_id] = unfinished(ingestion)
    stored = ingestion.job(job_id).parts_done
    code, _, err = await run("data_sync.py", settings, "--resume")
    assert code == 0, err
    job = ingestion.job(job_id)
    assert (job.status, stored > 0, job.parts_done) == ("DONE", True, job.parts_total)
    assert ingestion.count("bars") == 2 * len(SESSIONS)


async def test_a_sync_that_is_interrupted_says_how_to_go_on(
    ingestion: Ingestion, stub: TushareStub, tmp_path: Path
) -> None:
    stub.fault = Fault.HANG
    process = start("data_sync.py", environment(ingestion, stub, tmp_path), *ASKED)
    await holds(lambda: bool(stub.asked))
    process.send_signal(signal.SIGINT)
    _, err = await asyncio.to_thread(process.communicate, timeout=30)
    assert (process.returncode, "--resume" in err) == (130, True), err


async def test_a_part_nobody_can_give_is_named_and_told_by_the_exit_code(
    ingestion: Ingestion, stub: TushareStub, tmp_path: Path
) -> None:
    stub.fault, stub.fault_at = Fault.NO_PERMISSION, "margin"
    code, out, err = await run("data_sync.py", environment(ingestion, stub, tmp_path), *ASKED)
    assert (code, ingestion.count("bars")) == (3, 2 * len(SESSIONS)), err
    assert "not had: margin" in out
    assert "1 parts could not be had" in out


async def test_files_are_synced_without_any_service(
    ingestion: Ingestion, write_bars: WriteBars, tmp_path: Path
) -> None:
    folder = write_bars("bars.csv", {"2024-09-02": 10.0})
    code, _, err = await run("data_sync.py", environment(ingestion, None, tmp_path), "--source", f"file:{folder}")
    assert (code, ingestion.count("bars")) == (0, 1), err


async def test_a_sync_by_hand_does_its_own_job_and_not_what_somebody_left(
    ingestion: Ingestion, stub: TushareStub, write_bars: WriteBars, tmp_path: Path
) -> None:
    left = await ingestion.jobs().submit(SyncRequest(source="tushare", symbols=(MOUTAI,)))
    folder = write_bars("bars.csv", {"2024-09-02": 10.0})
    code, _, err = await run("data_sync.py", environment(ingestion, stub, tmp_path), "--source", f"file:{folder}")
    assert (code, stub.asked) == (0, []), err
    assert (ingestion.job(left).status, ingestion.job(left).attempts) == ("RUNNING", 0)


async def test_a_job_that_does_not_exist_cannot_go_on(ingestion: Ingestion, tmp_path: Path) -> None:
    code, _, err = await run("data_sync.py", environment(ingestion, None, tmp_path), "--resume", str(UUID(int=7)))
    assert (code, "JOB: there is no job" in err) == (1, True), err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--source", "yahoo"), "SOURCE"),
        (("--kinds", "bars,candles"), "--kinds"),
        (("--symbols", "600519"), "--symbols"),
        (("--from", "2024-13-01"), "FROM"),
        (("--exact",), "--exact"),
    ],
)
async def test_what_is_given_wrongly_is_named_and_changes_nothing(
    ingestion: Ingestion, tmp_path: Path, arguments: tuple[str, ...], named: str
) -> None:
    code, _, err = await run("data_sync.py", environment(ingestion, None, tmp_path), *arguments)
    assert (code, f"hiddengem: {named}" in err, ingestion.count("sync_jobs")) == (78, True, 0), err


async def test_without_desk_and_database_the_script_says_what_to_do(ingestion: Ingestion, tmp_path: Path) -> None:
    settings = environment(ingestion, None, tmp_path)
    del settings["HIDDENGEM_DATABASE_URL"]
    code, _, err = await run("data_sync.py", settings, "--source", "akshare")
    assert (code, "no desk runs" in err) == (78, True)


@pytest.mark.requirement("B2")
async def test_a_database_is_made_checked_and_made_again(ingestion: Ingestion, servers: Servers) -> None:
    url = servers.urls.database_url("made_by_hand")
    settings = {**ingestion.environment(), "HIDDENGEM_OWNER_URL": url, "HIDDENGEM_SERVICE_PASSWORD": PASSWORD}
    try:
        code, out, err = await run("init_db.py", settings)
        assert (code, "database made_by_hand created" in out) == (0, True), err
        assert (await run("init_db.py", settings, "--check"))[0] == 0
        code, out, _ = await run("init_db.py", settings)
        assert (code, "created" in out) == (0, False)
        code, out, _ = await run("init_db.py", settings, "--check", "--service", "momentum")
        assert (code, "roles missing: hg_momentum" in out) == (1, True)
    finally:
        with psycopg.connect(servers.urls.database, autocommit=True) as connection:
            connection.execute("DROP DATABASE IF EXISTS made_by_hand WITH (FORCE)")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "HIDDENGEM_OWNER_URL is not set"),
        ({"HIDDENGEM_OWNER_URL": "mysql://x/y"}, "must begin with postgresql://"),
        (
            {"HIDDENGEM_OWNER_URL": "postgresql://me:very-secret@127.0.0.1:1/db", "HIDDENGEM_SERVICE_PASSWORD": "p"},
            "HIDDENGEM_OWNER_URL: ",
        ),
    ],
)
async def test_a_wrong_database_setting_is_named_without_its_password(settings: dict[str, str], words: str) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    code, out, err = await run("init_db.py", {**kept, **settings})
    assert (code, words in err, "very-secret" in out + err) == (78, True, False), err


def test_both_scripts_explain_themselves() -> None:
    for script in ("data_sync.py", "init_db.py"):
        told = subprocess.run([sys.executable, SCRIPTS / script, "--help"], capture_output=True, text=True, check=True)
        assert "exit codes" in told.stdout


def unfinished(ingestion: Ingestion) -> list[UUID]:
    with transaction(ingestion.engine) as connection:
        return sync_jobs.unfinished(connection)


async def holds(condition: Callable[[], bool]) -> None:
    assert await asyncio.to_thread(wait_until, condition, patience_seconds=60)
