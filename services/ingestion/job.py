"""The process of one sync job: `python -m services.ingestion.job JOB_ID PARENT_PID`. It may die at any moment.

Everything heavy (polars, Tushare, AkShare) lives and dies here. It ends 0 when the job is done, 1 when the job failed
with a reason in its row; any other end (75: the database went away) leaves the row RUNNING for another attempt.
"""

import logging
import signal
import sys
import time
from collections.abc import Sequence
from uuid import UUID

from libs.ashare.calendar import CALENDAR
from libs.contracts.market import SyncReport, SyncRequest
from libs.domain.clock import Clock, SystemClock
from libs.domain.errors import HiddenGemError, InvalidInput, NotFound
from libs.runtime.processes import die_with_parent
from libs.runtime.settings import load_settings
from libs.storage import sync_jobs
from libs.storage.engine import Engine, StorageBusy, StorageUnavailable, make_engine, transaction
from libs.telemetry.logs import configure
from services.ingestion.importing import Importer
from services.ingestion.settings import IngestionSettings
from services.ingestion.sources import Known, open_source
from services.ingestion.watchlist import require_bars

log = logging.getLogger(__name__)

EXIT_AGAIN = 75
_PROGRESS_SECONDS = 0.2


def main(arguments: Sequence[str]) -> int:
    """Do one job and say how it ended."""
    die_with_parent(int(arguments[1]), signal.SIGKILL)
    settings = load_settings(IngestionSettings)
    instance = f"{settings.instance or 'ingestion-1'}-job"
    lines = configure("ingestion", instance, settings.log_level, synthetic=settings.synthetic)
    engine = make_engine(settings.database_url.get_secret_value(), pool_size=2, application_name="hiddengem-sync")
    try:
        return do_job(UUID(arguments[0]), engine, settings, SystemClock())
    finally:
        lines.close()


def do_job(job_id: UUID, engine: Engine, settings: IngestionSettings, clock: Clock) -> int:
    """Read the source, store it, write the report; a failure with a name becomes the job's error."""
    try:
        report = _sync(job_id, engine, settings, clock)
        with transaction(engine) as connection:
            sync_jobs.finish(connection, job_id, report.model_dump(mode="json"), clock.utc_now())
    except StorageBusy as e:
        # A full disk does not empty itself: the operator has to hear of it.
        _fail(job_id, engine, clock, str(e))
        return 1
    except StorageUnavailable as e:
        log.warning("database went away during a sync job", extra={"job": str(job_id), "reason": str(e)})
        return EXIT_AGAIN
    except HiddenGemError as e:
        _fail(job_id, engine, clock, str(e))
        return 1
    except Exception:
        log.exception("sync job broke", extra={"job": str(job_id)})
        _fail(job_id, engine, clock, "internal error, see the log of ingestion")
        return 1
    return 0


def _sync(job_id: UUID, engine: Engine, settings: IngestionSettings, clock: Clock) -> SyncReport:
    with transaction(engine, read_only=True) as connection:
        job = sync_jobs.find(connection, job_id)
        if job is None:
            raise NotFound(f"no sync job {job_id}")
        request = SyncRequest.model_validate(job.request)
        _refuse_mixing(request, sync_jobs.is_synthetic(connection))
        stored = sync_jobs.stored_span(connection, request.source)
        calendar = sync_jobs.known_sessions(connection)
    known = Known(sorted({*CALENDAR.sessions, *calendar}), stored, clock.utc_now())
    progress = _Progress(engine, job_id)
    source = open_source(request, settings, known, progress)
    report = Importer(engine, source, job_id, clock, progress).run()
    if request.symbols:
        require_bars(engine, request.symbols, request.source)
    return report


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

    def __call__(self, share: float, message: str) -> None:
        now = time.monotonic()
        if now - self._shown_at < _PROGRESS_SECONDS:
            return
        self._shown_at = now
        with transaction(self._engine) as connection:
            sync_jobs.show_progress(connection, self._job_id, share, message)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
