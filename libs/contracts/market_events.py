"""What ingestion publishes of the running market: quotes, trades, closed minute bars, and how the feed itself is.

Events are facts about a moment. Whoever misses some reads the truth from the database; nothing is delivered twice on
purpose and nothing is kept for long.
"""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from libs.contracts.analysis import SymbolText
from libs.contracts.base import Event, Text, Topic

Price = Annotated[Decimal, Field(gt=0)]


class QuoteSeen(Event):
    """A share's last price and best quotes at a moment; `volume` and `amount` run from the session's start."""

    symbol: SymbolText
    at: AwareDatetime
    price: Price
    pre_close: Price
    volume: Annotated[int, Field(ge=0)]
    amount: Annotated[Decimal, Field(ge=0)]
    bid: Price | None = None
    ask: Price | None = None
    source: Text
    replayed: bool = False
    """True where a recording is played; never to be traded on in a live market."""


class TradeSeen(Event):
    """One trade. `sequence` orders trades of the same second."""

    symbol: SymbolText
    at: AwareDatetime
    sequence: Annotated[int, Field(ge=0)]
    price: Price
    volume: Annotated[int, Field(gt=0)]
    side: Literal["buy", "sell", "neutral"]
    source: Text
    replayed: bool = False


class BarClosed(Event):
    """A minute bar that is complete; `ends_at` is its end."""

    symbol: SymbolText
    interval_minutes: Annotated[int, Field(gt=0)]
    ends_at: AwareDatetime
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Annotated[int, Field(ge=0)]
    amount: Annotated[Decimal, Field(ge=0)] | None
    source: Text
    replayed: bool = False


class FeedCondition(StrEnum):
    """How a feed is."""

    CONNECTED = "connected"
    LOST = "lost"
    STALE = "stale"
    """Connected, and shares that should trade are silent."""


class FeedChanged(Event):
    """The feed changed its condition; `silent` names shares that said nothing for too long."""

    source: Text
    condition: FeedCondition
    at: AwareDatetime
    detail: Text = ""
    silent: tuple[SymbolText, ...] = ()


QUOTES = Topic("market.quotes", QuoteSeen, keep_seconds=120.0)
TRADES = Topic("market.trades", TradeSeen, keep_seconds=120.0)
BARS = Topic("market.bars", BarClosed, keep_seconds=3600.0)
FEED = Topic("market.feed", FeedChanged, keep_seconds=3600.0)
