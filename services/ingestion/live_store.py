"""Closed minutes and trades on their way into the database: gathered for a few seconds, kept while it is away.

A bar is stored by upsert, so writing it again after an unclear failure changes nothing. What waits is bounded: beyond
that the oldest trades are given up and counted, since a vendor can repair a minute but nobody our memory.
"""

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from libs.domain.clock import SHANGHAI
from libs.marketdata.feed import Trade
from libs.marketdata.frames import SCHEMAS
from libs.marketdata.minute_builder import MinuteBar
from libs.marketdata.source import Kind
from libs.storage import market_writes
from libs.storage.engine import Engine, StorageUnavailable, transaction
from libs.storage.market_writes import Provenance

log = logging.getLogger(__name__)

MOST_WAITING = 100_000


@dataclass(slots=True)
class LiveStore:
    """What waits to be stored of one feed; `flush` is blocking and belongs into a thread."""

    engine: Engine
    source: str
    dropped: int = 0
    _bars: deque[MinuteBar] = field(default_factory=deque)
    _trades: deque[Trade] = field(default_factory=deque)

    @property
    def waiting(self) -> int:
        """Rows not stored yet."""
        return len(self._bars) + len(self._trades)

    def add(self, bars: Sequence[MinuteBar], trades: Sequence[Trade]) -> None:
        """Keep rows for the next flush."""
        self._bars.extend(bars)
        self._trades.extend(trades)
        while self.waiting > MOST_WAITING:
            (self._trades or self._bars).popleft()
            self.dropped += 1

    def flush(self, now: datetime) -> int:
        """Store what waits, all of it or nothing; how many rows that were. 0 while the database is away."""
        bars, trades = list(self._bars), list(self._trades)
        if not bars and not trades:
            return 0
        stamp = Provenance(self.source, synthetic=False, fetched_at=now)
        try:
            with transaction(self.engine) as connection:
                if bars:
                    market_writes.upsert(connection, Kind.MINUTE_BARS, _bar_frame(bars), stamp)
                if trades:
                    market_writes.upsert(connection, Kind.TICKS, _trade_frame(trades), stamp)
        except StorageUnavailable as e:
            log.warning("live rows wait for the database", extra={"rows": self.waiting, "reason": str(e)})
            return 0
        for _ in bars:
            self._bars.popleft()
        for _ in trades:
            self._trades.popleft()
        return len(bars) + len(trades)


def _bar_frame(bars: Sequence[MinuteBar]) -> pl.DataFrame:
    rows = [
        (
            bar.symbol,
            1,
            bar.ends_at.astimezone(SHANGHAI),
            *(float(price) for price in (bar.open, bar.high, bar.low, bar.close)),
            bar.volume,
            float(bar.amount),
            bar.ends_at.astimezone(SHANGHAI),
        )
        for bar in bars
    ]
    return pl.DataFrame(rows, schema=SCHEMAS[Kind.MINUTE_BARS], orient="row")


def _trade_frame(trades: Sequence[Trade]) -> pl.DataFrame:
    rows = [
        (
            trade.symbol,
            trade.at.astimezone(SHANGHAI),
            trade.sequence,
            float(trade.price),
            trade.volume,
            trade.side.value,
            trade.at.astimezone(SHANGHAI),
        )
        for trade in trades
    ]
    return pl.DataFrame(rows, schema=SCHEMAS[Kind.TICKS], orient="row")
