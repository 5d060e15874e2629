"""A simulated session trade by trade. Its trades add up to the daily bar exactly: open, high, low, close, shares, CNY.

The day's path runs from open to close over its high and its low; trades are dense after the open and before the close,
as real volume is; the opening and the closing call are one trade each. Prices are whole fen and volumes whole lots, so
the amount can be met to the last yuan: first the volumes lean, then single trades move by single fen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from libs.domain.clock import at_shanghai
from libs.domain.errors import InvalidInput
from libs.domain.market import Symbol
from libs.marketdata.feed import Quote, Trade, TradeSide
from libs.marketdata.sim_days import FEWEST_LOTS, LOT
from libs.marketdata.sim_market import Market
from libs.marketdata.sim_numbers import Floats, exp, normal, stream

Ints = NDArray[np.int64]

OPENING_CALL = time(9, 25)
CLOSING_CALL = time(15, 0)
VOLUME_BY_QUARTER_HOUR = (
    *(0.112, 0.097, 0.088, 0.072, 0.067, 0.056, 0.054, 0.048),
    *(0.068, 0.051, 0.048, 0.045, 0.043, 0.039, 0.045, 0.040),
)
"""Where trades are; with the calls, and with the volume that days leave at their extremes, real volume comes of it."""
_MOST_TRADES = 2400
_FEN = Decimal("0.01")
_MORNING, _AFTERNOON = 9 * 3600 + 30 * 60, 13 * 3600
_LAST_QUARTER = 12 * 60
_ROUGHNESS = 0.30


@dataclass(frozen=True, slots=True)
class Bar:
    """The day that is to be met, in fen, lots and whole CNY."""

    open: int
    high: int
    low: int
    close: int
    lots: int
    amount: int


@dataclass(slots=True)
class _Row:
    """One trade while its price is still open; `kept` ones make the open, the high, the low and the close."""

    second: int
    fen: int
    lots: int
    kept: bool


@dataclass(frozen=True, slots=True)
class Tape:
    """The trades of one share and session in order. The first and the last are the calls; empty when suspended."""

    symbol: Symbol
    session: date
    pre_close: Decimal
    limits: tuple[Decimal | None, Decimal | None]
    seconds: Ints
    """Since midnight in Shanghai."""
    fens: Ints
    lots: Ints

    def trades(self) -> Iterator[Trade]:
        """Every trade; who began it is told by where its price went."""
        midnight = at_shanghai(self.session, time(0))
        side, last = TradeSide.NEUTRAL, len(self.fens) - 1
        for number, (second, fen, lots) in enumerate(zip(self.seconds, self.fens, self.lots, strict=True)):
            if number > 0 and fen != self.fens[number - 1]:
                side = TradeSide.BUY if fen > self.fens[number - 1] else TradeSide.SELL
            told = TradeSide.NEUTRAL if number in {0, last} else side
            at = midnight + timedelta(seconds=int(second))
            yield Trade(self.symbol, at, number, _price(int(fen)), int(lots) * LOT, told)

    def quotes(self) -> Iterator[Quote]:
        """The share after every second in which it traded; on a sealed limit one side of the book is empty."""
        midnight = at_shanghai(self.session, time(0))
        volume, amount = 0, 0
        for number, (second, fen, lots) in enumerate(zip(self.seconds, self.fens, self.lots, strict=True)):
            volume, amount = volume + int(lots) * LOT, amount + int(lots) * int(fen)
            if number + 1 < len(self.seconds) and self.seconds[number + 1] == second:
                continue
            price = _price(int(fen))
            bid, ask = self._book(price, rising=number > 0 and fen >= self.fens[number - 1])
            at = midnight + timedelta(seconds=int(second))
            yield Quote(self.symbol, at, price, self.pre_close, volume, Decimal(amount), bid, ask)

    def _book(self, price: Decimal, *, rising: bool) -> tuple[Decimal | None, Decimal | None]:
        low, high = self.limits
        if high is not None and price >= high:
            return price, None
        if low is not None and price <= low:
            return None, price
        return (price - _FEN, price) if rising and price > _FEN else (price, price + _FEN)


def tape_of(market: Market, symbol: Symbol, session: date) -> Tape:
    """The session of a share, trade by trade; raises `InvalidInput` for days on which it is not listed."""
    place, at = market.place(symbol), market.number(session)
    if not market.paths.listed[at, place]:
        raise InvalidInput("session", f"{symbol} is not listed on {session}")
    limits = tuple(
        _price(_fen(side[at, place])) if np.isfinite(side[at, place]) else None
        for side in (market.paths.lower, market.paths.upper)
    )
    none = np.zeros(0, dtype=np.int64)
    reference = _price(_fen(market.paths.reference[at, place]))
    empty = Tape(symbol, session, reference, (limits[0], limits[1]), none, none, none)
    days = market.days
    if days.volume[at, place] == 0:
        return empty
    prices = (days.open, days.high, days.low, market.paths.close)
    opened, high, low, close = (_fen(p[at, place]) for p in prices)
    bar = Bar(opened, high, low, close, int(days.volume[at, place]) // LOT, int(days.amount[at, place]))
    seconds, fens, lots = trades_of(bar, stream(market.seed, "ticks", f"{symbol} {session}"))
    return replace(empty, seconds=seconds, fens=fens, lots=lots)


def trades_of(bar: Bar, generator: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """Seconds, fens and lots of trades that add up to a bar; one of fewer than `FEWEST_LOTS` lots is refused."""
    if bar.lots < FEWEST_LOTS:
        raise InvalidInput("lots", f"{bar.lots} are too few for a session: {FEWEST_LOTS} at least")
    count = int(min(max(6 * np.sqrt(bar.lots), 4), _MOST_TRADES, bar.lots // 3))
    draws = generator.random((count + 2, 4))
    seconds = _seconds(draws[1:-1, 0])
    fens, kept = _path(bar, draws)
    lots = _volumes(bar, fens, draws)
    seconds = np.concatenate([[_of_day(OPENING_CALL)], seconds, [_of_day(CLOSING_CALL)]]).astype(np.int64)
    return _meet(bar, seconds, fens, lots, kept)


def _seconds(u: Floats) -> Ints:
    """Moments of continuous trading, dense where real volume is."""
    ladder = np.cumsum(VOLUME_BY_QUARTER_HOUR)
    scaled = np.sort(u) * ladder[-1]
    quarter = np.minimum(np.searchsorted(ladder, scaled, side="right"), len(ladder) - 1)
    inside = (scaled - np.concatenate([[0.0], ladder])[quarter]) / np.array(VOLUME_BY_QUARTER_HOUR)[quarter]
    # The first minutes are the busiest.
    inside = np.where(quarter == 0, inside * (0.4 + 0.6 * inside), inside)
    length = np.where(quarter == len(ladder) - 1, _LAST_QUARTER, 900)
    start = np.where(quarter < 8, _MORNING + 900 * quarter, _AFTERNOON + 900 * (quarter - 8))
    moments: Ints = (start + np.floor(np.minimum(inside, 0.9999) * length)).astype(np.int64)
    return moments


def _path(bar: Bar, draws: Floats) -> tuple[Ints, NDArray[np.bool_]]:
    """Prices from open to close that reach high and low and nothing beyond; and which trades must keep theirs."""
    count = len(draws)
    inner = count - 2
    top, bottom = (1 + int(_near_an_end(u) * inner) for u in draws[0, 1:3])
    if top == bottom:
        bottom = top + 1 if top < inner else top - 1
    anchors = sorted([(0, bar.open), (count - 1, bar.close), (top, bar.high), (bottom, bar.low)])
    at = np.array([place for place, _ in anchors])
    walked = np.cumsum(normal(draws[:, 3])) * _ROUGHNESS * (bar.high - bar.low) / np.sqrt(count)
    steps = np.arange(count)
    line = _between(steps, at, np.array([float(price) for _, price in anchors]))
    noise = walked - _between(steps, at, walked[at])
    fens = np.clip(np.rint(line + noise), bar.low, bar.high).astype(np.int64)
    kept = np.zeros(count, dtype=np.bool_)
    kept[at] = True
    return fens, kept


def _near_an_end(u: float) -> float:
    """Extremes of a day lie near its ends more often than in its middle."""
    centred = 2 * u - 1
    return min(0.9999, 0.5 + 0.5 * centred * (1.6 - 0.6 * abs(centred)))


def _between(steps: Ints, at: Ints, values: Floats) -> Floats:
    """Straight lines between the anchors."""
    right = np.clip(np.searchsorted(at, steps, side="left"), 1, len(at) - 1)
    start, end = at[right - 1], at[right]
    found: Floats = values[right - 1] + (values[right] - values[right - 1]) * ((steps - start) / (end - start))
    return found


def _volumes(bar: Bar, fens: Ints, draws: Floats) -> Ints:
    """Whole lots that lean towards the day's mean price."""
    weights = exp(0.9 * normal(draws[:, 1]))
    continuous = np.cumsum(weights[1:-1])[-1]
    weights[0] = continuous * (0.008 + 0.03 * draws[0, 0])
    weights[-1] = continuous * (0.010 + 0.03 * draws[-1, 0])
    weights = weights / np.cumsum(weights)[-1]
    weights = _leaning(weights, fens.astype(np.float64), bar.amount / bar.lots)
    spread = weights * (bar.lots - len(fens))
    lots = 1 + np.floor(spread).astype(np.int64)
    missing = bar.lots - int(lots.sum())
    lots[np.argsort(np.floor(spread) - spread, kind="stable")[:missing]] += 1
    return lots


