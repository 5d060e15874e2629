"""A simulated session's trades, minutes and quotes say exactly what its daily bar says, and a feed plays them."""

import asyncio
from collections import Counter
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.ashare.bands import Band
from libs.ashare.calendar import CALENDAR
from libs.domain.clock import SHANGHAI
from libs.domain.errors import InvalidInput
from libs.domain.market import Symbol
from libs.marketdata.feed import Feed, FeedLost, FeedRefused, Quote, Ticks, Trade, TradeSide
from libs.marketdata.row_checks import checks_for
from libs.marketdata.sim import MinutesAsked, SimulatedExchange
from libs.marketdata.sim_feed import SimFeed, seconds_of
from libs.marketdata.sim_market import Market, market_of
from libs.marketdata.sim_minutes import INTERVALS, minute_bars, trade_rows
from libs.marketdata.sim_numbers import stream
from libs.marketdata.sim_ticks import Bar, Tape, tape_of, trades_of
from libs.marketdata.source import Kind
from libs.marketdata.tick_checks import BandOf, TickChecker
from libs.marketdata.validation import check

LAST = date(2024, 6, 28)


@lru_cache(maxsize=1)
def made() -> Market:
    return market_of(7, LAST, 80)


@st.composite
def bars(draw: st.DrawFn) -> Bar:
    low = draw(st.integers(20, 5000))
    high = low + draw(st.integers(0, low // 2))
    first, last = draw(st.integers(low, high)), draw(st.integers(low, high))
    lots = draw(st.integers(20, 4000))
    there = first + last + low + high
    amount = draw(st.integers(there + (lots - 4) * low, there + (lots - 4) * high))
    return Bar(first, high, low, last, lots, amount)


@settings(max_examples=150, deadline=None)
@given(bar=bars(), key=st.integers(0, 10**6))
def test_the_trades_of_any_bar_add_up_to_it(bar: Bar, key: int) -> None:
    seconds, fens, lots = trades_of(bar, stream(key, "any"))
    assert (fens[0], fens.max(), fens.min(), fens[-1]) == (bar.open, bar.high, bar.low, bar.close)
    assert (lots.sum(), (fens * lots).sum()) == (bar.lots, bar.amount)
    assert (lots > 0).all()
    assert (np.diff(seconds) >= 0).all()


@settings(max_examples=40, deadline=None)
@given(at=st.integers(0, 10**9), share=st.integers(0, 79))
def test_the_tape_of_a_session_is_its_daily_bar_to_the_last_yuan(at: int, share: int) -> None:
    market = made()
    number = at % len(market.sessions)
    symbol = market.symbols[share]
    if not market.paths.listed[number, share]:
        return
    tape = tape_of(market, symbol, market.sessions[number])
    trades = list(tape.trades())
    assert sum(trade.volume for trade in trades) == market.days.volume[number, share]
    assert sum(trade.price * trade.volume for trade in trades) == int(market.days.amount[number, share])
    if trades:
        prices = [trade.price for trade in trades]
        daily = [market.days.open, market.days.high, market.days.low, market.paths.close]
        told = [Decimal(f"{price[number, share]:.2f}") for price in daily]
        assert [prices[0], max(prices), min(prices), prices[-1]] == told
        last = list(tape.quotes())[-1]
        assert (last.volume, last.amount) == (sum(t.volume for t in trades), sum(t.price * t.volume for t in trades))


def busy(market: Market, session: int = 30) -> tuple[Symbol, date]:
    """The most traded share of a session."""
    listed = np.where(market.paths.traded[session], market.days.amount[session], 0)
    return market.symbols[int(np.argmax(listed))], market.sessions[session]


def test_trades_come_in_the_calls_and_in_continuous_trading_alone() -> None:
    trades = list(tape_of(made(), *busy(made())).trades())
    moments = [trade.at.astimezone(SHANGHAI).time() for trade in trades]
    assert (moments[0], moments[-1]) == (time(9, 25), time(15, 0))
    assert trades[0].side is trades[-1].side is TradeSide.NEUTRAL
    for moment in moments[1:-1]:
        assert time(9, 30) <= moment < time(11, 30) or time(13, 0) <= moment < time(14, 57)
    assert len({trade.sequence for trade in trades}) == len(trades)
    assert {TradeSide.BUY, TradeSide.SELL} <= {trade.side for trade in trades}


def test_volume_is_heavy_at_the_open_and_rises_again_towards_the_close() -> None:
    market = made()
    _, session = busy(market)
    sums: Counter[int] = Counter()
    for symbol in market.symbols[:40]:
        for trade in tape_of(market, symbol, session).trades():
            sums[trade.at.astimezone(SHANGHAI).hour * 4 + trade.at.astimezone(SHANGHAI).minute // 15] += trade.volume
    open_quarter, late_morning, last_quarter = sums[38], sums[45], sums[59] + sums[60]
    assert open_quarter > 2 * late_morning
    assert last_quarter > 1.1 * late_morning


def test_a_share_sealed_at_its_limit_has_nobody_on_the_other_side() -> None:
    market = market_of(20260101, date(2025, 12, 31))
    up = np.argwhere(market.days.sealed & (market.paths.close == market.paths.upper))
    number, share = (int(i) for i in up[0])
    quotes = list(tape_of(market, market.symbols[share], market.sessions[number]).quotes())
    assert {quote.price for quote in quotes} == {quotes[0].price}
    assert all(quote.ask is None and quote.bid == quote.price for quote in quotes)


@pytest.mark.parametrize("interval", INTERVALS)
def test_minute_bars_pass_every_check_and_add_up_to_the_day(interval: int) -> None:
    market = made()
    symbol, session = busy(market)
    rows = minute_bars(market, [symbol], [session], interval)
    assert rows.height == 240 // interval
    assert dict(check(rows, checks_for(Kind.MINUTE_BARS, CALENDAR.sessions)).rejected) == {}
    number, share = market.number(session), market.place(symbol)
    assert rows["open"][0] == market.days.open[number, share]
    assert rows["close"][-1] == market.paths.close[number, share]
    assert rows["high"].max() == market.days.high[number, share]
    assert rows["low"].min() == market.days.low[number, share]
    assert rows["volume"].sum() == market.days.volume[number, share]
    assert rows["amount"].sum() == market.days.amount[number, share]
    assert rows["ends_at"].dt.time().max() == time(15, 0)


def test_minutes_of_another_length_are_refused_and_a_source_gives_them_on_request() -> None:
    market = made()
    with pytest.raises(InvalidInput, match="interval"):
        minute_bars(market, market.symbols[:1], market.sessions[:1], 7)
    asked = MinutesAsked((market.symbols[0], market.symbols[1]), sessions=2, interval=15)
    source = SimulatedExchange(seed=7, last_session=LAST, size=80, minutes=asked)
    assert Kind.MINUTE_BARS in source.kinds
    [batch] = source.read(source.parts()[1])
    assert batch.frame.height == 2 * 2 * 16
    assert Kind.MINUTE_BARS not in SimulatedExchange.kinds


def test_trades_as_rows_pass_every_check() -> None:
    market = made()
    rows = trade_rows(market, market.symbols[:5], market.sessions[40:42])
    assert rows.height > 1000
    assert dict(check(rows, checks_for(Kind.TICKS, CALENDAR.sessions)).rejected) == {}
    assert not rows.select(pl.struct("symbol", "traded_at", "sequence").is_duplicated().any()).item()


def test_a_suspended_session_has_no_trades_and_an_unlisted_one_is_an_error() -> None:
    market = market_of(20260101, date(2024, 12, 31))
    number, share = (int(i) for i in np.argwhere(market.paths.halted & market.paths.listed)[0])
    assert list(tape_of(market, market.symbols[share], market.sessions[number]).trades()) == []
    young = next(c for c in market.companies if c.listed_at > 5)
    with pytest.raises(InvalidInput, match="not listed"):
        tape_of(market, young.symbol, market.sessions[young.listed_at - 1])


def test_the_same_session_is_the_same_tape_whenever_the_market_ends() -> None:
    symbol, session = busy(made())
    earlier = tape_of(market_of(7, date(2024, 4, 30), 80), symbol, session)
    later = tape_of(made(), symbol, session)
    assert list(earlier.trades()) == list(later.trades())


async def _heard(feed: Feed, symbols: list[Symbol], most: int = 10**9) -> list[Ticks]:
    found: list[Ticks] = []
    try:
        async with feed.connect(symbols) as stream:
            async for ticks in stream:
                found.append(ticks)
                if len(found) == most:
                    break
    except FeedLost:
        pass
    return found


class Pauses:
    """Sleeps in no time and remembers how long it should have been."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def test_a_feed_plays_what_the_tape_says_by_the_clock_of_the_session() -> None:
    market = made()
    symbol, session = busy(market)
    pauses = Pauses()
    feed = SimFeed(market, [session], speed=60.0, sleep=pauses)
    heard = asyncio.run(_heard(feed, [symbol]))
    assert feed.replayed
    trades = [tick for ticks in heard for tick in ticks.ticks if isinstance(tick, Trade)]
    assert trades == list(tape_of(market, symbol, session).trades())
    assert all(tick.at == ticks.now for ticks in heard for tick in ticks.ticks)
    assert max(pauses.seconds) == 5.0
    assert 235 < sum(pauses.seconds) < 256


def test_a_feed_that_was_lost_goes_on_where_its_clock_stands() -> None:
    market = made()
    symbol, session = busy(market)
    feed = SimFeed(market, [session], speed=0, sleep=Pauses())
    first = asyncio.run(_heard(feed, [symbol], most=20))
    rest = asyncio.run(_heard(feed, [symbol]))
    whole = asyncio.run(_heard(SimFeed(market, [session], speed=0, sleep=Pauses()), [symbol]))
    assert first + rest == whole


def test_a_feed_refuses_what_nobody_lists_and_speeds_below_nothing() -> None:
    market = made()
    feed = SimFeed(market, [market.sessions[0]])
    with pytest.raises(FeedRefused, match="600519"):
        feed.connect([Symbol("600519.SH")])
    with pytest.raises(InvalidInput, match="speed"):
        SimFeed(market, [], speed=-1)
    with pytest.raises(InvalidInput, match="session"):
        SimFeed(market, [date(2024, 1, 6)])


def test_every_tick_can_be_believed() -> None:
    market = made()
    session = market.sessions[25]
    tapes = [tape_of(market, symbol, session) for symbol in market.symbols[:12]]
    checker = TickChecker(frozenset(market.symbols), _band_of(tapes), lambda _: True)
    refused = [checker.accept(tick, now) for now, ticks in seconds_of(tapes) for tick in ticks]
    assert refused.count(None) == len(refused) > 1000


def _band_of(tapes: list[Tape]) -> BandOf:
    bands = {tape.symbol: tape.limits for tape in tapes}

    def of(symbol: Symbol, _: date, __: Decimal | None) -> Band | None:
        low, high = bands[symbol]
        return None if low is None or high is None else Band(low, high)

    return of


def test_quotes_run_from_the_sessions_start_and_never_cross() -> None:
    quotes: list[Quote] = list(tape_of(made(), *busy(made())).quotes())
    volumes = [quote.volume for quote in quotes]
    assert volumes == sorted(volumes)
    assert len({quote.at for quote in quotes}) == len(quotes)
    assert all(q.bid is None or q.ask is None or q.bid < q.ask for q in quotes)
    assert isinstance(quotes[0].at, datetime)
