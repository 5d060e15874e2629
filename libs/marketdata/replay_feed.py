"""Play recordings at any speed: real trades and bars out of files, over the desk's own tick protocol.

A recording has its own clock. At speed 60 a minute of it passes in a second; at speed 0 it is played as fast as the
listener reads. Trades become trades; a bar becomes the quotes of its open, low, high and close (high before low where
it fell), spread over its time, with running totals: what a listener that asks now and then would have seen.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import WebSocketException

from libs.domain.clock import SHANGHAI, Clock, SystemClock, at_shanghai
from libs.domain.errors import InvalidInput
from libs.domain.market import Symbol
from libs.marketdata import feed_wire
from libs.marketdata.feed import FeedLost, Quote, Tick, Ticks, Trade, TradeSide
from libs.marketdata.files import FileSource
from libs.marketdata.source import Kind

Sleep = Callable[[float], Awaitable[None]]

_CENT = Decimal("0.01")
_DAY_OPEN, _DAY_CLOSE = time(9, 30), time(15, 0)
_KINDS = (Kind.TICKS, Kind.MINUTE_BARS, Kind.BARS)
_MOST_IN_A_MESSAGE = 5000
_DAY_OF = {
    Kind.TICKS: pl.col("traded_at").dt.convert_time_zone("Asia/Shanghai").dt.date(),
    Kind.MINUTE_BARS: pl.col("ends_at").dt.convert_time_zone("Asia/Shanghai").dt.date(),
    Kind.BARS: pl.col("session"),
}


@dataclass(frozen=True, slots=True)
class Recording:
    """Ticks in the order of their time."""

    name: str
    ticks: tuple[Tick, ...]

    @classmethod
    def of_files(
        cls,
        path: Path,
        *,
        sessions: Sequence[date],
        kind: Kind | None = None,
        first: date | None = None,
        last: date | None = None,
    ) -> "Recording":
        """What the files under a path hold: trades if there are any, else minute bars, else daily bars.

        Of the sessions from `first` to `last`, both included. A tick takes about 600 bytes of memory.
        """
        whole = _frames(path, sessions)
        stretches = {found: _between(frame, found, first, last) for found, frame in whole.items()}
        frames = {found: frame for found, frame in stretches.items() if frame.height}
        chosen = kind or next((k for k in _KINDS if k in frames), None)
        if chosen is None or chosen not in frames:
            raise InvalidInput("FILE", f"{path} holds no {chosen or 'ticks or bars'} that can be played")
        reader = {Kind.TICKS: _trades, Kind.MINUTE_BARS: _minute_quotes, Kind.BARS: _daily_quotes}[chosen]
        ticks = sorted(reader(frames[chosen]), key=lambda tick: (tick.at, tick.symbol))
        return cls(path.name, tuple(ticks))

    def of(self, symbols: frozenset[Symbol]) -> "Recording":
        """The ticks of some shares alone."""
        return Recording(self.name, tuple(tick for tick in self.ticks if tick.symbol in symbols))

    def batches(self, every: timedelta) -> Iterator[Ticks]:
        """The ticks gathered over stretches of the recording's time, some thousands each; empty ones are left out."""
        seconds = max(every.total_seconds(), 0.001)
        for stretch, ticks in itertools.groupby(self.ticks, lambda tick: int(tick.at.timestamp() // seconds)):
            now = datetime.fromtimestamp((stretch + 1) * seconds, SHANGHAI)
            while some := tuple(itertools.islice(ticks, _MOST_IN_A_MESSAGE)):
                yield Ticks(now, some)


@dataclass(slots=True)
class Player:
    """Plays a recording to one listener, in step with a clock."""

    recording: Recording
    speed: float = 1.0
    """How many seconds of the recording pass in one; 0: as fast as possible."""
    every: timedelta = timedelta(seconds=1)
    longest_pause: timedelta = timedelta(seconds=5)
    """Lunch, nights and holidays are cut to this much of the listener's time."""
    clock: Clock = field(default_factory=SystemClock)
    sleep: Sleep = asyncio.sleep

    async def play(self, hear: Callable[[Ticks], Awaitable[None]]) -> int:
        """Send every batch at its time; how many ticks that were."""
        played, before = 0, None
        for batch in self.recording.batches(self.every):
            if before is not None and self.speed > 0:
                pause = (batch.now - before).total_seconds() / self.speed
                await self.sleep(min(pause, self.longest_pause.total_seconds()))
            before = batch.now
            await hear(batch)
            played += len(batch.ticks)
        return played


@dataclass(frozen=True, slots=True)
class RecordingServer:
    """Plays a recording to everyone who connects, each from its beginning."""

    recording: Recording
    speed: float
    every: timedelta = timedelta(seconds=1)

    async def start(self, host: str, port: int) -> Server:
        """Listen; port 0 takes a free one. Close what this gives."""
        return await serve(self._serve, host, port, max_size=feed_wire.LONGEST_MESSAGE)

    async def _serve(self, socket: ServerConnection) -> None:
        try:
            await socket.send(feed_wire.hello(self.recording.name, replay=True))
            wanted = feed_wire.read_subscription(await socket.recv())
            player = Player(self.recording.of(wanted), self.speed, self.every)
            await player.play(lambda ticks: socket.send(feed_wire.write_ticks(ticks)))
            await socket.send('{"end":"of the recording"}')
        except (InvalidInput, FeedLost):
            await socket.close(1008, "subscribe: a list of symbols is expected")
        except WebSocketException:
            return


def _frames(path: Path, sessions: Sequence[date]) -> dict[Kind, pl.DataFrame]:
    source = FileSource(path, sessions=sessions)
    found: dict[Kind, list[pl.DataFrame]] = {}
    for part in source.parts():
        for batch in source.read(part):
            if batch.kind in _KINDS:
                found.setdefault(batch.kind, []).append(batch.frame)
    return {kind: pl.concat(frames) for kind, frames in found.items()}


def _between(frame: pl.DataFrame, kind: Kind, first: date | None, last: date | None) -> pl.DataFrame:
    day = _DAY_OF[kind]
    return frame.filter(day >= (first or date.min), day <= (last or date.max))


def _trades(frame: pl.DataFrame) -> Iterator[Tick]:
    columns = ("symbol", "traded_at", "sequence", "price", "volume", "side")
    for symbol, at, sequence, price, volume, side in frame.select(columns).iter_rows():
        yield Trade(Symbol(symbol), at.astimezone(SHANGHAI), sequence, _price(price), volume, TradeSide(side))


@dataclass(slots=True)
class _Running:
    """What one share has traded in its session so far; the reference price is the last close, where there is one."""

    session: date
    reference: Decimal
    close: Decimal
    volume: int = 0
    amount: Decimal = Decimal(0)


def _minute_quotes(frame: pl.DataFrame) -> Iterator[Tick]:
    running: dict[Symbol, _Running] = {}
    for row in frame.sort("ends_at").iter_rows(named=True):
        symbol, ends_at = Symbol(row["symbol"]), row["ends_at"].astimezone(SHANGHAI)
        before = running.get(symbol)
        if before is None or before.session != ends_at.date():
            reference = _price(row["open"]) if before is None else before.close
            before = running[symbol] = _Running(ends_at.date(), reference, reference)
        step = timedelta(minutes=row["interval_minutes"]) / 5
        bar = _Bar(symbol, before.reference, before.volume, before.amount)
        yield from bar.quotes(row, [ends_at - step * left for left in (4, 3, 2, 1)])
        before.volume += row["volume"]
        before.amount += _amount(row)
        before.close = _price(row["close"])


def _daily_quotes(frame: pl.DataFrame) -> Iterator[Tick]:
    for row in frame.filter(~pl.col("suspended")).iter_rows(named=True):
        opens, closes = at_shanghai(row["session"], _DAY_OPEN), at_shanghai(row["session"], _DAY_CLOSE)
        bar = _Bar(Symbol(row["symbol"]), _price(row["pre_close"]), 0, Decimal(0))
        yield from bar.quotes(row, [opens, opens + timedelta(hours=1), closes - timedelta(hours=1), closes])


@dataclass(frozen=True, slots=True)
class _Bar:
    """A bar's quotes need what was traded before it."""

    symbol: Symbol
    reference: Decimal
    volume: int
    amount: Decimal

    def quotes(self, row: Mapping[str, Any], moments: Sequence[datetime]) -> Iterator[Quote]:
        """Open, the two extremes in the order that fits the direction, close; a quarter of the volume at each."""
        rose = row["close"] >= row["open"]
        middle = ("low", "high") if rose else ("high", "low")
        prices = [_price(row[name]) for name in ("open", *middle, "close")]
        for quarter, (price, at) in enumerate(zip(prices, moments, strict=True), start=1):
            volume = self.volume + int(row["volume"]) * quarter // 4
            amount = self.amount + _amount(row) * quarter / 4
            yield Quote(self.symbol, at, price, self.reference, volume, amount.quantize(_CENT))


def _amount(row: Mapping[str, Any]) -> Decimal:
    return Decimal(0) if row["amount"] is None else Decimal(str(row["amount"]))


def _price(value: float) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.001")).normalize() + Decimal(0)


def symbols_of(ticks: Iterable[Tick]) -> frozenset[Symbol]:
    """The shares in a recording."""
    return frozenset(tick.symbol for tick in ticks)
