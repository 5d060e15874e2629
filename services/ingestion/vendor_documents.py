"""The texts that Tushare sells, for an account that has the permissions: read day by day, cleaned, stored once each.

They are other people's prose like everything the newswire reads, so they pass the same cleaning, and the same memory
recognises what was read elsewhere before. Read after the newswire: what a publisher's own page says is kept.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import polars as pl

from libs.contracts.market import FailedPart, ImportReport
from libs.domain.clock import SHANGHAI, Clock, exchange_date
from libs.domain.errors import HiddenGemError
from libs.domain.market import Symbol
from libs.marketdata.provider import Ask, Provider
from libs.marketdata.source import Batch, Kind, Progress, SourceError, Window, silent
from libs.newswire.cleaning import clean, clean_title
from libs.newswire.documents import Document
from libs.newswire.duplicates import Deduper, Known
from libs.storage import market_writes, newswire_cache, quarantine, sync_jobs
from libs.storage.engine import Connection, Engine, transaction
from services.ingestion.documents import frame_of
from services.ingestion.importing import refused_rows

log = logging.getLogger(__name__)

_COMPARED = timedelta(days=8)
_WITHOUT_ADDRESS = "stored:"


@dataclass(frozen=True, slots=True)
class Read:
    """What was stored of a vendor's texts, and what it could not give."""

    imports: tuple[ImportReport, ...] = ()
    failed: tuple[FailedPart, ...] = ()


@dataclass(frozen=True, slots=True)
class VendorTexts:
    """Reads one vendor's texts for one job."""

    engine: Engine
    provider: Provider
    clock: Clock
    job_id: UUID
    progress: Progress = silent

    def read(self, window: Window, symbols: Sequence[Symbol]) -> Read:
        """Everything of these days up to now, each day in one transaction; the first day that fails ends it."""
        imports: list[ImportReport] = []
        days = list(_days(window, exchange_date(self.clock.utc_now())))
        for at, day in enumerate(days):
            name = f"{Kind.DOCUMENTS}/{self.provider.name}/{day}"
            self.progress(at / len(days), name)
            began = self.clock.utc_now()
            try:
                batch = self.provider.fetch(Ask(Kind.DOCUMENTS, Window(day, day), tuple(symbols)))
            except SourceError as e:
                log.warning("texts could not be read", extra={"part": name, "code": e.code, "reason": str(e)})
                return Read(tuple(imports), (FailedPart(part=name, code=e.code, reason=str(e)),))
            with transaction(self.engine) as connection:
                imports.append(self._store(connection, name, batch, began))
        return Read(tuple(imports))

    def _store(self, connection: Connection, name: str, batch: Batch, began: datetime) -> ImportReport:
        now = self.clock.utc_now()
        documents = _documents(batch.frame, self.provider.name)
        deduper = Deduper(_known(connection, documents))
        new = [document for document in documents if deduper.check(document) is None]
        provenance = market_writes.Provenance(self.provider.name, synthetic=False, fetched_at=now)
        written = market_writes.upsert(connection, Kind.DOCUMENTS, _frame(new), provenance)
        report = ImportReport(
            path=batch.origin,
            kind=Kind.DOCUMENTS.value,
            source=self.provider.name,
            rows_read=batch.rows_read,
            inserted=written.inserted,
            updated=written.updated,
            unchanged=written.unchanged,
            rejected=dict(batch.rejected),
            duplicates=batch.duplicates + len(documents) - len(new),
            conflicts=batch.conflicts,
        )
        came = quarantine.Refusal(self.provider.name, False, batch.origin, self.job_id, now)
        quarantine.keep(connection, refused_rows(batch), came)
        sync_jobs.record_import(connection, self._row(name, report, began, now))
        return report

    def _row(self, name: str, report: ImportReport, began: datetime, finished: datetime) -> sync_jobs.Import:
        return sync_jobs.Import(
            import_id=uuid4(),
            job_id=self.job_id,
            source=self.provider.name,
            path=report.path,
            kind=report.kind,
            sha256=None,
            rows_read=report.rows_read,
            rows_written=report.inserted + report.updated,
            rows_skipped=report.unchanged,
            rejected=sum(report.rejected.values()),
            conflicts=report.conflicts,
            detail={"part": name, "fingerprint": None, "report": report.model_dump()},
            started_at=began,
            finished_at=finished,
        )


def _days(window: Window, last: date) -> Iterator[date]:
    day = window.start
    while day <= min(window.end, last):
        yield day
        day += timedelta(days=1)


def _documents(frame: pl.DataFrame, vendor: str) -> list[Document]:
    """The rows as texts that are fit to be read by a model, in the order of publication."""
    return sorted((_document(row, vendor) for row in frame.iter_rows(named=True)), key=lambda d: d.published_at)


def _document(row: dict[str, object], vendor: str) -> Document:
    title, body = clean_title(str(row["title"])), clean(str(row["body"]))
    found = Document(
        kind=str(row["kind"]),
        outlet_id=f"{vendor}:{row['outlet']}",
        outlet=str(row["outlet"]),
        title=title.text,
        # An announcement comes as its headline alone, as in the newswire's own lists.
        body="" if row["kind"] == "announcement" and body.text == title.text else body.text,
        url=str(row["url"] or ""),
        published_at=_instant(row["published_at"]),
        issuer=_text(row["issuer"]),
        document_number=_text(row["document_number"]),
        symbols=tuple(Symbol(str(symbol)) for symbol in _listed(row["symbols"])),
        section=_text(row["section"]),
    )
    # Without an address of its own a text is named by itself, or all of them would be one.
    return found if found.url else replace(found, url=f"{_WITHOUT_ADDRESS}{found.document_id}")


def _instant(value: object) -> datetime:
    if not isinstance(value, datetime):
        raise HiddenGemError("a text without a time of publication")
    return value.astimezone(SHANGHAI)


def _text(value: object) -> str | None:
    return clean_title(str(value)).text or None if value is not None else None


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _known(connection: Connection, documents: Sequence[Document]) -> list[Known]:
    if not documents:
        return []
    since = documents[0].published_at - _COMPARED
    return [*newswire_cache.known(connection, since), *newswire_cache.from_elsewhere(connection, since)]


def _frame(documents: Sequence[Document]) -> pl.DataFrame:
    made_up = pl.col("url").str.starts_with(_WITHOUT_ADDRESS)
    return frame_of(documents).with_columns(pl.when(~made_up).then(pl.col("url")).alias("url"))
