"""The process of one sync job: `python -m services.ingestion.job JOB_ID PARENT_PID`. It may die at any moment.

Everything heavy (polars, Tushare, AkShare) lives and dies here. It ends 0 when the job is done or somebody has ended
it, 1 when the job failed with a reason in its row; any other end leaves the row RUNNING for another attempt (75: the
database went away; 77: it stepped aside for a job of the schedule).
"""

import logging
import signal
import sys
import time
from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from libs.ashare.calendar import CALENDAR
from libs.contracts.market import DESK_KINDS, SyncPlan, SyncReport, SyncRequest
from libs.domain.clock import Clock, SystemClock
from libs.domain.errors import HiddenGemError, InvalidInput, NotFound
from libs.marketdata.choose import VENDORS
from libs.marketdata.gate import VendorCall
from libs.marketdata.source import Kind
from libs.runtime.desk_calendar import prepare_calendar
from libs.runtime.processes import die_with_parent
from libs.runtime.settings import load_settings
from libs.storage import sync_jobs
from libs.storage.engine import Connection, Engine, StorageBusy, StorageUnavailable, make_engine, transaction
from libs.telemetry.logs import configure
from services.ingestion.canaries import ask_vendors
from services.ingestion.importing import Attempt, Importer, SteppedAside
from services.ingestion.jobs import EXIT_LATER
from services.ingestion.judging import judge
from services.ingestion.known import Known
from services.ingestion.planning import plan_of
from services.ingestion.settings import IngestionSettings
from services.ingestion.sources import opened
from services.ingestion.texts import Texts
from services.ingestion.watchlist import require_bars

log = logging.getLogger(__name__)

EXIT_AGAIN = 75
_PROGRESS_SECONDS = 0.2
_WHOLE = frozenset({"file", "sim"})
"""Sources that give all they have."""


def main(arguments: Sequence[str]) -> int:
    """Do one job and say how it ended."""
    die_with_parent(int(arguments[1]), signal.SIGKILL)
    settings = load_settings(IngestionSettings)
    instance = f"{settings.instance or 'ingestion-1'}-job"
    lines = configure("ingestion", instance, settings.log_level, synthetic=settings.synthetic)
    engine = make_engine(settings.database_url.get_secret_value(), pool_size=2, application_name="hiddengem-sync")
    clock = SystemClock()
    try:
        prepare_calendar(settings.calendar_overlay, engine, clock)
        return do_job(UUID(arguments[0]), engine, settings, clock)
    finally:
        lines.close()


def do_job(job_id: UUID, engine: Engine, settings: IngestionSettings, clock: Clock) -> int:
    """Read the source, store it, write the report; a failure with a name becomes the job's error."""
    try:
        report = _sync(job_id, engine, settings, clock)
        if report.plan is None and not report.canaries:
            judge(engine, clock)
        with transaction(engine) as connection:
            sync_jobs.finish(connection, job_id, report.model_dump(mode="json"), clock.utc_now())
    except SteppedAside:
        log.info("sync job steps aside for the schedule", extra={"job": str(job_id)})
        return EXIT_LATER
    except HiddenGemError as e:
        return _given_up(e, job_id, engine, clock)
    except Exception:
        log.exception("sync job broke", extra={"job": str(job_id)})
        _fail(job_id, engine, clock, "internal error, see the log of ingestion")
        return 1
    return 0


def _given_up(error: HiddenGemError, job_id: UUID, engine: Engine, clock: Clock) -> int:
    match error:
        case sync_jobs.JobEnded():
            log.info("sync job was ended from outside", extra={"job": str(job_id)})
            return 0
        case StorageUnavailable() if not isinstance(error, StorageBusy):
            log.warning("database went away during a sync job", extra={"job": str(job_id), "reason": str(error)})
            return EXIT_AGAIN
        case _:
            # A full disk (StorageBusy) does not empty itself: the operator has to hear of it, too.
            _fail(job_id, engine, clock, str(error))
            return 1


