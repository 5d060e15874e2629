"""Sync jobs: accepted at once, done one after the other, each in a process of its own that may die without harm.

The parent never loads a data library. A job is a row, held by one instance at a time; whoever dies, the row says
RUNNING until some instance has finished it, or given it up with a reason after three attempts in a row that stored
nothing. Doing a job twice changes nothing. A job of the schedule goes first; others step aside between two parts.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID, uuid4

from pydantic import ValidationError

from libs.contracts.market import SyncReport, SyncRequest
from libs.domain.clock import Clock
from libs.domain.errors import HiddenGemError, InvalidInput, NotFound
from libs.storage import sync_jobs
from libs.storage.engine import Engine, StorageUnavailable, in_transaction
from libs.storage.sync_jobs import Job
from services.ingestion.watchlist import require_bars

log = logging.getLogger(__name__)

RunChild = Callable[[UUID], Awaitable[int]]
"""Runs the process of one job to its end and gives its exit status; cancelling it kills the process."""

Fingerprint = Callable[[SyncRequest], str | None]
"""Stands for what a request would read; None where only the source knows."""

MAX_ATTEMPTS = 3
EXIT_LATER = 77
"""The process stepped aside for a job of the schedule."""
_HELD_FOR = timedelta(seconds=30)
_WATCH_SECONDS = 1.0
_LOOK_SECONDS = 10.0
"""How often an idle instance looks for jobs that another one left."""


class Jobs:
    """The queue of sync jobs. `submit` answers requests; `run` is the one task that works them off."""

    def __init__(
        self,
        engine: Engine,
        run_child: RunChild,
        clock: Clock,
        fingerprint: Fingerprint,
        *,
        holder: str = "ingestion-1",
        stall_seconds: float = 900.0,
    ) -> None:
        self._engine = engine
        self._fingerprint = fingerprint
        self._run_child = run_child
        self._clock = clock
        self._holder = holder
        self._stall_seconds = stall_seconds
        self._wake = asyncio.Event()

    async def submit(self, request: SyncRequest, *, origin: str = "asked") -> UUID:
        """Open a job; it is a row before this returns."""
        job_id = uuid4()
        asked = request.model_dump(mode="json")
        await in_transaction(self._engine, sync_jobs.open_job, job_id, asked, self._clock.utc_now(), origin=origin)
        self.wake()
        return job_id

    async def resume(self, job_id: UUID) -> UUID:
        """Let a job that failed or was cancelled go on; one that runs is left alone. Raises `NotFound`."""
        if not await in_transaction(self._engine, sync_jobs.resume, job_id):
            job = await in_transaction(self._engine, sync_jobs.find, job_id)
            if job is None or job.status != "RUNNING":
                raise NotFound(f"job_id: there is no job {job_id} to resume")
        self.wake()
        return job_id

    def wake(self) -> None:
        """There is a new job."""
        self._wake.set()

    async def cancel(self, job_id: UUID) -> bool:
        """End a job where it stands, whoever does it; what it has stored stays."""
        return await in_transaction(self._engine, sync_jobs.cancel, job_id, self._clock.utc_now())

    async def run(self) -> None:
        """Work for ever: what is new, what a predecessor left, and what another instance died over."""
        while True:
            self._wake.clear()
            for job_id in await in_transaction(self._engine, sync_jobs.free, self._holder, self._clock.utc_now()):
                await self.work(job_id)
                if self._wake.is_set():
                    break
            else:
                await self._woken()

    async def _woken(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            return

    async def work(self, job_id: UUID) -> None:
        """Bring one job to its end, whatever happens to its processes; or leave it to whoever holds it."""
        status: int | None = None
        while (job := await in_transaction(self._engine, sync_jobs.find, job_id)) and job.status == "RUNNING":
            if job.stalled >= MAX_ATTEMPTS:
                await self._fail(job_id, f"given up after {MAX_ATTEMPTS} attempts; its process ended with {status}")
                return
            try:
                request = _request_of(job)
                read = await asyncio.to_thread(self._fingerprint, request)
                if not await self._take(job_id, read):
                    return
                status = await self._attempt(job_id, request, read)
            except TimeoutError:
                await self._fail(job_id, "took longer over one part than a sync job may take")
            except StorageUnavailable:
                raise
            except HiddenGemError as e:
                await self._fail(job_id, str(e))
            if status == EXIT_LATER:
                await in_transaction(self._engine, sync_jobs.put_back, job_id, self._holder)
                self.wake()
                return

    async def _take(self, job_id: UUID, fingerprint: str | None) -> bool:
        now = self._clock.utc_now()
        attempt = await in_transaction(
            self._engine,
            sync_jobs.begin_attempt,
            job_id,
            fingerprint,
            holder=self._holder,
            now=now,
            until=now + _HELD_FOR,
        )
        return attempt is not None

    async def _attempt(self, job_id: UUID, request: SyncRequest, read: str | None) -> int | None:
        if await self._finish_unread(job_id, request, read):
            return None
        return await self._watched(job_id)

    async def _watched(self, job_id: UUID) -> int | None:
        """Run the process; end it when the job has ended or passed to another, or when it does not move any more."""
        running = asyncio.ensure_future(self._run_child(job_id))
        seen, moved_at = None, self._clock.monotonic()
        try:
            while not (await asyncio.wait({running}, timeout=min(_WATCH_SECONDS, self._stall_seconds)))[0]:
                held = await self._hold(job_id)
                if held is None:
                    return None
                if held != seen:
                    seen, moved_at = held, self._clock.monotonic()
                elif self._clock.monotonic() - moved_at >= self._stall_seconds:
                    raise TimeoutError
            return running.result()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _hold(self, job_id: UUID) -> tuple[int, float, str] | None:
        until = self._clock.utc_now() + _HELD_FOR
        try:
            return await in_transaction(self._engine, sync_jobs.hold, job_id, self._holder, until)
        except StorageUnavailable:
            # Nobody else can take the job either; the process finds out for itself whether it can go on.
            return -1, 0.0, ""

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


def _request_of(job: Job) -> SyncRequest:
    """What a job is to do; one that another version of the desk has written may mean nothing to this one."""
    try:
        return SyncRequest.model_validate(job.request)
    except ValidationError as e:
        fields = sorted({".".join(map(str, problem["loc"])) or problem["msg"] for problem in e.errors()})
        raise InvalidInput("request", f"this version does not understand {', '.join(fields)}") from e
