"""The documents of a sync job: read by the newswire once the tables of the vendors are stored, reported with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from libs.contracts.market import SkippedFile, SyncReport, SyncRequest
from libs.domain.clock import Clock, at_shanghai, exchange_date
from libs.domain.market import Symbol, parse_symbol
from libs.marketdata.source import Progress, Window
from libs.newswire.outlets import MOST_DAYS
from libs.storage.engine import Engine
from services.ingestion.documents import LOOK_BACK, SOURCE, Wanted, collect_documents
from services.ingestion.settings import IngestionSettings
from services.ingestion.vendor_documents import Read, VendorTexts
from services.ingestion.vendors import sold_texts

_LEAST_MARGIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Texts:
    """What fetching documents for a job needs."""

    engine: Engine
    settings: IngestionSettings
    clock: Clock
    progress: Progress

    def added_to(self, report: SyncReport, request: SyncRequest, job_id: UUID) -> SyncReport:
        """The report with the outlets that were read and those that failed; an outlet that fails costs itself only."""
        symbols = tuple(parse_symbol(symbol) for symbol in request.symbols)
        since, out_of_reach = reached(request.from_date, self.clock.utc_now())
        wanted = Wanted(since=since, symbols=symbols, job_id=job_id)
        read = collect_documents(self.engine, self.settings, self.clock, wanted, progress=self.progress)
        sold = self._sold(request, symbols, job_id)
        return report.model_copy(
            update={
                "imports": (*report.imports, *read.imports, *sold.imports),
                "failed": (*report.failed, *read.failed, *sold.failed),
                "skipped": (*report.skipped, *out_of_reach),
            }
        )

    def _sold(self, request: SyncRequest, symbols: Sequence[Symbol], job_id: UUID) -> Read:
        """What a vendor sells besides, where the account has the permissions."""
        today = exchange_date(self.clock.utc_now())
        first = request.from_date or today - LOOK_BACK
        last = max(first, request.to_date or today)
        with sold_texts(request, self.settings, self.clock, self.engine) as provider:
            if provider is None:
                return Read()
            vendor = VendorTexts(self.engine, provider, self.clock, job_id, self.progress)
            return vendor.read(Window(first, last), symbols)


def reached(from_date: date | None, now: datetime) -> tuple[datetime, tuple[SkippedFile, ...]]:
    """From when on outlets are read for who wants texts since a day, and what lies beyond the reach of their pages."""
    if from_date is None:
        return now - LOOK_BACK, ()
    asked, reach = at_shanghai(from_date, time(0)), now - timedelta(days=MOST_DAYS) + _LEAST_MARGIN
    if asked >= reach:
        return asked, ()
    reason = f"pages of outlets reach back {MOST_DAYS} days; older texts come from files"
    return reach, (SkippedFile(path=f"{SOURCE}: {from_date} to {exchange_date(reach)}", reason=reason),)
