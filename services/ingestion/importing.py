"""Store what a source gives, part by part: all of a part in one transaction, or nothing of it.

A process that is killed leaves whole parts behind; the next attempt of its job goes on with the first that is not
there. A part that no source can give is reported and does not keep the others from being stored, unless nothing works.
"""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID, uuid4

from libs.contracts.market import FailedPart, ImportReport, SkippedFile, SyncReport
from libs.domain.clock import Clock
from libs.marketdata.bar_checks import judge_bars
from libs.marketdata.bar_factors import chained
from libs.marketdata.source import Batch, Kind, Part, Source, SourceError
from libs.storage import bars_before, factors, market_writes, quarantine, sync_jobs
from libs.storage.engine import Connection, Engine, transaction

log = logging.getLogger(__name__)

ENOUGH_FAILURES = 5
"""So many parts of one kind that fail one after the other, and its others are not tried in this job."""

Tell = Callable[[float, str, float | None], None]
"""Told between two parts how far the job is (0 … 1), what it does next, and how many seconds are left."""


class SteppedAside(Exception):
    """A job of the schedule waits; this one goes on afterwards."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which job is done, and which attempt this is."""

    job_id: UUID
    number: int
    may_step_aside: bool = False


@dataclass(slots=True)
class _Sum:
    imports: list[ImportReport] = field(default_factory=list)
    failed: list[FailedPart] = field(default_factory=list)
    in_a_row: dict[str, int] = field(default_factory=dict)
    untried: dict[str, int] = field(default_factory=dict)

    def gives_up(self, part: Part) -> bool:
        """Whether enough parts of this one's kind have failed."""
        if self.in_a_row.get(kind_of(part), 0) < ENOUGH_FAILURES:
            return False
        self.untried[kind_of(part)] = self.untried.get(kind_of(part), 0) + 1
        return True

    def all_failed(self) -> list[FailedPart]:
        """Those that failed, and those that were not tried for it."""
        untried = [
            FailedPart(part=f"{kind}/…", code=SourceError.code, reason=f"{count} more parts were not tried")
            for kind, count in self.untried.items()
        ]
        return [*self.failed, *untried]


