"""The running market: what a feed says is judged, published as `market.*` events, and closed minutes are stored.

Nothing that was refused is published. A recording is published, marked as one, and never stored.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from libs.ashare.bands import Band
from libs.ashare.boards import board_of
from libs.ashare.calendar import CALENDAR
from libs.ashare.errors import UnknownRule
from libs.ashare.rows import Phase
from libs.ashare.rulebook import RULEBOOK
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
from libs.domain.clock import Clock
from libs.domain.market import Symbol
from libs.marketdata.feed import Quote, Tick, Ticks, Trade
from libs.marketdata.minute_builder import MinuteBar, MinuteBuilder
from libs.marketdata.tick_checks import TickChecker, TickLimits, silent_seconds
from libs.storage.feeds import FeedState, SessionReference

log = logging.getLogger(__name__)

References = Callable[[date], dict[Symbol, SessionReference]]
_CLOSED = frozenset({Phase.CLOSED, Phase.LUNCH, Phase.AFTER_HOURS})
_GRACE = timedelta(seconds=90)
"""The last prices of a phase are sent a little after its end."""


def is_trading(at: datetime) -> bool:
    """Whether ticks may carry this instant: a trading phase, or the moment after one."""
    try:
        return any(RULEBOOK.trading_phase(moment) not in _CLOSED for moment in (at, at - _GRACE))
    except UnknownRule:
        return False


@dataclass(slots=True)
class Bands:
    """The prices allowed today, by what is stored; looked up anew with every session."""

    references: References
    _session: date | None = None
    _known: dict[Symbol, SessionReference] = field(default_factory=dict)

    def __call__(self, symbol: Symbol, session: date, reference: Decimal | None) -> Band | None:
        """The band of a share; None where it has none, or nobody knows enough to say."""
        if session != self._session:
            self._session, self._known = session, self.references(session)
        known = self._known.get(symbol)
        price = reference or (known.reference if known else None)
        if known is None or known.list_date is None or price is None:
            return None
        try:
            return RULEBOOK.band(
                known.board or board_of(symbol),
                session,
                price,
                special_treatment=known.special_treatment,
                sessions_since_listing=CALENDAR.sessions_since_listing(known.list_date, session),
                symbol=symbol,
            )
        except UnknownRule:
            return None


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
        self._checker = TickChecker(frozenset(symbols), Bands(references), is_trading, limits)
        self._builder = MinuteBuilder()
        self._last: dict[Symbol, Tick] = {}
        self._condition, self._since, self._detail = FeedCondition.LOST, clock.utc_now(), "not connected yet"
        self._heard_at: datetime | None = None
        self._heard_by_symbol: dict[Symbol, datetime] = {}
        self._silent: tuple[Symbol, ...] = ()
        self._now = clock.utc_now()
        self.counts: Counter[str] = Counter()

    async def connected(self) -> None:
        """The feed is there; every share is given time to speak."""
        began = self._clock.utc_now()
        self._heard_by_symbol = dict.fromkeys(self._symbols, began)
        if self._replayed:
            self._checker.forget()
            self._builder = MinuteBuilder()
            self._last.clear()
        await self._become(FeedCondition.CONNECTED, "")

    async def heard(self, ticks: Ticks) -> None:
        """Judge, publish, keep."""
        self._now = ticks.now if self._replayed else self._clock.utc_now()
        self._heard_at = self._clock.utc_now()
        self.counts["garbled"] += ticks.garbled
        good = [tick for tick in ticks.ticks if self._is_news(tick)]
        bars = [bar for tick in good for bar in self._builder.add(tick)]
        bars += self._builder.close_until(self._now - timedelta(seconds=2))
        self.counts["ticks"] += len(good)
        trades = [tick for tick in good if isinstance(tick, Trade)]
        if not self._replayed:
            self._keep(bars, trades)
        await self._publish(QUOTES, [self._quote(tick) for tick in good if isinstance(tick, Quote)])
        await self._publish(TRADES, [self._trade(trade) for trade in trades])
        await self._publish(BARS, [self._bar(bar) for bar in bars])

    async def lost(self, reason: str, retry_seconds: float) -> None:
        """The feed is away."""
        await self._become(FeedCondition.LOST, f"{reason}; again in {retry_seconds:.1f} s")

    def may_be_silent(self) -> bool:
        """The exchange is closed."""
        return not is_trading(self._clock.utc_now())

    async def look(self) -> None:
        """Notice shares that fell silent, and close the minutes of those."""
        if self._condition is FeedCondition.LOST or self._replayed:
            return
        now = self._clock.utc_now()
        bars = self._builder.close_until(now - timedelta(seconds=5))
        self._keep(bars, [])
        await self._publish(BARS, [self._bar(bar) for bar in bars])
        silent = tuple(sorted(s for s, at in self._heard_by_symbol.items() if self._is_silent(at, now)))
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

    def _is_silent(self, heard_at: datetime, now: datetime) -> bool:
        return silent_seconds(heard_at, now, is_trading) > self._silence_seconds

    def _is_news(self, tick: Tick) -> bool:
        """Whether a tick says something new and can be believed; a page repeats its last quote until there is one."""
        self._heard_by_symbol[tick.symbol] = self._clock.utc_now()
        if tick == self._last.get(tick.symbol) or self._checker.accept(tick, self._now) is not None:
            return False
        self._last[tick.symbol] = tick
        return True

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
        try:
            await self._events.publish(topic, events)
        except Unavailable as e:
            self.counts["unpublished"] += len(events)
            log.warning("events not published", extra={"topic": topic.name, "reason": str(e)})

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