def _leaning(weights: Floats, fens: Floats, mean: float) -> Floats:
    """Weights whose mean price is the one wanted: part of them goes to the trades on its other side."""
    now = float(np.cumsum(weights * fens)[-1])
    beyond = weights * (fens > mean if now < mean else fens < mean)
    weight = float(np.cumsum(beyond)[-1])
    if weight <= 0 or now == mean:
        return weights
    there = float(np.cumsum(beyond * fens)[-1]) / weight
    part = min(max((mean - now) / (there - now), 0.0), 1.0)
    return weights * (1 - part) + beyond / weight * part


def _meet(bar: Bar, seconds: Ints, fens: Ints, lots: Ints, kept: NDArray[np.bool_]) -> tuple[Ints, Ints, Ints]:
    """Move single trades by single fen until the amount is met; the calls shrink where nothing else is left."""
    rows = _split_kept(
        [_Row(int(s), int(f), int(v), bool(k)) for s, f, v, k in zip(seconds, fens, lots, kept, strict=True)]
    )
    owed = _owed(rows, bar)
    if abs(owed) > sum(row.lots * abs(_edge(bar, owed) - row.fen) for row in rows if not row.kept):
        rows = _shrunk_calls(rows)
        owed = _owed(rows, bar)
    rows = _moved(rows, owed, bar)
    table = np.array([(row.second, row.fen, row.lots) for row in rows], dtype=np.int64)
    return table[:, 0], table[:, 1], table[:, 2]


