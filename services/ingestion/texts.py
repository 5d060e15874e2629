"""The documents of a sync job: read by the newswire once the tables of the vendors are stored, reported with them."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from uuid import UUID

from libs.contracts.market import SyncReport, SyncRequest
from libs.domain.clock import Clock, at_shanghai
from libs.domain.market import parse_symbol
from libs.marketdata.source import Progress
from libs.newswire.outlets import MOST_DAYS
from libs.storage.engine import Engine
from services.ingestion.documents import LOOK_BACK, Wanted, collect_documents
from services.ingestion.settings import IngestionSettings

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
        wanted = Wanted(since=self._since(request), symbols=symbols, job_id=job_id)
        read = collect_documents(self.engine, self.settings, self.clock, wanted, progress=self.progress)
        return report.model_copy(
            update={"imports": (*report.imports, *read.imports), "failed": (*report.failed, *read.failed)}
        )

    def _since(self, request: SyncRequest) -> datetime:
        """From the first day that is wanted, as far back as pages of outlets reach."""
        now = self.clock.utc_now()
        if request.from_date is None:
            return now - LOOK_BACK
        reach = now - timedelta(days=MOST_DAYS) + _LEAST_MARGIN
        return max(at_shanghai(request.from_date, time(0)), reach)
