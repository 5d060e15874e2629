"""Keep a live desk's data fresh: open a job whenever the schedule says so, once for each instant, whoever else runs.

A desk that replays the past is left alone, unless it is told otherwise. What is due and the job that does it are one
transaction: an instant that was claimed is never lost, and never done by two instances.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid4

from libs.ashare.calendar import CALENDAR, Calendar
from libs.ashare.errors import UnknownRule
from libs.contracts.market import DEFAULT_SYMBOLS, SyncRequest
from libs.domain.clock import Clock
from libs.marketdata.choose import SourceChoice
from libs.marketdata.source import Window
from libs.storage import clock as desk_clock
from libs.storage import schedule_runs, sync_jobs
from libs.storage.engine import Connection, Engine, StorageUnavailable, in_transaction
from services.ingestion.schedule import FIRST_LOOK_BACK, LOOK_BACK, SCHEDULE, Due, Entry, due, spanned

log = logging.getLogger(__name__)

When = Literal["off", "live", "always"]
_LOOK_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Orders:
    """How the schedule runs on this desk."""

    when: When
    source: SourceChoice
    holder: str
    entries: Sequence[Entry] = SCHEDULE
    calendar: Calendar = CALENDAR


class Scheduler:
    """Looks every few seconds what is due; `opened` is told when there is a new job."""

    def __init__(self, engine: Engine, clock: Clock, orders: Orders, opened: Callable[[], None]) -> None:
        self._engine = engine
        self._clock = clock
        self._orders = orders
        self._opened = opened
        self._unknown_days: set[str] = set()

    async def run(self) -> None:
        """Look for ever."""
        if self._orders.when == "off":
            return
        while True:
            try:
                await self.look()
            except StorageUnavailable as e:
                log.warning("the schedule waits for the database", extra={"reason": str(e)})
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> list[UUID]:
        """Open a job for each entry that is due now: their ids."""
        opened = []
        for entry in self._orders.entries:
            job_id = await in_transaction(self._engine, self._look, entry, self._clock.utc_now())
            if job_id is not None:
                opened.append(job_id)
        if opened:
            self._opened()
        return opened

    def _look(self, connection: Connection, entry: Entry, now: datetime) -> UUID | None:
        if self._orders.when == "live" and desk_clock.read(connection).mode != "live":
            return None
        missed = self._missed(connection, entry, now)
        instants = [item.at for item in missed]
        ours = schedule_runs.claim(connection, entry.name, instants, who=self._orders.holder, now=now)
        if not ours:
            return None
        job_id = uuid4()
        asked = self._request(connection, entry, spanned([item for item in missed if item.at in ours]))
        sync_jobs.open_job(connection, job_id, asked.model_dump(mode="json"), now, origin="schedule")
        schedule_runs.give_to(connection, entry.name, ours, job_id)
        log.info("scheduled sync job opened", extra={"entry": entry.name, "job": str(job_id), "instants": len(ours)})
        return job_id

    def _missed(self, connection: Connection, entry: Entry, now: datetime) -> list[Due]:
        newest = schedule_runs.newest(connection, entry.name)
        after = max(newest, now - LOOK_BACK) if newest else now - FIRST_LOOK_BACK
        try:
            return due(entry, after, now, self._orders.calendar)
        except UnknownRule as e:
            if entry.name not in self._unknown_days:
                self._unknown_days.add(entry.name)
                log.error("the schedule needs a newer calendar", extra={"entry": entry.name, "reason": str(e)})  # noqa: TRY400 - known
            return []

    def _request(self, connection: Connection, entry: Entry, window: Window) -> SyncRequest:
        choice = self._orders.source
        chain = choice.chain if choice.name == "vendors" else ()
        if entry.canaries:
            return SyncRequest(source=choice.name, sources=chain, canaries=True)
        return SyncRequest(
            source=choice.name,
            sources=chain,
            kinds=entry.kinds,
            from_date=window.start,
            to_date=window.end,
            symbols=tuple(sync_jobs.symbols_with_bars(connection) or DEFAULT_SYMBOLS),
            exact=True,
        )
