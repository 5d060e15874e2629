"""The conversation with ingestion: ask for market data, get a job; its row tells how it goes and what it found."""

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from libs.contracts.analysis import SymbolText
from libs.contracts.base import Command, Event, Method

SourceName = Literal["tushare", "akshare", "file", "sim"]


class SyncRequest(Command):
    """What to fetch. Files and the simulated exchange give all they have; vendors take symbols or a default list."""

    source: SourceName
    path: str | None = None
    """A file or folder, for source `file` alone."""
    from_date: date | None = None
    to_date: date | None = None
    symbols: Annotated[tuple[SymbolText, ...], Field(max_length=5000)] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.path is not None) != (self.source == "file"):
            raise ValueError("path: belongs to source file, and source file needs it")
        if self.path is not None and not self.path.startswith("/"):
            raise ValueError("path: must be absolute, since ingestion runs elsewhere")
        if self.from_date and self.to_date and self.to_date < self.from_date:
            raise ValueError("to_date: lies before from_date")
        return self


class SyncAccepted(Command):
    """The job that was opened; follow its row in `market.sync_jobs`."""

    job_id: UUID


class ImportReport(Event):
    """What became of one file, or of one endpoint of a vendor."""

    path: str
    kind: str
    sha256: str | None = None
    rows_read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: dict[str, int] = Field(default_factory=dict)
    """Rows refused, by reason; nothing of them is stored."""
    duplicates: int = 0
    conflicts: int = 0
    """Rows whose key another file gave before with other values; the first file by name wins."""
    already_imported: bool = False
    """The same bytes were imported before and not read again; the counts are those of that time."""


class SkippedFile(Event):
    """A file that was left out, and why."""

    path: str
    reason: str


class SyncReport(Event):
    """The result of a job, as stored in `market.sync_jobs.report`."""

    source: str
    synthetic: bool
    imports: tuple[ImportReport, ...] = ()
    skipped: tuple[SkippedFile, ...] = ()
    seconds: float = 0.0


SYNC = Method("market.sync", SyncRequest, SyncAccepted)
