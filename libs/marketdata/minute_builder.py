"""One-minute bars out of quotes or trades, labelled by their end, as vendors label them.

What the opening call traded belongs to the bar that ends at 09:30; the closing call to the one that ends at 15:00. A
bar is closed by the first tick of a later minute or by the clock, and never changes afterwards: a tick that comes late
for it is counted and left out. A minute that was not heard from its beginning to its end is no bar: it is counted, and
left for a vendor to fill in.
"""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal

from libs.domain.clock import SHANGHAI
from libs.domain.market import Symbol
from libs.marketdata.feed import Quote, Tick

_NOTHING = Decimal(0)
_OPEN, _LUNCH, _AFTERNOON, _CLOSE = time(9, 30), time(11, 30), time(13, 0), time(15, 0)
_OPENING_MATCH = time(9, 25)
_MINUTE = timedelta(minutes=1)
_EVER = datetime.min.replace(tzinfo=SHANGHAI)


@dataclass(frozen=True, slots=True)
class MinuteBar:
    """A closed minute. `volume` in shares, `amount` in CNY."""

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
    partial: int = 0
    """Minutes that were begun and not heard whole."""
    _whole_from: datetime | None = None
    _spoiled: dict[Symbol, datetime] = field(default_factory=dict)
    _told_by_trades: set[Symbol] = field(default_factory=set)
    _open: dict[Symbol, _Open] = field(default_factory=dict)
    _closed_until: dict[Symbol, datetime] = field(default_factory=dict)
    _totals: dict[Symbol, tuple[datetime, int, Decimal]] = field(default_factory=dict)

    def join(self, at: datetime) -> None:
        """What came before this instant was not all heard: minutes begun by then are no bars, totals are unknown."""
        self.partial += len(self._open)
        self._open.clear()
        self._totals.clear()
        self._whole_from = at

    def add(self, tick: Tick) -> list[MinuteBar]:
        """The bars that this tick closes."""
        ends_at = minute_end(tick.at)
        traded = self._traded(tick)
        if traded is None:
            return []
        if ends_at <= self._closed_until.get(tick.symbol, _EVER):
            self.late += 1
            return []
        building, done = self._open.get(tick.symbol), []
        if building is not None and building.ends_at < ends_at:
            done, building = self._close(tick.symbol), None
        volume, amount = traded
        if building is None:
            building = self._open[tick.symbol] = _Open(ends_at, tick.price, tick.price, tick.price, tick.price)
        building.add(tick.price, volume, amount)
        return done

    def close_until(self, now: datetime) -> list[MinuteBar]:
        """The bars whose minute is over."""
        due = [symbol for symbol, building in self._open.items() if building.ends_at <= now]
        return [bar for symbol in sorted(due) for bar in self._close(symbol)]

    def _close(self, symbol: Symbol) -> list[MinuteBar]:
        bar = self._open.pop(symbol).closed(symbol)
        self._closed_until[symbol] = bar.ends_at
        joined = self._whole_from or _EVER
        if _minute_begin(bar.ends_at) < joined or self._spoiled.get(symbol) == bar.ends_at:
            self.partial += 1
            return []
        return [bar]

    def _traded(self, tick: Tick) -> tuple[int, Decimal] | None:
        """Shares and CNY since the last tick; None where nothing was traded."""
        if not isinstance(tick, Quote):
            self._told_by_trades.add(tick.symbol)
            self._forget_quotes(tick.symbol)
            return tick.volume, tick.price * tick.volume
        if tick.symbol in self._told_by_trades:
            # A feed that gives both would be counted twice.
            return None
        at, volume, amount = self._totals.get(tick.symbol, (None, 0, _NOTHING))
        if at is not None and at.astimezone(SHANGHAI).date() != tick.at.astimezone(SHANGHAI).date():
            volume, amount = 0, _NOTHING
        unknown = at is None and not self._knows_totals(tick.at)
        self._totals[tick.symbol] = (tick.at, tick.volume, tick.amount)
        if tick.volume == volume or unknown:
            return None
        return tick.volume - volume, tick.amount - amount

    def _knows_totals(self, at: datetime) -> bool:
        """Whether the first total heard of a share says what was traded since the last minute.

        Who joins in the middle of a session does not know when what came before was traded.
        """
        local = at.astimezone(SHANGHAI)
        if self._whole_from is None:
            return local.time() <= _OPEN
        return self._whole_from <= datetime.combine(local.date(), _OPENING_MATCH, SHANGHAI)

    def _forget_quotes(self, symbol: Symbol) -> None:
        """The first trade of a share that quotes have told so far: its minute would count some shares twice."""
        if self._totals.pop(symbol, None) is not None and (building := self._open.pop(symbol, None)) is not None:
            self._spoiled[symbol] = building.ends_at


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


def _minute_begin(ends_at: datetime) -> datetime:
    """The first instant that belongs to a bar: the opening match for the one that ends at 09:30."""
    begin = datetime.combine(ends_at.date(), _OPENING_MATCH, SHANGHAI)
    return begin if ends_at.astimezone(SHANGHAI).time() == _OPEN else ends_at - _MINUTE
