"""The running market: what a feed says is judged, published as `market.*` events, and closed minutes are stored.

Nothing that was refused is published. A recording is published, marked as one, and never stored.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta

from libs.bus.errors import Unavailable
from libs.bus.events import Events
from libs.contracts.base import E, Topic
from libs.contracts.market_events import (
    BARS,
    FEED,
    QUOTES,
    TRADES,
    BarClosed,
    FeedChanged,
    FeedCondition,
    QuoteSeen,
    TradeSeen,
)
from libs.domain.clock import SHANGHAI, Clock, at_shanghai, exchange_date
from libs.domain.market import Symbol
from libs.marketdata.feed import Quote, Tick, Ticks, Trade
from libs.marketdata.minute_builder import MinuteBar, MinuteBuilder
from libs.marketdata.tick_checks import TickChecker, TickFault, TickLimits, is_ever, silent_since
from libs.storage.feeds import FeedState
from services.ingestion.live_rules import Bands, References, is_continuous, is_matching, is_trading

log = logging.getLogger(__name__)

_PUBLISH_SECONDS = 1.0
_PAUSE_SECONDS = 10.0
"""Events wait for nobody: while Redis is slow or away, nothing is tried for so long."""
_FROZEN_FACTOR = 10
"""A page that answers and says nothing new about any share for so many times the usual silence is not alive."""
_SETTLED = timedelta(seconds=2)
_RECORDED_FROM = datetime.min.replace(tzinfo=SHANGHAI)


class LiveMarket:
    """Listens to one feed (`libs.marketdata.feed_loop.Listener`)."""

    def __init__(  # noqa: PLR0913 - everything a listener stands on
        self,
        source: str,
        symbols: Sequence[Symbol],
        events: Events,
        *,
        references: References,
        keep: Callable[[Sequence[MinuteBar], Sequence[Trade]], None],
        clock: Clock,
        replayed: bool,
        silence_seconds: float,
    ) -> None:
        limits = TickLimits(stale_seconds=86_400.0 * 4000) if replayed else TickLimits()
        self._source = source
        self._symbols = tuple(symbols)
        self._events = events
        self._clock = clock
        self._keep = keep
        self._replayed = replayed
        self._silence_seconds = silence_seconds
        self._bands = Bands(references, clock)
        self._checker = TickChecker(frozenset(symbols), self._bands, is_trading, limits)
        self._builder = MinuteBuilder()
        self._last: dict[Symbol, Quote] = {}
        self._condition, self._since, self._detail = FeedCondition.LOST, clock.utc_now(), "not connected yet"
        self._heard_at: datetime | None = None
        self._news_at = clock.utc_now()
        self._heard_by_symbol = dict.fromkeys(self._symbols, clock.utc_now())
        self._publish_from = 0.0
        self._silent: tuple[Symbol, ...] = ()
        self._now = clock.utc_now()
        self.counts: Counter[str] = Counter()

    async def connected(self) -> None:
        """The feed is there; every share is given time to speak."""
        began = self._clock.utc_now()
        self._heard_by_symbol = dict.fromkeys(self._symbols, began)
        self._news_at, self._silent = began, ()
        self._last.clear()
        if self._replayed:
            self._checker.forget()
            self._builder = MinuteBuilder()
            self._builder.join(_RECORDED_FROM)
        else:
            self._join(began)
        await self._become(FeedCondition.CONNECTED, "")

    def _join(self, now: datetime) -> None:
        """Minutes are whole again from here on, if any could be missed since something was heard."""
        today = at_shanghai(exchange_date(now), time(0))
        if self._heard_at is None or is_ever(is_matching, self._heard_at, now):
            self._builder.join(now if is_ever(is_matching, today, now) else today)

    async def heard(self, ticks: Ticks) -> None:
        """Judge, publish, keep."""
        self._now = ticks.now if self._replayed else self._clock.utc_now()
        self._heard_at = self._clock.utc_now()
        await self._bands.prepare(exchange_date(self._now))
        self.counts["garbled"] += ticks.garbled
        for symbol in ticks.quiet:
            self._hear(symbol)
        good = [tick for tick in ticks.ticks if self._is_news(tick)]
        bars = [bar for tick in good for bar in self._builder.add(tick)]
        bars += self._builder.close_until(self._now - _SETTLED)
        self.counts["ticks"] += len(good)
        trades = [tick for tick in good if isinstance(tick, Trade)]
        if not self._replayed:
            self._keep(bars, trades)
        await self._publish(QUOTES, [self._quote(tick) for tick in good if isinstance(tick, Quote)])
        await self._publish(TRADES, [self._trade(trade) for trade in trades])
        await self._publish(BARS, [self._bar(bar) for bar in bars])

    async def lost(self, reason: str, retry_seconds: float) -> None:
        """The feed is away."""
        if not self._replayed:
            await self._close_minutes(self._clock.utc_now() - _SETTLED)
        await self._become(FeedCondition.LOST, f"{reason}; again in {retry_seconds:.1f} s")

    async def ended(self) -> None:
        """The recording is over: its last minutes are as whole as they will be."""
        await self._close_minutes(datetime.max.replace(tzinfo=SHANGHAI))
        await self._become(FeedCondition.LOST, "the recording is over")

    async def rests(self) -> None:
        """The connection was closed because the exchange is."""
        self._silent = ()
        await self._become(FeedCondition.CONNECTED, "rests until the exchange opens")

    def may_be_silent(self) -> bool:
        """The exchange is not trading, or a recording has a pause."""
        return self._replayed or not is_continuous(self._clock.utc_now())

    async def look(self) -> None:
        """Notice shares that fell silent, and close the minutes of those."""
        if self._condition is FeedCondition.LOST or self._replayed:
            return
        now = self._clock.utc_now()
        await self._close_minutes(now - timedelta(seconds=5))
        silent = self._who_is_silent(now)
        if silent != self._silent:
            self._silent = silent
            condition = FeedCondition.STALE if silent else FeedCondition.CONNECTED
            await self._become(condition, f"{len(silent)} shares are silent" if silent else "")

    def state(self, *, waiting: int, dropped: int) -> FeedState:
        """How the feed is doing."""
        return FeedState(
            source=self._source,
            condition=self._condition.value,
            since=self._since,
            detail=self._detail,
            subscribed=len(self._symbols),
            silent=self._silent,
            heard_at=self._heard_at,
            ticks=self.counts["ticks"],
            garbled=self.counts["garbled"],
            late=self._builder.late,
            waiting=waiting,
            dropped=dropped,
            replayed=self._replayed,
            renewed_at=self._clock.utc_now(),
            refused={fault.value: count for fault, count in sorted(self._checker.refused.items())},
        )

    def _who_is_silent(self, now: datetime) -> tuple[Symbol, ...]:
        """Shares that should trade and were not heard of; all of them where nothing new was said at all."""
        if not is_continuous(now):
            return self._silent
        since = silent_since(now, self._silence_seconds, is_continuous)
        frozen_since = silent_since(now, self._silence_seconds * _FROZEN_FACTOR, is_continuous)
        is_frozen = frozen_since is not None and self._news_at < frozen_since
        return tuple(
            symbol
            for symbol, heard_at in sorted(self._heard_by_symbol.items())
            if (is_frozen or (since is not None and heard_at < since)) and not self._bands.rests(symbol)
        )

    def _hear(self, symbol: Symbol) -> None:
        if symbol in self._heard_by_symbol:
            self._heard_by_symbol[symbol] = self._clock.utc_now()

    def _is_news(self, tick: Tick) -> bool:
        """Whether a tick says something new and can be believed; a page repeats its last quote until there is one."""
        self._hear(tick.symbol)
        if tick == self._last.get(tick.symbol):
            return False
        fault = self._checker.accept(tick, self._now)
        # What was refused is not judged at every repetition, unless its time may still come.
        if isinstance(tick, Quote) and tick.symbol in self._heard_by_symbol and fault is not TickFault.FUTURE:
            self._last[tick.symbol] = tick
        if fault is None:
            self._news_at = self._clock.utc_now()
        return fault is None

    async def _close_minutes(self, until: datetime) -> None:
        bars = self._builder.close_until(until)
        if not self._replayed:
            self._keep(bars, [])
        await self._publish(BARS, [self._bar(bar) for bar in bars])

    async def _become(self, condition: FeedCondition, detail: str) -> None:
        if condition is not self._condition:
            self._since = self._clock.utc_now()
        self._condition, self._detail = condition, detail
        changed = FeedChanged(
            source=self._source,
            condition=condition,
            at=self._clock.utc_now(),
            detail=detail,
            silent=self._silent if condition is FeedCondition.STALE else (),
        )
        await self._publish(FEED, [changed])

    async def _publish(self, topic: Topic[E], events: Sequence[E]) -> None:
        """Events are for those who listen now; while Redis is away nobody does, and the next batch tells the gap."""
        if self._clock.monotonic() < self._publish_from:
            self.counts["unpublished"] += len(events)
            return
        try:
            async with asyncio.timeout(_PUBLISH_SECONDS):
                await self._events.publish(topic, events)
        except (Unavailable, TimeoutError) as e:
            self._publish_from = self._clock.monotonic() + _PAUSE_SECONDS
            self.counts["unpublished"] += len(events)
            log.warning("events not published", extra={"topic": topic.name, "reason": str(e) or type(e).__name__})

    def _quote(self, quote: Quote) -> QuoteSeen:
        return QuoteSeen(
            symbol=quote.symbol,
            at=quote.at,
            price=quote.price,
            pre_close=quote.pre_close,
            volume=quote.volume,
            amount=quote.amount,
            bid=quote.bid,
            ask=quote.ask,
            source=self._source,
            replayed=self._replayed,
        )

    def _trade(self, trade: Trade) -> TradeSeen:
        return TradeSeen(
            symbol=trade.symbol,
            at=trade.at,
            sequence=trade.sequence,
            price=trade.price,
            volume=trade.volume,
            side=trade.side.value,
            source=self._source,
            replayed=self._replayed,
        )

    def _bar(self, bar: MinuteBar) -> BarClosed:
        return BarClosed(
            symbol=bar.symbol,
            interval_minutes=1,
            ends_at=bar.ends_at,
            open=bar.open,
            high=bar.high,
            low=bar.low,
            close=bar.close,
            volume=bar.volume,
            amount=bar.amount,
            source=self._source,
            replayed=self._replayed,
        )
