"""Entry of ingestion: answers what `libs.contracts.market` asks, works the jobs off, and keeps to the schedule."""

import asyncio
import logging
import os
import sys
from functools import partial

from libs.bus.endpoint import Endpoint
from libs.bus.port import Call
from libs.contracts.market import (
    CANCEL_SYNC,
    DECIDE_QUARANTINE,
    RESUME_SYNC,
    SYNC,
    CancelSync,
    DecideQuarantine,
    QuarantineDecided,
    ResumeSync,
    SyncAccepted,
    SyncCancelled,
    SyncRequest,
)
from libs.domain.errors import InvalidInput
from libs.marketdata.choose import parse_source
from libs.runtime.service import Runtime, Service, run_service
from libs.storage import clock as desk_clock
from libs.storage.engine import Engine, StorageUnavailable, in_transaction, transaction
from services.ingestion.child import ChildProcess
from services.ingestion.deciding import decide
from services.ingestion.figures import Figures
from services.ingestion.fingerprints import fingerprint_of
from services.ingestion.freshness import FeedFigures
from services.ingestion.jobs import Jobs
from services.ingestion.judging import judge
from services.ingestion.live_child import LiveChild
from services.ingestion.retention import Retention, kept_days
from services.ingestion.scheduler import Orders, Scheduler
from services.ingestion.settings import IngestionSettings

log = logging.getLogger(__name__)


def build(runtime: Runtime[IngestionSettings]) -> Service:
    """The service: four methods, one worker, the schedule and the figures."""
    jobs = _jobs(runtime)
    orders = Orders(
        runtime.settings.schedule,
        parse_source(runtime.settings.schedule_source, {}, check_token=False),
        runtime.instance,
    )
    scheduler = Scheduler(runtime.engine, runtime.clock, orders, jobs.wake)
    retention = Retention(runtime.engine, runtime.clock, kept_days(runtime.settings))
    figures = Figures(runtime.engine, runtime.clock, runtime.metrics)
    feeds = FeedFigures(runtime.engine, runtime.clock, runtime.metrics)

    async def sync(request: SyncRequest, _call: Call) -> SyncAccepted:
        return SyncAccepted(job_id=await jobs.submit(request))

    async def resume(request: ResumeSync, _call: Call) -> SyncAccepted:
        return SyncAccepted(job_id=await jobs.resume(request.job_id))

    async def cancel(request: CancelSync, _call: Call) -> SyncCancelled:
        return SyncCancelled(cancelled=await jobs.cancel(request.job_id))

    async def quarantine(request: DecideQuarantine, _call: Call) -> QuarantineDecided:
        try:
            decided = await in_transaction(runtime.engine, decide, request, runtime.clock.utc_now())
        except InvalidInput as e:
            log.warning("a decision about the quarantine was refused", extra={"reason": str(e)})
            raise
        await asyncio.to_thread(judge, runtime.engine, runtime.clock)
        return QuarantineDecided(decided=decided)

    endpoint = Endpoint(runtime.card("ingestion"))
    endpoint.method(SYNC, sync)
    endpoint.method(RESUME_SYNC, resume)
    endpoint.method(CANCEL_SYNC, cancel)
    endpoint.method(DECIDE_QUARANTINE, quarantine)
    live = LiveChild(os.environ, runtime.settings.feed, partial(_is_live, runtime.engine))
    return Service(endpoint, background=(jobs.run, scheduler.run, figures.run, retention.run, feeds.run, live.run))


def _jobs(runtime: Runtime[IngestionSettings]) -> Jobs:
    settings = runtime.settings
    return Jobs(
        runtime.engine,
        ChildProcess(os.environ),
        runtime.clock,
        partial(fingerprint_of, sim_seed=settings.sim_seed, clock=runtime.clock),
        holder=runtime.instance,
        stall_seconds=settings.job_seconds,
    )


def _is_live(engine: Engine) -> bool:
    """A desk that replays the past has no use for the present."""
    try:
        with transaction(engine, read_only=True) as connection:
            return desk_clock.read(connection).mode == "live"
    except StorageUnavailable:
        return False


def main() -> int:
    """Run until told to stop."""
    return run_service("ingestion", IngestionSettings, build)


if __name__ == "__main__":
    sys.exit(main())
