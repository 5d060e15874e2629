"""Closed minutes and trades on their way into the database: gathered for a few seconds, kept while it is away.

A bar is stored by upsert, so writing it again after an unclear failure changes nothing. What waits is bounded: beyond
that the oldest trades are given up and counted, since a vendor can repair a minute but nobody our memory.
"""

import logging
import threading
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
from libs.storage.market_writes import Provenance, Unstorable

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
    _in_hand: int = 0
    _guard: threading.Lock = field(default_factory=threading.Lock)
    """Over what waits; never held for longer than a copy takes."""
    _turn: threading.Lock = field(default_factory=threading.Lock)
    """One flush at a time: that of a cancelled task goes on in its thread."""

    @property
    def waiting(self) -> int:
        """Rows not stored yet."""
        with self._guard:
            return len(self._bars) + len(self._trades) + self._in_hand

    def add(self, bars: Sequence[MinuteBar], trades: Sequence[Trade]) -> None:
        """Keep rows for the next flush."""
        with self._guard:
            self._bars.extend(bars)
            self._trades.extend(trades)
            self._drop_the_oldest()

    def flush(self, now: datetime) -> int:
        """Store what waits, all of it or nothing; how many rows that were. 0 while the database is away."""
        with self._turn:
            bars, trades = self._take()
            if not bars and not trades:
                return 0
            try:
                self._write(bars, trades, now)
            except StorageUnavailable as e:
                self._give_back(bars, trades)
                log.warning("live rows wait for the database", extra={"rows": self.waiting, "reason": str(e)})
                return 0
            except Unstorable as e:
                # Trying again cannot help, and what comes after them must not wait for ever.
                self.dropped += len(bars) + len(trades)
                log.error("live rows given up", extra={"rows": len(bars) + len(trades), "reason": str(e)})  # noqa: TRY400 - known
                bars, trades = [], []
            with self._guard:
                self._in_hand = 0
            return len(bars) + len(trades)

    def _write(self, bars: Sequence[MinuteBar], trades: Sequence[Trade], now: datetime) -> None:
        stamp = Provenance(self.source, synthetic=False, fetched_at=now)
        with transaction(self.engine) as connection:
            if bars:
                market_writes.upsert(connection, Kind.MINUTE_BARS, _bar_frame(bars), stamp)
            if trades:
                market_writes.upsert(connection, Kind.TICKS, _trade_frame(trades), stamp)

    def _take(self) -> tuple[list[MinuteBar], list[Trade]]:
        with self._guard:
            bars, trades = list(self._bars), list(self._trades)
            self._bars.clear()
            self._trades.clear()
            self._in_hand = len(bars) + len(trades)
            return bars, trades

    def _give_back(self, bars: Sequence[MinuteBar], trades: Sequence[Trade]) -> None:
        with self._guard:
            self._in_hand = 0
            self._bars.extendleft(reversed(bars))
            self._trades.extendleft(reversed(trades))
            self._drop_the_oldest()

    def _drop_the_oldest(self) -> None:
        while len(self._bars) + len(self._trades) > MOST_WAITING:
            (self._trades or self._bars).popleft()
            self.dropped += 1


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
