"""The running market as a feed gives it: quotes and trades of the shares asked for, until the connection is lost.

A feed only connects and translates: prices in CNY, volumes in shares, aware instants. Whether a tick can be believed is
judged in `tick_checks`, how a lost connection is made again in `feed_loop`.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from libs.domain.market import Symbol
from libs.marketdata.source import SourceError


class FeedLost(SourceError):
    """The feed has gone away; connecting again may help, `wait_seconds` later at the earliest."""

    code = "marketdata.feed_lost"

    def __init__(self, message: str, *, wait_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class FeedEnded(SourceError):
    """A recording is over; connecting again would play it once more."""

    code = "marketdata.feed_ended"
    retryable = False


class FeedRefused(SourceError):
    """The feed says no, or is not what was asked for; trying again cannot help."""

    code = "marketdata.feed_refused"
    retryable = False


class TradeSide(StrEnum):
    """Who began a trade; neutral in auctions and where nobody says."""

    BUY = "buy"
    SELL = "sell"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class Quote:
    """A share at a moment. `volume` (shares) and `amount` (CNY) run from the session's start; 0 before it trades."""

    symbol: Symbol
    at: datetime
    price: Decimal
    pre_close: Decimal
    volume: int
    amount: Decimal
    bid: Decimal | None = None
    ask: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade. `sequence` orders trades of the same second."""

    symbol: Symbol
    at: datetime
    sequence: int
    price: Decimal
    volume: int
    side: TradeSide


Tick = Quote | Trade


@dataclass(frozen=True, slots=True)
class Ticks:
    """What came together. `now` is the feed's own time: the machine's in a live feed, the recording's in a replay."""

    now: datetime
    ticks: tuple[Tick, ...]
    garbled: int = 0
    """Messages that could not be read at all."""
    quiet: tuple[Symbol, ...] = ()
    """Shares the feed speaks of that have not traded in this session: suspended, or not yet opened."""


class Feed(Protocol):
    """One place live data comes from."""

    @property
    def name(self) -> str:
        """Short and stable, as stored with every row."""
        ...

    @property
    def replayed(self) -> bool:
        """Whether a recording is played, whose time is not that of the market."""
        ...

    def connect(self, symbols: Sequence[Symbol]) -> AbstractAsyncContextManager[AsyncIterator[Ticks]]:
        """Subscribe and read.

        Raises `FeedLost` on connecting and while reading, `FeedRefused` where it is final, `FeedEnded` after the last
        tick of a recording.
        """
        ...
