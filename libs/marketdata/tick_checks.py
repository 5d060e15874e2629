"""Which ticks can be believed. Nothing is repaired; every refusal has one named reason, the first that holds."""

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
_MOST_SHARES = 10**12
_MOST_CNY = Decimal(10**15)
_LAST_SEQUENCE = 2**63 - 1
_UNIT_SLIP = 20
"""The mean price of a session lies nearer to its last one than this; shares told as lots (手) lie 100 away."""
_STEP = timedelta(seconds=5)
_MOST_STEPS = 4000


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
    """The last quote and the last trade of one share that were believed; each is a series of its own."""

    quote: Quote | None = None
    trade: Trade | None = None


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
        seen = self._seen.get(tick.symbol, _Seen())
        before = seen.trade if isinstance(tick, Trade) else seen.quote
        if before is None or exchange_date(before.at) != exchange_date(tick.at):
            return None
        if tick.at < before.at:
            return TickFault.BACKWARDS
        if isinstance(tick, Trade) and isinstance(before, Trade):
            return TickFault.REPEATED if (tick.at, tick.sequence) <= (before.at, before.sequence) else None
        if tick.volume < before.volume:
            return TickFault.VOLUME_FELL
        changed = isinstance(tick, Quote) and isinstance(before, Quote) and tick.pre_close != before.pre_close
        return TickFault.REFERENCE_CHANGED if changed else None

    def _band_fault(self, tick: Tick) -> TickFault | None:
        reference = tick.pre_close if isinstance(tick, Quote) else None
        band = self.band_of(tick.symbol, exchange_date(tick.at), reference)
        outside = band is not None and not band.contains(tick.price)
        return TickFault.OUT_OF_BAND if outside else None

    def _remember(self, tick: Tick) -> None:
        seen = self._seen.setdefault(tick.symbol, _Seen())
        if isinstance(tick, Trade):
            seen.trade = tick
        else:
            seen.quote = tick


def _number_fault(tick: Tick) -> TickFault | None:
    prices = [tick.price]
    if isinstance(tick, Quote):
        prices += [price for price in (tick.pre_close, tick.bid, tick.ask) if price is not None]
    if not all(number.is_finite() for number in (*prices, *_amount(tick))):
        return TickFault.NOT_A_NUMBER
    if any(price <= 0 for price in prices) or _least(tick) < 0 or any(amount < 0 for amount in _amount(tick)):
        return TickFault.NOT_POSITIVE
    if any(price > _HIGHEST for price in prices) or not _is_plausible(tick):
        return TickFault.IMPLAUSIBLE
    if any(price != round(price, _DIGITS) for price in prices):
        return TickFault.OFF_TICK
    crossed = isinstance(tick, Quote) and tick.bid is not None and tick.ask is not None and tick.bid > tick.ask
    return TickFault.CROSSED if crossed else None


def _amount(tick: Tick) -> tuple[Decimal, ...]:
    return (tick.amount,) if isinstance(tick, Quote) else ()


def _least(tick: Tick) -> int:
    """The least of its whole numbers, so counted that negative means wrong: a trade is of one share or more."""
    return min(tick.volume - 1, tick.sequence) if isinstance(tick, Trade) else tick.volume


def _is_plausible(tick: Tick) -> bool:
    """Numbers that tables can hold; of a quote also shares and CNY that fit each other."""
    if tick.volume > _MOST_SHARES:
        return False
    if isinstance(tick, Trade):
        return tick.sequence <= _LAST_SEQUENCE
    if tick.amount > _MOST_CNY:
        return False
    if tick.volume == 0 or tick.amount == 0:
        return tick.amount == tick.volume
    return tick.price / _UNIT_SLIP <= tick.amount / tick.volume <= tick.price * _UNIT_SLIP


def silent_since(now: datetime, seconds: float, is_trading: IsTrading) -> datetime | None:
    """Who was not heard since this instant has been silent for so many seconds of trading time.

    Lunch, nights and holidays are no silence. None where that much was not traded within the last hours.
    """
    left, at = seconds, now
    for _ in range(_MOST_STEPS):
        at -= _STEP
        if is_trading(at):
            left -= _STEP.total_seconds()
        if left <= 0:
            return at
    return None


def is_ever(is_trading: IsTrading, since: datetime, until: datetime) -> bool:
    """Whether the exchange traded at any time between two instants; after a month nobody looks: it did."""
    if until - since > timedelta(days=31):
        return True
    steps = int((until - since) / _STEP) + 1
    return any(is_trading(min(since + step * _STEP, until)) for step in range(max(steps, 0)))
