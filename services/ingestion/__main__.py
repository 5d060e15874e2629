"""Entry of ingestion: answers `market.sync` and works the jobs off."""

import os
import sys
from functools import partial

from libs.bus.endpoint import Endpoint
from libs.bus.port import Call
from libs.contracts.market import SYNC, SyncAccepted, SyncRequest
from libs.runtime.service import Runtime, Service, run_service
from services.ingestion.child import ChildProcess
from services.ingestion.fingerprints import fingerprint_of
from services.ingestion.jobs import Jobs
from services.ingestion.settings import IngestionSettings


def build(runtime: Runtime[IngestionSettings]) -> Service:
    """The service: one method, one worker."""
    settings = runtime.settings
    fingerprint = partial(fingerprint_of, sim_seed=settings.sim_seed, clock=runtime.clock)
    jobs = Jobs(
        runtime.engine,
        ChildProcess(os.environ),
        runtime.clock,
        fingerprint,
        holder=runtime.instance,
        stall_seconds=settings.job_seconds,
    )

    async def sync(request: SyncRequest, _call: Call) -> SyncAccepted:
        return SyncAccepted(job_id=await jobs.submit(request))

    endpoint = Endpoint(runtime.card("ingestion"))
    endpoint.method(SYNC, sync)
    return Service(endpoint, background=(jobs.run,))


def main() -> int:
    """Run until told to stop."""
    return run_service("ingestion", IngestionSettings, build)


if __name__ == "__main__":
    sys.exit(main())