@dataclass(frozen=True, slots=True)
class Importer:
    """Stores the parts of one source for one job."""

    engine: Engine
    source: Source
    attempt: Attempt
    clock: Clock
    tell: Tell
    kinds: frozenset[Kind] = frozenset(Kind)

    def run(self) -> SyncReport:
        """Everything the source has; parts that are stored already are not read again.

        Raises `SourceError` when nothing could be stored, `JobEnded` when somebody ended the job, `SteppedAside`.
        """
        began = self.clock.monotonic()
        parts = list(self.source.parts())
        done = self._begin(parts)
        found = _Sum(list(self._told_before(done)))
        for at, part in enumerate(parts):
            if part.name in done or found.gives_up(part):
                continue
            self.tell(at / len(parts), f"{self.source.name}: {part.name}", self._left(began, at, len(parts), done))
            self._step_aside()
            self._do(part, found)
        if found.failed and not found.imports:
            raise SourceError("; ".join(f"{failure.part}: {failure.reason}" for failure in found.failed[:3]))
        return SyncReport(
            source=self.source.name,
            synthetic=self.source.synthetic,
            imports=tuple(found.imports),
            skipped=tuple(SkippedFile(path=s.path, reason=s.reason) for s in self.source.skipped()),
            failed=tuple(found.all_failed()),
            seconds=round(self.clock.monotonic() - began, 3),
        )

    def _begin(self, parts: Sequence[Part]) -> set[str]:
        with transaction(self.engine) as connection:
            sync_jobs.count_parts(connection, self.attempt.job_id, len(parts))
            return sync_jobs.stored_parts(connection, self.attempt.job_id)

    def _told_before(self, done: set[str]) -> Iterator[ImportReport]:
        """What earlier attempts of this job stored."""
        if not done:
            return
        with transaction(self.engine, read_only=True) as connection:
            for detail in sync_jobs.imports_of_job(connection, self.attempt.job_id):
                yield ImportReport.model_validate(detail["report"])

    def _left(self, began: float, at: int, total: int, done: set[str]) -> float | None:
        tried = at - len(done)
        return None if tried <= 0 else (self.clock.monotonic() - began) / tried * (total - at)

    def _step_aside(self) -> None:
        if not self.attempt.may_step_aside:
            return
        with transaction(self.engine, read_only=True) as connection:
            if sync_jobs.is_urgent(connection):
                raise SteppedAside

    def _do(self, part: Part, found: _Sum) -> None:
        try:
            found.imports.extend(self._stored_before(part) or self._store(part))
            found.in_a_row[kind_of(part)] = 0
        except SourceError as e:
            log.warning("a part could not be read", extra={"part": part.name, "code": e.code, "reason": str(e)})
            found.failed.append(FailedPart(part=part.name, code=e.code, reason=str(e)))
            found.in_a_row[kind_of(part)] = found.in_a_row.get(kind_of(part), 0) + 1

    def _stored_before(self, part: Part) -> list[ImportReport]:
        if part.fingerprint is None or self.kinds != frozenset(Kind):
            return []
        with transaction(self.engine, read_only=True) as connection:
            before = sync_jobs.stored_before(connection, self.source.name, part.name, part.fingerprint)
        reports = (ImportReport.model_validate(detail["report"]) for detail in before)
        return [report.model_copy(update={"already_imported": True}) for report in reports]

    def _store(self, part: Part) -> list[ImportReport]:
        began, started = self.clock.utc_now(), self.clock.monotonic()
        batches = [batch for batch in self.source.read(part) if batch.kind in self.kinds]
        with transaction(self.engine) as connection:
            reports = [self._write(connection, batch) for batch in batches]
            finished = self.clock.utc_now()
            for report in reports:
                sync_jobs.record_import(connection, self._row(part, report, began, finished))
            sync_jobs.part_stored(
                connection,
                self.attempt.job_id,
                part.name,
                attempt=self.attempt.number,
                seconds=self.clock.monotonic() - started,
                now=finished,
            )
        return reports

    def _write(self, connection: Connection, batch: Batch) -> ImportReport:
        if batch.kind is Kind.BARS and batch.frame.height:
            batch = _continued(connection, batch)
        source = batch.source or self.source.name
        now = self.clock.utc_now()
        provenance = market_writes.Provenance(source, self.source.synthetic, now)
        written = market_writes.upsert(connection, batch.kind, batch.frame, provenance)
        if batch.kind is Kind.BARS:
            without = batch.frame.filter(batch.frame["adj_factor"].is_null())["symbol"].unique().sort()
            factors.derive_factors(connection, without.to_list())
        came = quarantine.Refusal(source, self.source.synthetic, batch.origin, self.attempt.job_id, now)
        quarantine.keep(connection, refused_rows(batch), came)
        return _report(batch, written)

    def _row(self, part: Part, report: ImportReport, began: datetime, finished: datetime) -> sync_jobs.Import:
        # A part of which only some kinds were wanted must not be taken for all of it later.
        fingerprint = part.fingerprint if self.kinds == frozenset(Kind) else None
        return sync_jobs.Import(
            import_id=uuid4(),
            job_id=self.attempt.job_id,
            source=self.source.name,
            path=report.path,
            kind=report.kind,
            sha256=report.sha256,
            rows_read=report.rows_read,
            rows_written=report.inserted + report.updated,
            rows_skipped=report.unchanged,
            rejected=sum(report.rejected.values()),
            conflicts=report.conflicts,
            detail={"part": part.name, "fingerprint": fingerprint, "report": report.model_dump()},
            started_at=began,
            finished_at=finished,
        )


def _continued(connection: Connection, batch: Batch) -> Batch:
    """Bars are held against the band of their day and the close before them, and continue the factors before them."""
    market_writes.take_turn(connection, Kind.BARS)
    ends = batch.frame.sort("symbol", "session").group_by("symbol", maintain_order=True).first()
    firsts = dict(ends.select("symbol", "session").rows())
    listed, before = bars_before.listing_dates(connection, list(firsts)), bars_before.last_bars(connection, firsts)
    judged = judge_bars(batch, listed, before)
    if not judged.frame["adj_factor"].null_count():
        return judged
    return replace(judged, frame=chained(judged.frame, bars_before.tails(connection, firsts)))


def kind_of(part: Part) -> str:
    """What stands before the first slash of a part's name: the kind of a vendor's part, the layout of files."""
    return part.name.partition("/")[0]


def refused_rows(batch: Batch) -> list[quarantine.RefusedRow]:
    """The rows of a batch that its checks refused, as they go into quarantine."""
    if batch.refused is None:
        return []
    return [
        quarantine.RefusedRow(Kind(row["kind"]), row["reason"], json.loads(row["row"]), row["symbol"], row["session"])
        for row in batch.refused.iter_rows(named=True)
    ]


def _report(batch: Batch, written: market_writes.Written) -> ImportReport:
    return ImportReport(
        path=batch.origin,
        kind=batch.kind.value,
        source=batch.source,
        sha256=batch.sha256,
        rows_read=batch.rows_read,
        inserted=written.inserted,
        updated=written.updated,
        unchanged=written.unchanged,
        rejected=dict(batch.rejected),
        duplicates=batch.duplicates,
        conflicts=batch.conflicts,
        flags=dict(batch.flags),
    )
