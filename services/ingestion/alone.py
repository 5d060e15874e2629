"""Do one job where no ingestion runs, for `scripts/data_sync.py`: `python -m services.ingestion.alone JOB PARENT_PID`.

It is an instance like any other: whoever holds the job does it, and what dies is taken up by the next. Meanwhile it
also does what the schedule has opened, for which the job may step aside; what somebody asked for before is not touched.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Sequence
from functools import partial
from uuid import UUID

from libs.domain.clock import SystemClock
from libs.runtime.desk_calendar import prepare_calendar
from libs.runtime.processes import die_with_parent
from libs.runtime.settings import load_settings
from libs.storage import sync_jobs
from libs.storage.engine import Engine, in_transaction, make_engine
from libs.telemetry.logs import configure
from services.ingestion.child import ChildProcess
from services.ingestion.fingerprints import fingerprint_of
from services.ingestion.jobs import Jobs
from services.ingestion.settings import IngestionSettings

_LOOK_SECONDS = 1.0


def main(arguments: Sequence[str]) -> int:
    """Work until the job has ended, by this process or another; 0 when it is done."""
    die_with_parent(int(arguments[1]), signal.SIGKILL)
    settings = load_settings(IngestionSettings)
    holder = f"alone-{socket.gethostname()}-{os.getpid()}"
    lines = configure("ingestion", holder, settings.log_level, sys.stderr, synthetic=settings.synthetic)
    engine = make_engine(settings.database_url.get_secret_value(), pool_size=2, application_name=holder)
    try:
        prepare_calendar(settings.calendar_overlay, engine, SystemClock())
        return asyncio.run(_work(UUID(arguments[0]), engine, settings, holder))
    finally:
        engine.dispose()
        lines.close()


async def _work(job_id: UUID, engine: Engine, settings: IngestionSettings, holder: str) -> int:
    clock = SystemClock()
    fingerprint = partial(fingerprint_of, sim_seed=settings.sim_seed, clock=clock)
    child = ChildProcess({**os.environ, "HIDDENGEM_LOG_LEVEL": settings.log_level})
    jobs = Jobs(engine, child, clock, fingerprint, holder=holder, stall_seconds=settings.job_seconds)
    while (job := await in_transaction(engine, sync_jobs.find, job_id)) and job.status == "RUNNING":
        free = await in_transaction(engine, sync_jobs.free, holder, clock.utc_now())
        if job_id not in free:
            await asyncio.sleep(_LOOK_SECONDS)
            continue
        first = await in_transaction(engine, sync_jobs.find, free[0])
        await jobs.work(free[0] if first is not None and first.origin == "schedule" else job_id)
    return 0 if job is not None and job.status == "DONE" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
