"""The conversation with ingestion: ask for market data, get a job; its row tells how it goes and what it found."""

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from libs.contracts.analysis import SymbolText
from libs.contracts.base import Command, Event, Method, Text
from libs.marketdata.choose import VENDORS, SourceName, VendorName
from libs.marketdata.source import Kind

DESK_KINDS = (
    Kind.CALENDAR,
    Kind.INSTRUMENTS,
    Kind.INSTRUMENT_HISTORY,
    Kind.BARS,
    Kind.INDEX_BARS,
    Kind.VALUATIONS,
    Kind.CORPORATE_ACTIONS,
    Kind.MARGIN,
    Kind.SUSPENSIONS,
    Kind.DOCUMENTS,
)
"""What vendors are asked for when nobody said: what a desk needs to come to decisions and to keep its books."""

DEFAULT_SYMBOLS = (
    "000001.SZ", "000333.SZ", "000651.SZ", "000725.SZ", "000858.SZ", "002415.SZ", "002475.SZ", "002594.SZ",
    "300059.SZ", "300750.SZ", "600000.SH", "600028.SH", "600030.SH", "600036.SH", "600276.SH", "600519.SH",
    "600690.SH", "600887.SH", "600900.SH", "601012.SH", "601088.SH", "601166.SH", "601318.SH", "601398.SH",
    "601857.SH", "688981.SH",
)  # fmt: skip
"""What vendors are asked about when nobody said: large names over many industries and three boards, enough of them to
speak of the breadth of the market even when some do not trade."""


class SyncRequest(Command):
    """What to fetch. Files and the simulated exchange give all they have; vendors take symbols or a default list."""

    source: SourceName
    path: str | None = None
    """A file or folder, for source `file` alone."""
    sources: Annotated[tuple[VendorName, ...], Field(max_length=len(VENDORS))] = ()
    """The vendors in the order they are asked, for source `vendors` alone; empty: the default order."""
    kinds: Annotated[tuple[Kind, ...], Field(max_length=len(Kind))] = ()
    """Only these kinds; empty: `DESK_KINDS` of vendors, everything of files and the simulated exchange."""
    from_date: date | None = None
    to_date: date | None = None
    symbols: Annotated[tuple[SymbolText, ...], Field(max_length=10_000)] = ()
    exact: bool = False
    """Fetch these sessions and nothing else; without it the year before comes with them, which analysts need."""
    refresh: bool = False
    """Ask vendors again even where their answer is kept."""
    dry_run: bool = False
    """Only say what would be done: parts, calls and their time. Nothing is stored."""
    canaries: bool = False
    """Only ask each endpoint of the vendors one thing with a known answer; nothing of the market is stored."""

    @property
    def vendors(self) -> tuple[VendorName, ...]:
        """The chain that is asked for by name; empty for the default chain, files and the simulated exchange."""
        return self.sources or tuple(vendor for vendor in VENDORS if vendor == self.source)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.path is not None) != (self.source == "file"):
            raise ValueError("path: belongs to source file, and source file needs it")
        if self.path is not None and not self.path.startswith("/"):
            raise ValueError("path: must be absolute, since ingestion runs elsewhere")
        if self.from_date and self.to_date and self.to_date < self.from_date:
            raise ValueError("to_date: lies before from_date")
        if self.sources and self.source != "vendors":
            raise ValueError("sources: belong to source vendors")
        if self.canaries and (self.source in {"file", "sim"} or self.kinds or self.symbols or self.dry_run):
            raise ValueError("canaries: are asked of vendors, about what they always ask")
        if self.exact and not (self.from_date and self.to_date):
            raise ValueError("exact: needs from_date and to_date")
        for name in ("sources", "kinds", "symbols"):
            if len(set(getattr(self, name))) < len(getattr(self, name)):
                raise ValueError(f"{name}: something stands there twice")
        return self


class SyncAccepted(Command):
    """The job that was opened; follow its row in `market.sync_jobs`."""

    job_id: UUID


