"""Throw old intraday rows away, as far as the operator says: whole partitions or chunks, and on a live desk alone.

A desk that replays the past has nothing but old rows, and keeps them.
"""

import asyncio
import logging
from collections.abc import Mapping

from libs.domain.clock import Clock, exchange_date
from libs.marketdata.source import Kind
from libs.storage import clock as desk_clock
from libs.storage.engine import Connection, Engine, StorageUnavailable, in_transaction
from libs.storage.market_retention import drop_older
from services.ingestion.retention_settings import RetentionSettings

log = logging.getLogger(__name__)

_LOOK_SECONDS = 6 * 3600.0


def kept_days(settings: RetentionSettings) -> dict[Kind, int]:
    """The kinds of which the operator wants old rows gone, and after how many days."""
    said = {Kind.MINUTE_BARS: settings.keep_minute_bars_days, Kind.TICKS: settings.keep_ticks_days}
    return {kind: days for kind, days in said.items() if days is not None}


class Retention:
    """Looks four times a day whether something is old enough to go."""

    def __init__(self, engine: Engine, clock: Clock, keep_days: Mapping[Kind, int]) -> None:
        self._engine = engine
        self._clock = clock
        self._keep_days = keep_days

    async def run(self) -> None:
        """Look for ever; ends at once where everything is kept."""
        while self._keep_days:
            try:
                await self.look()
            except StorageUnavailable as e:
                log.warning("old intraday rows wait for the database", extra={"reason": str(e)})
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> dict[Kind, int]:
        """Drop what is old: how many partitions of each kind."""
        dropped = {
            kind: await in_transaction(self._engine, self._drop, kind, days) for kind, days in self._keep_days.items()
        }
        for kind, count in dropped.items():
            if count:
                log.info("old intraday rows are gone", extra={"kind": kind.value, "partitions": count})
        return dropped

    def _drop(self, connection: Connection, kind: Kind, days: int) -> int:
        if desk_clock.read(connection).mode != "live":
            return 0
        return drop_older(connection, kind, today=exchange_date(self._clock.utc_now()), keep_days=days)
