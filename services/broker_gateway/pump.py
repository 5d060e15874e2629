"""Brings reports home: asks the venue, keeps what it says raw, and hints execution, all in one transaction.

Reports, cursor and hint are committed together, so a crash repeats the question and never loses or doubles a report.
"""

import asyncio
import logging

from libs.runtime.threads import SerialWorker
from libs.storage import broker_reports
from libs.storage.engine import Engine, StorageUnavailable, transaction
from services.broker_gateway.venues.port import VenueGateway, VenueUnavailable

log = logging.getLogger(__name__)
_BACK_OFF_SECONDS = 0.25


class ReportPump:
    """Reads one venue's report stream in a thread of its own."""

    def __init__(self, engine: Engine, venue: VenueGateway, wait_seconds: float) -> None:
        self._engine = engine
        self._venue = venue
        self._wait_seconds = wait_seconds
        self._cursor: int | None = None
        self._worker = SerialWorker("reports")

    async def run(self) -> None:
        """Pump until cancelled; a venue or database that is away is asked again."""
        failures = 0
        while True:
            try:
                await self._worker.run(self.once)
                failures = 0
            except (VenueUnavailable, StorageUnavailable) as e:
                failures += 1
                if failures == 1:
                    log.warning("reports wait", extra={"venue": self._venue.name, "code": e.code})
                self._cursor = None
                await asyncio.sleep(_BACK_OFF_SECONDS)

    def once(self) -> int:
        """Store what is new; how many reports that were."""
        if self._cursor is None:
            with transaction(self._engine) as tx:
                self._cursor = broker_reports.cursor(tx, self._venue.name)
        reports = self._venue.reports(self._cursor, self._wait_seconds)
        if not reports:
            return 0
        with transaction(self._engine) as tx:
            broker_reports.store(tx, self._venue.name, reports)
        self._cursor = reports[-1].venue_seq
        return len(reports)

    def close(self) -> None:
        """Wait for the question in hand, then end the thread."""
        self._worker.close()
