"""Fetch documents through the newswire and store them: part of a sync job, for kind `documents`.

Each outlet with pages of its own for its texts is stored by itself, and what it takes to recognise the texts later in
the same transaction: a process that dies loses nothing but the outlet in hand, which is read again when it is due.
Lists that carry their texts are read together, so that of several prints of one flash the first is kept.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import polars as pl

from libs.contracts.market import FailedPart, ImportReport
from libs.domain.clock import Clock
from libs.domain.errors import InvalidInput
from libs.domain.market import Symbol
from libs.marketdata.frames import SCHEMAS
from libs.marketdata.source import Kind, Progress, silent
from libs.newswire.collect import Collected, Collector, OutletReport, Told
from libs.newswire.documents import Document
from libs.newswire.fetcher import Fetcher, Manners, user_agent
from libs.newswire.network import Network
from libs.newswire.outlets import MOST_DAYS, Outlet, chosen
from libs.storage import market_writes, newswire_cache, sync_jobs
from libs.storage.engine import Connection, Engine, transaction
from services.ingestion.documents_settings import DocumentsSettings

log = logging.getLogger(__name__)

SOURCE = "newswire"
LOOK_BACK = timedelta(days=2)
"""How far back is read where nobody said."""
_COMPARED = timedelta(days=8)
_REMEMBERED = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Wanted:
    """For which job texts are fetched, and from when on."""

    job_id: UUID
    since: datetime | None = None
    symbols: Sequence[Symbol] = ()
    """For outlets that are read by symbol."""


@dataclass(frozen=True, slots=True)
class DocumentsReport:
    """What became of it, outlet by outlet."""

    imports: tuple[ImportReport, ...] = ()
    failed: tuple[FailedPart, ...] = ()
    outlets: tuple[OutletReport, ...] = ()


@dataclass(slots=True)
class _Sum:
    imports: list[ImportReport] = field(default_factory=list)
    outlets: list[OutletReport] = field(default_factory=list)


def collect_documents(
    engine: Engine,
    settings: DocumentsSettings,
    clock: Clock,
    wanted: Wanted,
    *,
    progress: Progress = silent,
    network: Network | None = None,
) -> DocumentsReport:
    """Read the outlets of the settings and store what is new; an outlet that fails costs itself only.

    Raises `InvalidInput` for an unknown outlet and for texts older than the newswire reads back.
    """
    now = clock.utc_now()
    since = wanted.since or now - LOOK_BACK
    if since < now - timedelta(days=MOST_DAYS):
        raise InvalidInput("from_date", f"the newswire reads back {MOST_DAYS} days; older texts come from files")
    politeness = newswire_cache.PostgresPoliteness(engine)
    manners = Manners(user_agent(settings.newswire_contact), deadline_seconds=settings.newswire_fetch_seconds)
    fetcher = Fetcher(politeness, clock, manners, network=network)
    groups = list(_groups(chosen(settings.outlet_ids)))
    found = _Sum()
    for i, group in enumerate(groups):
        collector = Collector(fetcher, politeness, clock, _shown(progress, i, len(groups)))
        with transaction(engine, read_only=True) as connection:
            known = newswire_cache.known(connection, since - _COMPARED)
            known += newswire_cache.from_elsewhere(connection, since - _COMPARED)
        began = clock.utc_now()
        collected = collector.collect(group, since, known=known, symbols=wanted.symbols)
        with transaction(engine) as connection:
            found.imports.extend(_store(connection, collected, wanted.job_id, began, clock))
        found.outlets.extend(collected.reports)
    with transaction(engine) as connection:
        newswire_cache.forget(connection, now - _REMEMBERED)
    failed = tuple(_failed(report) for report in found.outlets if report.failed is not None)
    return DocumentsReport(tuple(found.imports), failed, tuple(found.outlets))


def frame_of(documents: Sequence[Document]) -> pl.DataFrame:
    """The documents in the columns of `Kind.DOCUMENTS`."""
    rows = [
        {
            "document_id": document.document_id,
            "kind": document.kind,
            "outlet": document.outlet,
            "session_date": document.session_date,
            "title": document.title,
            "body": document.body,
            "section": document.section,
            "url": document.url,
            "issuer": document.issuer,
            "document_number": document.document_number,
            "symbols": list(document.symbols),
            "published_at": document.published_at,
        }
        for document in documents
    ]
    return pl.DataFrame(rows, schema=SCHEMAS[Kind.DOCUMENTS], orient="row")


def _shown(progress: Progress, at: int, groups: int) -> Told:
    """Every page moves the job a little: nobody knows before how many there will be."""

    def told(outlet: str, pages: int) -> None:
        progress((at + pages / (pages + 20)) / groups, f"{SOURCE}: {outlet}, {pages} pages")

    return told


def _groups(outlets: Sequence[Outlet]) -> Iterator[tuple[Outlet, ...]]:
    for outlet in outlets:
        if outlet.parse_article is not None:
            yield (outlet,)
    together = tuple(outlet for outlet in outlets if outlet.parse_article is None)
    if together:
        yield together


def _store(
    connection: Connection, collected: Collected, job_id: UUID, began: datetime, clock: Clock
) -> list[ImportReport]:
    """Documents, what recognises them, and one import row per outlet that was read."""
    provenance = market_writes.Provenance(SOURCE, synthetic=False, fetched_at=clock.utc_now())
    reports = []
    for report in collected.reports:
        own = [document for document in collected.documents if document.outlet_id == report.outlet]
        written = market_writes.upsert(connection, Kind.DOCUMENTS, frame_of(own), provenance)
        if report.fetched or report.unchanged:
            reports.append(_report(report, written))
            sync_jobs.record_import(connection, _row(reports[-1], report, job_id, began, clock.utc_now()))
        _tell(report)
    newswire_cache.remember(connection, collected.remember)
    newswire_cache.keep_validators(connection, collected.validators)
    return reports


def _report(report: OutletReport, written: market_writes.Written) -> ImportReport:
    return ImportReport(
        path=report.outlet,
        kind=Kind.DOCUMENTS.value,
        source=SOURCE,
        rows_read=report.listed,
        inserted=written.inserted,
        updated=written.updated,
        unchanged=written.unchanged,
        rejected=dict(report.refused),
        duplicates=report.known + sum(report.duplicates.values()),
    )


def _row(
    told: ImportReport, report: OutletReport, job_id: UUID, began: datetime, finished: datetime
) -> sync_jobs.Import:
    return sync_jobs.Import(
        import_id=uuid4(),
        job_id=job_id,
        source=SOURCE,
        path=told.path,
        kind=told.kind,
        sha256=None,
        rows_read=told.rows_read,
        rows_written=told.inserted + told.updated,
        rows_skipped=told.unchanged,
        rejected=sum(told.rejected.values()),
        conflicts=0,
        detail={
            "part": f"{SOURCE}/{told.path}",
            "fingerprint": None,
            "report": told.model_dump(),
            "outlet": _plain(report),
        },
        started_at=began,
        finished_at=finished,
    )


def _plain(report: OutletReport) -> dict[str, object]:
    """The report as JSON; `asdict` would take a Counter apart wrongly."""
    told = {part.name: getattr(report, part.name) for part in fields(report)}
    told |= {name: dict(value) for name, value in told.items() if isinstance(value, dict)}
    told["failed"] = asdict(report.failed) if report.failed else None
    told["due_at"] = report.due_at.isoformat() if report.due_at else None
    return told


def _failed(report: OutletReport) -> FailedPart:
    code, reason = (report.failed.code, report.failed.reason) if report.failed else ("", "")
    return FailedPart(part=f"{SOURCE}/{report.outlet}", code=code, reason=reason)


def _tell(report: OutletReport) -> None:
    if report.failed is not None:
        told = {"outlet": report.outlet, "code": report.failed.code, "reason": report.failed.reason}
        log.warning("an outlet could not be read to its end", extra=told)
    if report.cut:
        log.warning("an outlet has more pages than are read", extra={"outlet": report.outlet})
    if report.removed:
        log.info("hidden text removed", extra={"outlet": report.outlet, "removed": dict(report.removed)})