class CancelSync(Command):
    """End a job; what it has stored stays."""

    job_id: UUID


class ResumeSync(Command):
    """Let a job that failed or was cancelled go on behind the last part it stored."""

    job_id: UUID


class SyncCancelled(Command):
    """Whether the job was still running, and has been ended by this."""

    cancelled: bool


class ImportReport(Event):
    """What became of one file, or of one endpoint of a vendor."""

    path: str
    kind: str
    source: str | None = None
    """Which vendor of a chain gave it."""
    sha256: str | None = None
    rows_read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: dict[str, int] = Field(default_factory=dict)
    """Rows refused, by reason; they are in quarantine, nothing of them is stored."""
    duplicates: int = 0
    conflicts: int = 0
    """Rows whose key another file gave before with other values; the first file by name wins."""
    flags: dict[str, int] = Field(default_factory=dict)
    """Rows that were stored although something about them is odd, by what it is."""
    already_imported: bool = False
    """The same bytes were imported before and not read again; the counts are those of that time."""


class SkippedFile(Event):
    """A file that was left out, and why."""

    path: str
    reason: str


class FailedPart(Event):
    """A part that no source could give; the other parts of the job are stored."""

    part: str
    code: str
    reason: str


class PlannedCalls(Event):
    """How often one host would be asked for one kind, as far as nothing goes wrong."""

    kind: str
    vendor: str
    host: str
    parts: int
    calls: int
    seconds: float
    """The least the calls take under the vendor's limit; buckets of different hosts run out side by side."""


class SyncPlan(Event):
    """What a request would do."""

    parts: int
    already_stored: int
    """Parts whose content is known to be stored."""
    first: date | None = None
    last: date | None = None
    symbols: int = 0
    calls: tuple[PlannedCalls, ...] = ()
    seconds: float = 0.0
    """The time of the slowest bucket."""


class CanaryReport(Event):
    """How one endpoint of a vendor answered what has a known answer."""

    vendor: str
    kind: str
    endpoint: str
    outcome: Literal["ok", "failed", "unreachable"]
    """`failed`: it answered, but not in the shape, units or range it is known for."""
    code: str = ""
    detail: str = ""
    seconds: float
    checked_at: AwareDatetime


class VendorsCompared(Event):
    """Two vendors side by side over a sample; their differences by row are in `market.source_checks`."""

    kind: str
    left: str
    right: str
    agree: bool
    rows: int
    differences: int


class SyncReport(Event):
    """The result of a job, as stored in `market.sync_jobs.report`."""

    source: str
    synthetic: bool
    imports: tuple[ImportReport, ...] = ()
    skipped: tuple[SkippedFile, ...] = ()
    failed: tuple[FailedPart, ...] = ()
    plan: SyncPlan | None = None
    """The answer to a dry run."""
    canaries: tuple[CanaryReport, ...] = ()
    compared: VendorsCompared | None = None
    """None where one vendor alone could be asked."""
    seconds: float = 0.0


Decision = Literal["release", "dismiss"]
Words = Annotated[Text, Field(min_length=3, max_length=500)]


class DecideQuarantine(Command):
    """Say what becomes of rows in quarantine: `release` stores them as they are, `dismiss` closes the matter."""

    decision: Decision
    ids: Annotated[tuple[int, ...], Field(min_length=1, max_length=1000)]
    who: Annotated[Text, Field(min_length=1, max_length=100)]
    why: Words
    """Kept with the rows."""


class QuarantineDecided(Command):
    """What was done; nothing was, if any of the rows could not be decided on."""

    decided: int


SYNC = Method("market.sync", SyncRequest, SyncAccepted)
RESUME_SYNC = Method("market.resume_sync", ResumeSync, SyncAccepted)
CANCEL_SYNC = Method("market.cancel_sync", CancelSync, SyncCancelled)
DECIDE_QUARANTINE = Method("market.quarantine", DecideQuarantine, QuarantineDecided)
