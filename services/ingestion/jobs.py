"""Sync jobs: accepted at once, done one after the other, each in a process of its own that may die without harm.

The parent never loads a data library. A job is a row; whoever dies, the row says RUNNING until a process of this
service has finished it, or given it up with a reason after three attempts. Doing a job twice changes nothing.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

from libs.contracts.market import SyncReport, SyncRequest
from libs.domain.clock import Clock
from libs.domain.errors import HiddenGemError
from libs.storage import sync_jobs
from libs.storage.engine import Engine, in_transaction
from services.ingestion.watchlist import require_bars

log = logging.getLogger(__name__)

RunChild = Callable[[UUID], Awaitable[int]]
"""Runs the process of one job to its end and gives its exit status; raises TimeoutError when it had to be ended."""

Fingerprint = Callable[[SyncRequest], str | None]
"""Stands for what a request would read; None where only the source knows."""

MAX_ATTEMPTS = 3


class Jobs:
    """The queue of sync jobs. `submit` answers requests; `run` is the one task that works them off."""

    def __init__(
        self,
        engine: Engine,
        run_child: RunChild,
        clock: Clock,
        fingerprint: Fingerprint,
        *,
        new_id: Callable[[], UUID] = uuid4,
    ) -> None:
        self._engine = engine
        self._fingerprint = fingerprint
        self._run_child = run_child
        self._clock = clock
        self._new_id = new_id
        self._waiting: asyncio.Queue[UUID] = asyncio.Queue()

    async def submit(self, request: SyncRequest) -> UUID:
        """Open a job; it is a row before this returns."""
        job_id = self._new_id()
        asked = request.model_dump(mode="json")
        await in_transaction(self._engine, sync_jobs.open_job, job_id, asked, self._clock.utc_now())
        self._waiting.put_nowait(job_id)
        return job_id

    async def run(self) -> None:
        """Take up what a predecessor left, then work for ever."""
        for job_id in await in_transaction(self._engine, sync_jobs.unfinished):
            await self.work(job_id)
        while True:
            await self.work(await self._waiting.get())

    async def work(self, job_id: UUID) -> None:
        """Bring one job to its end, whatever happens to its processes."""
        status: int | None = None
        while (job := await in_transaction(self._engine, sync_jobs.find, job_id)) and job.status == "RUNNING":
            if job.attempts >= MAX_ATTEMPTS:
                await self._fail(job_id, f"given up after {MAX_ATTEMPTS} attempts; its process ended with {status}")
                return
            try:
                status = await self._attempt(job_id, SyncRequest.model_validate(job.request))
            except TimeoutError:
                await self._fail(job_id, "took longer than a sync job may take")
            except HiddenGemError as e:
                await self._fail(job_id, str(e))

    async def _attempt(self, job_id: UUID, request: SyncRequest) -> int | None:
        read = await asyncio.to_thread(self._fingerprint, request)
        await in_transaction(self._engine, sync_jobs.begin_attempt, job_id, read)
        if await self._finish_unread(job_id, request, read):
            return None
        return await self._run_child(job_id)

    async def _finish_unread(self, job_id: UUID, request: SyncRequest, read: str | None) -> bool:
        """Finish at once when the newest finished job read exactly these bytes."""
        if read is None:
            return False
        before = await in_transaction(self._engine, sync_jobs.report_of_same_files, read)
        if before is None:
            return False
        await asyncio.to_thread(require_bars, self._engine, request.symbols, request.source)
        report = SyncReport.model_validate(before)
        imports = tuple(i.model_copy(update={"already_imported": True}) for i in report.imports)
        again = report.model_copy(update={"imports": imports, "seconds": 0.0}).model_dump(mode="json")
        await in_transaction(self._engine, sync_jobs.finish, job_id, again, self._clock.utc_now())
        log.info("files imported before, nothing to do", extra={"job": str(job_id)})
        return True

    async def _fail(self, job_id: UUID, reason: str) -> None:
        if await in_transaction(self._engine, sync_jobs.fail, job_id, reason, self._clock.utc_now()):
            log.warning("sync job failed", extra={"job": str(job_id), "reason": reason})