def _sync(job_id: UUID, engine: Engine, settings: IngestionSettings, clock: Clock) -> SyncReport:
    with transaction(engine) as connection:
        job = sync_jobs.find(connection, job_id)
        if job is None:
            raise NotFound(f"no sync job {job_id}")
        request = SyncRequest.model_validate(job.request)
        if not request.canaries:
            _refuse_mixing(request, sync_jobs.is_synthetic(connection))
            known = _known(connection, job_id, request, clock)
    progress = _Progress(engine, job_id)
    if request.canaries:
        return ask_vendors(request, settings, engine, clock, progress)
    attempt = Attempt(job_id, job.attempts, may_step_aside=job.origin != "schedule")
    kinds = _kinds(request)
    nothing = SyncPlan(parts=0, already_stored=0) if request.dry_run else None
    report = SyncReport(source=request.source, synthetic=False, plan=nothing)
    if kinds != {Kind.DOCUMENTS} or request.source in _WHOLE:
        with opened(request, settings, known, engine, told=progress.working) as source:
            if request.dry_run:
                plan = plan_of(source, request, known, engine, pace=settings.vendor_pace)
                return SyncReport(source=source.name, synthetic=source.synthetic, plan=plan)
            report = Importer(engine, source, attempt, clock, progress, kinds).run()
    if request.source in _WHOLE:
        require_bars(engine, request.symbols, request.source)
    elif Kind.DOCUMENTS in kinds and not request.dry_run:
        with_texts = Texts(engine, settings, clock, progress)
        report = with_texts.added_to(report, request, job_id)
    return report


def _kinds(request: SyncRequest) -> frozenset[Kind]:
    if request.kinds:
        return frozenset(request.kinds)
    return frozenset(Kind) if request.source in _WHOLE else frozenset(DESK_KINDS)


def _known(connection: Connection, job_id: UUID, request: SyncRequest, clock: Clock) -> Known:
    """What the first attempt of a job knew; every later one cuts the same parts out of the same window."""
    stored = sync_jobs.stored_span(connection, request.vendors or VENDORS)
    first = {"now": clock.utc_now().isoformat(), "stored": [day.isoformat() for day in stored or ()]}
    plan = sync_jobs.settle_plan(connection, job_id, first)
    span = [date.fromisoformat(day) for day in plan["stored"]]
    return Known(
        sorted({*CALENDAR.sessions, *sync_jobs.known_sessions(connection)}),
        (span[0], span[1]) if span else None,
        datetime.fromisoformat(plan["now"]),
    )


def _refuse_mixing(request: SyncRequest, stored_synthetic: bool | None) -> None:
    """A simulated market and a real one never share a database."""
    if stored_synthetic is not None and stored_synthetic is not (request.source == "sim"):
        kind = "a simulated" if stored_synthetic else "a real"
        raise InvalidInput(
            "SOURCE", f"{request.source} cannot come in here: this desk holds {kind} market; start another desk for it"
        )


def _fail(job_id: UUID, engine: Engine, clock: Clock, reason: str) -> None:
    with transaction(engine) as connection:
        sync_jobs.fail(connection, job_id, reason, clock.utc_now())


class _Progress:
    """Shows progress in the job's row, a few times a second at most."""

    def __init__(self, engine: Engine, job_id: UUID) -> None:
        self._engine = engine
        self._job_id = job_id
        self._shown_at = float("-inf")
        self._said: tuple[float, str, float | None] = (0.0, "", None)
        self._calls = 0

    def __call__(self, share: float, message: str, eta_seconds: float | None = None) -> None:
        """Show it; raises `JobEnded` once somebody has ended the job."""
        self._said, self._calls = (share, message, eta_seconds), 0
        self._show(share, message, eta_seconds)

    def working(self, _call: VendorCall) -> None:
        """A call of a part goes out: whoever watches sees that the part moves, however many calls it takes."""
        share, message, eta_seconds = self._said
        self._calls += 1
        self._show(share, f"{message}, call {self._calls}", eta_seconds)

    def _show(self, share: float, message: str, eta_seconds: float | None) -> None:
        now = time.monotonic()
        if now - self._shown_at < _PROGRESS_SECONDS:
            return
        self._shown_at = now
        with transaction(self._engine) as connection:
            if not sync_jobs.show_progress(connection, self._job_id, share, message, eta_seconds):
                raise sync_jobs.JobEnded(f"job {self._job_id} has been ended")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
