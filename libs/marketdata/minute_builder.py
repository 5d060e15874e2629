"""One-minute bars out of quotes or trades, labelled by their end, as vendors label them.

What the opening call traded belongs to the bar that ends at 09:30; the closing call to the one that ends at 15:00. A
bar is closed by the first tick of a later minute or by the clock, and never changes afterwards: a tick that comes late
for it is counted and left out.
"""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal

from libs.domain.clock import SHANGHAI
from libs.domain.market import Symbol
from libs.marketdata.feed import Quote, Tick

_NOTHING = Decimal(0)
_OPEN, _LUNCH, _AFTERNOON, _CLOSE = time(9, 30), time(11, 30), time(13, 0), time(15, 0)


@dataclass(frozen=True, slots=True)
class MinuteBar:
    """A closed minute. `volume` in shares; `amount` in CNY, None where the feed does not say it."""

    symbol: Symbol
    ends_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int
    amount: Decimal


@dataclass(slots=True)
class _Open:
    """The minute that is being built."""

    ends_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int = 0
    amount: Decimal = _NOTHING

    def add(self, price: Decimal, volume: int, amount: Decimal) -> None:
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.close = price
        self.volume += volume
        self.amount += amount

    def closed(self, symbol: Symbol) -> MinuteBar:
        return MinuteBar(symbol, self.ends_at, self.open, self.high, self.low, self.close, self.volume, self.amount)


@dataclass(slots=True)
class MinuteBuilder:
    """Builds the minutes of many shares at once."""

    late: int = 0
    """Ticks that came after their minute was closed."""
    _told_by_trades: set[Symbol] = field(default_factory=set)
    _open: dict[Symbol, _Open] = field(default_factory=dict)
    _closed_until: dict[Symbol, datetime] = field(default_factory=dict)
    _totals: dict[Symbol, tuple[datetime, int, Decimal]] = field(default_factory=dict)

    def add(self, tick: Tick) -> list[MinuteBar]:
        """The bars that this tick closes."""
        ends_at = minute_end(tick.at)
        traded = self._traded(tick)
        if traded is None:
            return []
        if ends_at <= self._closed_until.get(tick.symbol, datetime.min.replace(tzinfo=SHANGHAI)):
            self.late += 1
            return []
        building, done = self._open.get(tick.symbol), []
        if building is not None and building.ends_at < ends_at:
            done, building = [self._close(tick.symbol)], None
        volume, amount = traded
        if building is None:
            building = self._open[tick.symbol] = _Open(ends_at, tick.price, tick.price, tick.price, tick.price)
        building.add(tick.price, volume, amount)
        return done

    def close_until(self, now: datetime) -> list[MinuteBar]:
        """The bars whose minute is over."""
        due = [symbol for symbol, building in self._open.items() if building.ends_at <= now]
        return [self._close(symbol) for symbol in sorted(due)]

    def _close(self, symbol: Symbol) -> MinuteBar:
        bar = self._open.pop(symbol).closed(symbol)
        self._closed_until[symbol] = bar.ends_at
        return bar

    def _traded(self, tick: Tick) -> tuple[int, Decimal] | None:
        """Shares and CNY since the last tick; None where nothing was traded."""
        if not isinstance(tick, Quote):
            self._told_by_trades.add(tick.symbol)
            return tick.volume, tick.price * tick.volume
        if tick.symbol in self._told_by_trades:
            # A feed that gives both would be counted twice.
            return None
        at, volume, amount = self._totals.get(tick.symbol, (None, 0, _NOTHING))
        if at is not None and at.astimezone(SHANGHAI).date() != tick.at.astimezone(SHANGHAI).date():
            volume, amount = 0, _NOTHING
        first = at is None
        self._totals[tick.symbol] = (tick.at, tick.volume, tick.amount)
        if tick.volume == volume:
            return None
        # Who joins in the middle of a session does not know when the total before was traded.
        joined_late = first and tick.at.astimezone(SHANGHAI).time() > _OPEN
        return None if joined_late else (tick.volume - volume, tick.amount - amount)


def minute_end(at: datetime) -> datetime:
    """The end of the minute bar that holds an instant: 09:30 before the open, never within the lunch break."""
    local = at.astimezone(SHANGHAI)
    clock = local.time()
    if clock < _OPEN:
        return local.replace(hour=9, minute=30, second=0, microsecond=0)
    if _LUNCH <= clock < _AFTERNOON:
        return local.replace(hour=11, minute=30, second=0, microsecond=0)
    if clock >= _CLOSE:
        return local.replace(hour=15, minute=0, second=0, microsecond=0)
    return local.replace(second=0, microsecond=0) + timedelta(minutes=1)
