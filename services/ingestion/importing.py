"""Store what a source gives, part by part: all of a part in one transaction, or nothing of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from libs.contracts.market import ImportReport, SkippedFile, SyncReport
from libs.domain.clock import Clock
from libs.marketdata.source import Batch, Kind, Part, Progress, Source
from libs.storage import market_writes, sync_jobs
from libs.storage.engine import Connection, Engine, transaction


@dataclass(frozen=True, slots=True)
class Importer:
    """Stores the parts of one source for one job."""

    engine: Engine
    source: Source
    job_id: UUID
    clock: Clock
    progress: Progress

    def run(self) -> SyncReport:
        """Everything the source has; parts that are stored already are not read again."""
        began = self.clock.monotonic()
        reports: list[ImportReport] = []
        parts = self.source.parts()
        for done, part in enumerate(parts):
            self.progress(done / len(parts), f"{self.source.name}: {part.name}")
            reports.extend(self._stored_before(part) or self._store(part))
        return SyncReport(
            source=self.source.name,
            synthetic=self.source.synthetic,
            imports=tuple(reports),
            skipped=tuple(SkippedFile(path=s.path, reason=s.reason) for s in self.source.skipped()),
            seconds=round(self.clock.monotonic() - began, 3),
        )

    def _stored_before(self, part: Part) -> list[ImportReport]:
        if part.fingerprint is None:
            return []
        with transaction(self.engine, read_only=True) as connection:
            before = sync_jobs.newest_import_of_part(connection, self.source.name, part.name)
        if any(detail["fingerprint"] != part.fingerprint for detail in before):
            return []
        reports = (ImportReport.model_validate(detail["report"]) for detail in before)
        return [report.model_copy(update={"already_imported": True}) for report in reports]

    def _store(self, part: Part) -> list[ImportReport]:
        began = self.clock.utc_now()
        batches = self.source.read(part)
        provenance = market_writes.Provenance(self.source.name, self.source.synthetic, self.clock.utc_now())
        with transaction(self.engine) as connection:
            written = [_write(connection, batch, provenance) for batch in batches]
            reports = [_report(batch, w) for batch, w in zip(batches, written, strict=True)]
            finished = self.clock.utc_now()
            for report in reports:
                sync_jobs.record_import(connection, self._row(part, report, began, finished))
        return reports

    def _row(self, part: Part, report: ImportReport, began: datetime, finished: datetime) -> sync_jobs.Import:
        return sync_jobs.Import(
            import_id=uuid4(),
            job_id=self.job_id,
            source=self.source.name,
            path=report.path,
            kind=report.kind,
            sha256=report.sha256,
            rows_read=report.rows_read,
            rows_written=report.inserted + report.updated,
            rows_skipped=report.unchanged,
            rejected=sum(report.rejected.values()),
            conflicts=report.conflicts,
            detail={"part": part.name, "fingerprint": part.fingerprint, "report": report.model_dump()},
            started_at=began,
            finished_at=finished,
        )


def _write(connection: Connection, batch: Batch, provenance: market_writes.Provenance) -> market_writes.Written:
    written = market_writes.upsert(connection, batch.kind, batch.frame, provenance)
    if batch.kind is Kind.BARS:
        without = batch.frame.filter(batch.frame["adj_factor"].is_null())["symbol"].unique().sort()
        market_writes.derive_factors(connection, without.to_list())
    return written


def _report(batch: Batch, written: market_writes.Written) -> ImportReport:
    return ImportReport(
        path=batch.origin,
        kind=batch.kind.value,
        sha256=batch.sha256,
        rows_read=batch.rows_read,
        inserted=written.inserted,
        updated=written.updated,
        unchanged=written.unchanged,
        rejected=dict(batch.rejected),
        duplicates=batch.duplicates,
        conflicts=batch.conflicts,
    )
