"""What a request would do, said without doing it: the answer to a dry run."""

from libs.contracts.market import DEFAULT_SYMBOLS, PlannedCalls, SyncPlan, SyncRequest
from libs.marketdata.aggregate_slices import PlannedKind
from libs.marketdata.guarded_gate import GateRules
from libs.marketdata.source import Source
from libs.storage import sync_jobs
from libs.storage.engine import Engine, transaction
from services.ingestion.known import Known, covering_window
from services.ingestion.vendors import Vendors


def plan_of(source: Source, request: SyncRequest, known: Known, engine: Engine, *, pace: float) -> SyncPlan:
    """The parts of a source, how many of them are known to be stored, and what the others cost."""
    parts = source.parts()
    with transaction(engine, read_only=True) as connection:
        stored = sum(
            bool(part.fingerprint and sync_jobs.stored_before(connection, source.name, part.name, part.fingerprint))
            for part in parts
        )
    if not isinstance(source, Vendors):
        return SyncPlan(parts=len(parts), already_stored=stored)
    window = covering_window(request, known)
    calls = tuple(_calls(planned, pace) for planned in source.plan())
    return SyncPlan(
        parts=len(parts),
        already_stored=stored,
        first=window.start,
        last=window.end,
        symbols=len(request.symbols or DEFAULT_SYMBOLS),
        calls=calls,
        seconds=max(_by_host(calls).values(), default=0.0),
    )


def _calls(planned: PlannedKind, pace: float) -> PlannedCalls:
    """The least that the calls take: as fast as the endpoint and its host let them pass."""
    capability = planned.capability
    per_minute = min(capability.calls_per_minute, GateRules().pace_of(capability.host).calls_per_minute) * pace
    return PlannedCalls(
        kind=planned.kind.value,
        vendor=planned.vendor,
        host=capability.host,
        parts=planned.parts,
        calls=planned.calls,
        seconds=round(planned.calls * 60 / per_minute, 1),
    )


def _by_host(calls: tuple[PlannedCalls, ...]) -> dict[str, float]:
    """The calls of one host wait for each other; a job asks one after the other, so this is the least."""
    seconds: dict[str, float] = {}
    for planned in calls:
        seconds[planned.host] = seconds.get(planned.host, 0.0) + planned.seconds
    return seconds
