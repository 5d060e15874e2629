"""Which ticks can be believed. Nothing is repaired; every refusal has one named reason, the first that holds."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from libs.ashare.bands import Band
from libs.domain.clock import exchange_date
from libs.domain.market import Symbol
from libs.marketdata.feed import Quote, Tick, Trade

BandOf = Callable[[Symbol, date, Decimal | None], Band | None]
"""The prices allowed for a share in a session with this reference price, where the feed says it; None: no limit, or
nobody knows one."""
IsTrading = Callable[[datetime], bool]
"""Whether the exchange may produce ticks at an instant: from the opening call to the close."""

_HIGHEST = Decimal(10_000_000)
_DIGITS = 3


class TickFault(StrEnum):
    """Why a tick is refused; stable names for metrics."""

    NOT_SUBSCRIBED = "not_subscribed"
    NOT_A_NUMBER = "not_a_number"
    NOT_POSITIVE = "not_positive"
    IMPLAUSIBLE = "implausible"
    OFF_TICK = "off_tick"
    CROSSED = "crossed"
    FUTURE = "future"
    STALE = "stale"
    NO_SESSION = "no_session"
    BACKWARDS = "backwards"
    REPEATED = "repeated"
    VOLUME_FELL = "volume_fell"
    REFERENCE_CHANGED = "reference_changed"
    OUT_OF_BAND = "out_of_band"


@dataclass(frozen=True, slots=True)
class TickLimits:
    """How patient the checks are."""

    future_seconds: float = 3.0
    stale_seconds: float = 60.0


@dataclass(slots=True)
class _Seen:
    """The last tick of one share that was believed."""

    at: datetime
    sequence: int = -1
    volume: int = 0
    pre_close: Decimal | None = None


@dataclass(slots=True)
class TickChecker:
    """Judges ticks one after the other; remembers the last good one of each share."""

    subscribed: frozenset[Symbol]
    band_of: BandOf
    is_trading: IsTrading
    limits: TickLimits = field(default_factory=TickLimits)
    refused: Counter[TickFault] = field(default_factory=Counter)
    _seen: dict[Symbol, _Seen] = field(default_factory=dict)

    def accept(self, tick: Tick, now: datetime) -> TickFault | None:
        """None for a tick that can be believed, which is remembered; else why not, which is counted."""
        fault = self._judge(tick, now)
        if fault is not None:
            self.refused[fault] += 1
            return fault
        self._remember(tick)
        return None

    def forget(self) -> None:
        """Judge what comes next as if nothing had come before: a recording that is played again."""
        self._seen.clear()

    def _judge(self, tick: Tick, now: datetime) -> TickFault | None:
        if tick.symbol not in self.subscribed:
            return TickFault.NOT_SUBSCRIBED
        return _number_fault(tick) or self._time_fault(tick, now) or self._series_fault(tick) or self._band_fault(tick)

    def _time_fault(self, tick: Tick, now: datetime) -> TickFault | None:
        if tick.at > now + timedelta(seconds=self.limits.future_seconds):
            return TickFault.FUTURE
        if tick.at < now - timedelta(seconds=self.limits.stale_seconds):
            return TickFault.STALE
        return None if self.is_trading(tick.at) else TickFault.NO_SESSION

    def _series_fault(self, tick: Tick) -> TickFault | None:
        seen = self._seen.get(tick.symbol)
        if seen is None or exchange_date(seen.at) != exchange_date(tick.at):
            return None
        if tick.at < seen.at:
            return TickFault.BACKWARDS
        if isinstance(tick, Trade):
            return TickFault.REPEATED if (tick.at, tick.sequence) <= (seen.at, seen.sequence) else None
        if tick.volume < seen.volume:
            return TickFault.VOLUME_FELL
        changed = seen.pre_close is not None and tick.pre_close != seen.pre_close
        return TickFault.REFERENCE_CHANGED if changed else None

    def _band_fault(self, tick: Tick) -> TickFault | None:
        reference = tick.pre_close if isinstance(tick, Quote) else None
        band = self.band_of(tick.symbol, exchange_date(tick.at), reference)
        outside = band is not None and not band.contains(tick.price)
        return TickFault.OUT_OF_BAND if outside else None

    def _remember(self, tick: Tick) -> None:
        before = self._seen.get(tick.symbol)
        fresh = before is None or exchange_date(before.at) != exchange_date(tick.at)
        seen = _Seen(tick.at) if fresh or before is None else before
        seen.at = tick.at
        if isinstance(tick, Trade):
            seen.sequence = tick.sequence
        else:
            seen.volume, seen.pre_close = tick.volume, tick.pre_close
        self._seen[tick.symbol] = seen


def _number_fault(tick: Tick) -> TickFault | None:
    prices = [tick.price]
    if isinstance(tick, Quote):
        prices += [price for price in (tick.pre_close, tick.bid, tick.ask) if price is not None]
        if not tick.amount.is_finite() or tick.amount < 0 or tick.volume < 0:
            return TickFault.NOT_A_NUMBER if not tick.amount.is_finite() else TickFault.NOT_POSITIVE
    if not all(price.is_finite() for price in prices):
        return TickFault.NOT_A_NUMBER
    if any(price <= 0 for price in prices) or (isinstance(tick, Trade) and tick.volume <= 0):
        return TickFault.NOT_POSITIVE
    if any(price > _HIGHEST for price in prices):
        return TickFault.IMPLAUSIBLE
    if any(price != round(price, _DIGITS) for price in prices):
        return TickFault.OFF_TICK
    crossed = isinstance(tick, Quote) and tick.bid is not None and tick.ask is not None and tick.bid > tick.ask
    return TickFault.CROSSED if crossed else None


def silent_seconds(since: datetime, now: datetime, is_trading: IsTrading, *, step_seconds: int = 5) -> float:
    """How much trading time lies between two instants: lunch, nights and holidays are no silence."""
    steps = math.ceil(max(0.0, (now - since).total_seconds()) / step_seconds)
    step = timedelta(seconds=step_seconds)
    return float(sum(step_seconds for i in range(min(steps, 4000)) if is_trading(now - i * step)))
