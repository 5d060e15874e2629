"""Shows how old the stored series are and how the canaries went, so that a feed that dries up is seen before a loss."""

import asyncio
import logging
from datetime import datetime

from libs.domain.clock import Clock
from libs.domain.errors import HiddenGemError
from libs.marketdata.findings import CanaryOutcome
from libs.marketdata.series import Status, series_named
from libs.storage import clock as desk_clock
from libs.storage.engine import Connection, Engine, in_transaction
from libs.storage.series_read import observe_freshness
from libs.storage.vendor_health import canaries
from libs.telemetry.metrics import Metrics

log = logging.getLogger(__name__)
_LOOK_SECONDS = 15.0
"""As often as figures are scraped: each look reads the ends of indices alone, and an import must show at once."""


class FeedFigures:
    """The figures of the feeds."""

    def __init__(self, engine: Engine, clock: Clock, metrics: Metrics) -> None:
        self._engine = engine
        self._clock = clock
        self._age = metrics.figure("series_age_sessions", "Sessions the newest value of a series is behind", "series")
        self._stale = metrics.figure("series_stale", "1: a living series is older than it may be", "series")
        self._canary = metrics.figure("vendor_canary_ok", "1: the endpoint answered as it must", "vendor", "endpoint")

    async def run(self) -> None:
        """Look for ever."""
        while True:
            try:
                await in_transaction(self._engine, self.look)
            except HiddenGemError as e:
                log.warning("the age of the series is not known", extra={"code": e.code, "reason": str(e)})
            await asyncio.sleep(_LOOK_SECONDS)

    def look(self, connection: Connection) -> None:
        """Read everything once. A series that has ended is never stale: it must not be read at all."""
        seen = observe_freshness(connection, self._now(connection))
        living = [f for f in seen if series_named(f.series).status is not Status.DISCONTINUED]
        self._age({(f.series,): float(f.age_sessions or 0) for f in living})
        self._stale({(f.series,): float(f.stale) for f in living})
        self._canary({(c.vendor, c.endpoint): float(c.outcome is CanaryOutcome.OK) for c in canaries(connection)})

    def _now(self, connection: Connection) -> datetime:
        """A desk that replays the past is not stale because the past is over."""
        desk = desk_clock.read(connection)
        return desk.now if desk.mode == "replay" and desk.session is not None else self._clock.utc_now()
