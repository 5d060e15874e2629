"""What every source of market data offers, whoever is behind it: normalised batches with their provenance.

Units are normalised before a batch leaves its source: shares, CNY, fractions, exchange dates in Shanghai. A
source refuses what it cannot trust; it never repairs. Reading a part is all or nothing, so that nothing of a
source that failed half-way is ever stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from libs.domain.errors import HiddenGemError, InvalidInput

if TYPE_CHECKING:
    import polars as pl


class Kind(StrEnum):
    """A kind of row; each has its own table in schema `market`, of the same name."""

    CALENDAR = "calendar"
    INSTRUMENTS = "instruments"
    INSTRUMENT_HISTORY = "instrument_history"
    BARS = "bars"
    MINUTE_BARS = "minute_bars"
    TICKS = "ticks"
    INDEX_BARS = "index_bars"
    VALUATIONS = "valuations"
    STATEMENTS = "statements"
    CORPORATE_ACTIONS = "corporate_actions"
    MARGIN = "margin"
    NORTHBOUND = "northbound"
    SECTOR_FLOWS = "sector_flows"
    PLEDGES = "pledges"
    UNLOCKS = "unlocks"
    GOODWILL = "goodwill"
    SUSPENSIONS = "suspensions"
    LIMIT_PRICES = "limit_prices"
    DOCUMENTS = "documents"


class SourceError(HiddenGemError):
    """A source did not answer as it must; nothing of it was stored."""

    code = "marketdata.source_failed"
    retryable = True


class SourceTimeout(SourceError):
    """A source did not answer before the deadline."""

    code = "marketdata.source_timeout"


class SourceRefused(SourceError):
    """A source says no: wrong token, no permission, quota spent."""

    code = "marketdata.source_refused"
    retryable = False


class SourceLimited(SourceError):
    """A source asks for patience (429, "每分钟最多访问"); `retry_after_seconds` where it said how much."""

    code = "marketdata.source_limited"

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class SourceBanned(SourceError):
    """A host has shut this desk out for a while (403, a captcha page, connections dropped again and again)."""

    code = "marketdata.source_banned"


class EmptyAnswer(SourceError):
    """A source answered without a row where there must be some."""

    code = "marketdata.empty_answer"

    def __init__(self, origin: str) -> None:
        super().__init__(f"{origin}: an empty table where rows must exist")


class SchemaDrift(SourceError):
    """A source answered in another shape: a column renamed or gone, a unit changed. Trying again cannot help."""

    code = "marketdata.schema_drift"
    retryable = False


class BadFile(InvalidInput):
    """A file cannot be imported; the field is its name."""

    code = "marketdata.bad_file"


@dataclass(frozen=True, slots=True)
class Window:
    """The sessions asked for, both ends included."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise InvalidInput("TO", f"{self.end} is before FROM {self.start}")


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one kind out of one file or endpoint, in the columns of `libs.marketdata.frames.SCHEMAS`."""

    kind: Kind
    frame: pl.DataFrame
    origin: str
    """A file's name or a vendor's endpoint."""
    rows_read: int
    sha256: str | None = None
    rejected: Mapping[str, int] = field(default_factory=dict)
    """Rows refused, by reason."""
    duplicates: int = 0
    """Rows whose key was already read, with the same values."""
    conflicts: int = 0
    """Rows whose key was already read, with other values; the first one read is kept."""
    flags: Mapping[str, int] = field(default_factory=dict)
    """Rows that are kept although something about them is odd, by what it is."""
    refused: pl.DataFrame | None = None
    """The rows counted in `rejected` themselves, in the columns of `validation.REFUSED`: the first 10,000 of them."""
    source: str | None = None
    """Which vendor of a chain gave it; None: the source it was read from."""


@dataclass(frozen=True, slots=True)
class LastBar:
    """The newest bar known of a share before those of a batch."""

    session: date
    close: float
    suspended: bool


@dataclass(frozen=True, slots=True)
class Tail:
    """The last stored bar of a share of which nothing later is stored: what its next factor follows from."""

    close: float
    factor: float


@dataclass(frozen=True, slots=True)
class Part:
    """What is read and stored as a whole. Equal fingerprints mean equal rows; None means: read it again."""

    name: str
    fingerprint: str | None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was left out, and why."""

    path: str
    reason: str


class Source(Protocol):
    """One place market data comes from."""

    @property
    def name(self) -> str:
        """Short and stable, as stored with every row: tushare, akshare, file, sim."""
        ...

    @property
    def synthetic(self) -> bool:
        """True only for the simulated exchange."""
        ...

    @property
    def kinds(self) -> frozenset[Kind]:
        """What this source can offer at all."""
        ...

    def parts(self) -> Sequence[Part]:
        """What can be read, in the order it must be read; cheap."""
        ...

    def read(self, part: Part) -> Sequence[Batch]:
        """Everything of one part, or an error."""
        ...

    def skipped(self) -> Sequence[Skipped]:
        """What was found and left out."""
        ...


Progress = Callable[[float, str], None]
"""Told how far a source has come (0 … 1) and what it is doing."""


def silent(_share: float, _message: str) -> None:
    """A `Progress` that nobody watches."""
