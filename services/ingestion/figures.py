"""Ingestion's own figures, read from the database now and then: what a short-lived process found stays visible."""

import asyncio
import logging
from datetime import timedelta

from libs.domain.clock import Clock
from libs.storage import completeness, feeds, quarantine, sync_jobs, vendor_breakers
from libs.storage.engine import Connection, Engine, StorageUnavailable, in_transaction
from libs.telemetry.metrics import Metrics

log = logging.getLogger(__name__)
_LOOK_SECONDS = 15.0
_A_DAY = timedelta(days=1)
_FEED_SPEAKS = timedelta(seconds=30)


class Figures:
    """Shows quarantine, completeness, jobs and the vendors that are left alone."""

    def __init__(self, engine: Engine, clock: Clock, metrics: Metrics) -> None:
        self._engine = engine
        self._clock = clock
        self._quarantined = metrics.figure("quarantined_rows", "Refused rows waiting for a decision", "kind", "reason")
        self._complete = metrics.figure("completeness_ratio", "What is stored of the newest session reported", "kind")
        self._jobs = metrics.figure("sync_jobs", "Sync jobs that run, and those that ended within a day", "status")
        self._feed_up = metrics.figure("live_feed_up", "1: the live feed is connected and every share speaks", "source")
        self._feed_silent = metrics.figure("live_feed_silent_symbols", "Subscribed shares that fell silent", "source")
        self._feed_refused = metrics.figure("live_feed_refused_ticks", "Ticks not believed", "source", "reason")
        self._left_alone = metrics.figure("vendor_breaker_open", "1: a vendor's host or endpoint is left alone", "key")

    async def run(self) -> None:
        """Look for ever."""
        while True:
            try:
                await in_transaction(self._engine, self.look)
            except StorageUnavailable as e:
                log.warning("the figures wait for the database", extra={"reason": str(e)})
            await asyncio.sleep(_LOOK_SECONDS)

    def look(self, connection: Connection) -> None:
        """Read everything once."""
        held = quarantine.counts(connection)
        self._quarantined({(kind, reason): rows for kind, reason, rows in held})
        self._complete({(line.kind.value,): line.ratio for line in completeness.newest(connection)})
        now = self._clock.utc_now()
        self._jobs({(status,): count for status, count in sync_jobs.counts(connection, now - _A_DAY)})
        self._look_at_feeds(connection)
        standing = vendor_breakers.standing(connection, now)
        self._left_alone({(item.key,): 1.0 for item in standing})

    def _look_at_feeds(self, connection: Connection) -> None:
        """A feed whose process has not spoken for a while is down, whatever it said last."""
        states = feeds.states(connection)
        alive = self._clock.utc_now() - _FEED_SPEAKS
        self._feed_up({(s.source,): float(s.condition == "connected" and s.renewed_at > alive) for s in states})
        self._feed_silent({(state.source,): float(len(state.silent)) for state in states})
        self._feed_refused({(s.source, reason): float(count) for s in states for reason, count in s.refused.items()})
