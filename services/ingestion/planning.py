"""What a request would do, said without doing it: the answer to a dry run."""

from libs.contracts.market import SyncPlan, SyncRequest
from libs.marketdata.source import Source
from libs.storage import sync_jobs
from libs.storage.engine import Engine, transaction
from services.ingestion.sources import Known, covering_window


def plan_of(source: Source, request: SyncRequest, known: Known, engine: Engine) -> SyncPlan:
    """The parts of a source, and how many of them are known to be stored."""
    parts = source.parts()
    with transaction(engine, read_only=True) as connection:
        stored = sum(
            bool(part.fingerprint and sync_jobs.stored_before(connection, source.name, part.name, part.fingerprint))
            for part in parts
        )
    window = covering_window(request, known) if request.source not in {"file", "sim"} else None
    return SyncPlan(
        parts=len(parts),
        already_stored=stored,
        first=window.start if window else None,
        last=window.end if window else None,
        symbols=len(request.symbols),
    )
