"""A migrated database seen with the rights of ingestion alone, and the queue of jobs on it."""

import asyncio
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID

import polars as pl
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from libs.contracts.market import SyncReport, SyncRequest
from libs.domain.clock import SystemClock
from libs.storage import sync_jobs
from libs.storage.engine import Engine, make_engine, transaction
from libs.storage.roles import ensure_logins, service_url
from services.ingestion.child import ChildProcess
from services.ingestion.fingerprints import fingerprint_of
from services.ingestion.job import do_job
from services.ingestion.jobs import Jobs, RunChild
from services.ingestion.settings import IngestionSettings
from tests.support.servers import Servers

_PASSWORD = "only-for-tests"


@dataclass(frozen=True, slots=True)
class Ingestion:
    """Ingestion's view of one database."""

    url: str
    engine: Engine

    def jobs(self, run_child: RunChild | None = None, *, holder: str = "here", stall_seconds: float = 60.0) -> Jobs:
        """A queue whose jobs are done in this process, or by `run_child`."""
        clock = SystemClock()
        fingerprint = partial(fingerprint_of, sim_seed=20_260_101, clock=clock)
        child = run_child or self._do_here
        return Jobs(self.engine, child, clock, fingerprint, holder=holder, stall_seconds=stall_seconds)

    def processes(self, **environment: str) -> ChildProcess:
        """Real processes, with these variables besides."""
        return ChildProcess(self.environment(**environment))

    async def _do_here(self, job_id: UUID) -> int:
        settings = IngestionSettings(database_url=SecretStr(self.url), redis_url=SecretStr("redis://127.0.0.1:1/0"))
        return await asyncio.to_thread(do_job, job_id, self.engine, settings, SystemClock())

    def environment(self, **more: str) -> dict[str, str]:
        """What a job's process needs."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        urls = {"HIDDENGEM_DATABASE_URL": self.url, "HIDDENGEM_REDIS_URL": "redis://127.0.0.1:1/0"}
        return {**kept, "PYTHONPATH": str(Path.cwd()), **urls, "HIDDENGEM_VENDOR_PACE": "1000", **more}

    def job(self, job_id: UUID) -> sync_jobs.Job:
        """The row of a job."""
        with transaction(self.engine) as connection:
            found = sync_jobs.find(connection, job_id)
        assert found is not None
        return found

    def count(self, table: str) -> int:
        """How many rows a table of schema market has."""
        with transaction(self.engine) as connection:
            rows: int = connection.execute(text(f"SELECT count(*) FROM market.{table}")).scalar_one()
        return rows

    async def sync(self, request: SyncRequest, jobs: Jobs | None = None) -> sync_jobs.Job:
        """Do one job to its end."""
        queue = jobs or self.jobs()
        job_id = await queue.submit(request)
        await queue.work(job_id)
        return self.job(job_id)


@pytest.fixture(scope="module")
def shared_database(servers: Servers) -> Iterator[str]:
    """One database for a module's tests; each finds schema market empty."""
    with servers.migrated_database() as url:
        ensure_logins(url, ["ingestion"], _PASSWORD)
        yield url


@pytest.fixture
def ingestion(shared_database: str) -> Iterator[Ingestion]:
    url = service_url(shared_database, "ingestion", _PASSWORD)
    engine = make_engine(url)
    yield Ingestion(url, engine)
    engine.dispose()
    owner = make_engine(shared_database)
    with transaction(owner) as connection:
        tables = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'market'")).scalars()
        connection.execute(text(f"TRUNCATE {', '.join(f'market.{table}' for table in tables)}"))
    owner.dispose()


@pytest.fixture
def owner(ingestion: Ingestion, shared_database: str) -> Iterator[Engine]:
    """The same database as its owner; `ingestion` empties it afterwards."""
    engine = make_engine(shared_database)
    yield engine
    engine.dispose()


def report_of(job: sync_jobs.Job) -> SyncReport:
    """The report of a job that is done."""
    assert job.status == "DONE", job.error
    return SyncReport.model_validate(job.report)


WriteBars = Callable[..., Path]


@pytest.fixture
def write_bars(tmp_path: Path) -> WriteBars:
    """Writes a small file of daily bars: closes by date, for one symbol."""

    def write(name: str, closes: dict[str, float], *, drop: tuple[str, ...] = ()) -> Path:
        rows = {
            "ts_code": ["600519.SH"] * len(closes),
            "date": list(closes),
            **{price: list(closes.values()) for price in ("open", "high", "low", "close", "pre_close")},
            "volume": ["100"] * len(closes),
            "amount": [100 * close for close in closes.values()],
            "trade_status": ["1"] * len(closes),
            "is_st": ["0"] * len(closes),
        }
        pl.DataFrame(rows).drop(drop).write_csv(tmp_path / name)
        return tmp_path

    return write