def _owed(rows: Sequence[_Row], bar: Bar) -> int:
    return bar.amount - sum(row.fen * row.lots for row in rows)


def _edge(bar: Bar, owed: int) -> int:
    return bar.high if owed > 0 else bar.low


def _split_kept(rows: Sequence[_Row]) -> list[_Row]:
    """Of a trade at the high or the low one lot must stay; the rest of it may move."""
    found = [rows[0]]
    for row in rows[1:-1]:
        if row.kept and row.lots > 1:
            found += [replace(row, lots=1), replace(row, lots=row.lots - 1, kept=False)]
        else:
            found.append(row)
    return [*found, rows[-1]]


def _shrunk_calls(rows: Sequence[_Row]) -> list[_Row]:
    """One lot in each call; what they had trades right after the open."""
    first, last = rows[0], rows[-1]
    spare = first.lots + last.lots - 2
    extra = [_Row(_MORNING, first.fen, spare, kept=False)] if spare else []
    return [replace(first, lots=1), *extra, *rows[1:-1], replace(last, lots=1)]


def _moved(rows: list[_Row], owed: int, bar: Bar) -> list[_Row]:
    """A fen each is hardly seen; more are needed only where the mean price lies near an edge of the day."""
    step, edge, left = (1 if owed > 0 else -1), _edge(bar, owed), abs(owed)
    while left:
        movable = [row for row in rows if not row.kept and row.fen != edge and row.lots <= left]
        if not movable:
            return _split_last(rows, left, step, edge)
        reach = max(1, left // sum(row.lots for row in movable))
        for row in movable:
            moves = min(reach, abs(edge - row.fen), left // row.lots)
            row.fen += step * moves
            left -= moves * row.lots
    return rows


def _split_last(rows: list[_Row], left: int, step: int, edge: int) -> list[_Row]:
    """As many lots of one trade as there are yuan left move by one fen."""
    at = next(i for i, row in enumerate(rows) if not row.kept and row.fen != edge)
    row = rows[at]
    parts = [replace(row, lots=row.lots - left), replace(row, fen=row.fen + step, lots=left)]
    return [*rows[:at], *parts, *rows[at + 1 :]]


def _of_day(moment: time) -> int:
    return moment.hour * 3600 + moment.minute * 60


def _fen(price: float) -> int:
    return int(np.rint(price * 100))


def _price(fen: int) -> Decimal:
    return Decimal(fen) * _FEN
