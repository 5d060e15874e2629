"""The live feed: what is believed is published and stored, a recording is published alone, and losses are survived."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from libs.bus.memory_events import MemoryEvents, MemoryTopics
from libs.bus.redis.events import open_events
from libs.contracts.base import E, Topic
from libs.contracts.market_events import BARS, FEED, QUOTES, TRADES, FeedCondition
from libs.domain.clock import ManualClock, at_shanghai
from libs.domain.market import Board, Symbol
from libs.marketdata.feed import Quote, Tick, Ticks, Trade, TradeSide
from libs.marketdata.minute_builder import MinuteBar
from libs.marketdata.replay_feed import Recording, RecordingServer
from libs.runtime.processes import wait_until
from libs.storage import feeds
from libs.storage.engine import make_engine, transaction
from libs.storage.feeds import FeedState, SessionReference
from services.ingestion.live_market import LiveMarket
from services.ingestion.live_rules import is_trading
from services.ingestion.live_store import MOST_WAITING, LiveStore
from tests.integration.ingestion.conftest import Ingestion

MAOTAI, PINGAN = Symbol("600519.SH"), Symbol("000001.SZ")
DAY = date(2024, 9, 2)


def at(hour: int, minute: int, second: int = 0) -> datetime:
    return at_shanghai(DAY, time(hour, minute, second))


def quote(moment: datetime, price: str, volume: int, symbol: Symbol = MAOTAI) -> Quote:
    return Quote(symbol, moment, Decimal(price), Decimal(1450), volume, Decimal(volume) * 1450)


def trade(moment: datetime, price: str, volume: int, sequence: int) -> Trade:
    return Trade(MAOTAI, moment, sequence, Decimal(price), volume, TradeSide.BUY)


class Desk:
    """A market in memory over a real database."""

    def __init__(self, store: LiveStore, *, replayed: bool = False) -> None:
        self.clock = ManualClock(at(9, 30))
        self.topics = MemoryTopics()
        self.store = store
        self.asked, self.away, self.pingan_rests = 0, False, False
        self.market = LiveMarket(
            "test",
            [MAOTAI, PINGAN],
            self.topics.events("live"),
            references=self.references,
            keep=store.add,
            clock=self.clock,
            replayed=replayed,
            silence_seconds=30,
        )

    async def references(self, _: date) -> dict[Symbol, SessionReference] | None:
        self.asked += 1
        if self.away:
            return None
        known = SessionReference(MAOTAI, Board.MAIN, date(2001, 8, 27), False, Decimal(1450))
        return {MAOTAI: known, PINGAN: replace(known, symbol=PINGAN, rests=self.pingan_rests)}

    async def hear(self, *ticks: Tick, now: datetime | None = None) -> None:
        newest = max(tick.at for tick in ticks)
        if (ahead := (newest - self.clock.utc_now()).total_seconds()) > 0:
            self.clock.advance(ahead)
        await self.market.heard(Ticks(now or newest, tuple(ticks)))

    def state(self) -> FeedState:
        return self.market.state(waiting=self.store.waiting, dropped=self.store.dropped)


class StuckEvents(MemoryEvents):
    """A server that takes everything and answers nothing."""

    def __init__(self) -> None:
        super().__init__(MemoryTopics(), "stuck")
        self.tried = 0

    async def publish(self, topic: Topic[E], events: Sequence[E]) -> None:
        if events:
            self.tried += 1
            await asyncio.Event().wait()


@pytest.fixture
def desk(ingestion: Ingestion) -> Desk:
    return Desk(LiveStore(ingestion.engine, "test"))


@pytest.mark.requirement("B8", "B9")
async def test_what_is_believed_is_published_and_its_minutes_are_stored(desk: Desk, ingestion: Ingestion) -> None:
    quotes, bars = desk.topics.join(QUOTES.name), desk.topics.join(BARS.name)
    await desk.hear(trade(at(9, 30, 3), "1450.00", 100, 1), quote(at(9, 30, 4), "1450.00", 100))
    await desk.hear(trade(at(9, 30, 30), "1452.00", 200, 2))
    await desk.hear(trade(at(9, 31, 5), "1451.00", 100, 3))
    assert quotes.qsize() == 1
    assert bars.qsize() == 1
    assert desk.store.flush(desk.clock.utc_now()) == 4
    assert desk.store.flush(desk.clock.utc_now()) == 0
    with transaction(ingestion.engine) as connection:
        row = connection.execute(text("SELECT * FROM market.minute_bars")).one()
        stored = connection.execute(text("SELECT count(*) FROM market.ticks")).scalar_one()
    assert (row.symbol, row.interval_minutes, row.source) == (MAOTAI, 1, "test")
    assert row.ends_at == row.published_at == at(9, 31)
    assert (row.open, row.high, row.close) == (Decimal(1450), Decimal(1452), Decimal(1452))
    assert (row.volume, stored) == (300, 3)


@pytest.mark.requirement("B11")
async def test_what_is_not_believed_is_counted_and_goes_nowhere(desk: Desk) -> None:
    quotes = desk.topics.join(QUOTES.name)
    good = quote(at(10, 0), "1450.00", 100)
    await desk.hear(
        good,
        replace(good, price=Decimal("NaN")),
        replace(good, price=Decimal("1600.00")),
        replace(good, at=at(9, 58)),
        replace(good, symbol=Symbol("600000.SH")),
        now=at(10, 0),
    )
    assert quotes.qsize() == 1
    assert desk.state().refused == {"not_a_number": 1, "not_subscribed": 1, "out_of_band": 1, "stale": 1}
    assert desk.state().ticks == 1


async def test_a_page_that_repeats_its_last_quote_says_nothing_new(desk: Desk) -> None:
    quotes = desk.topics.join(QUOTES.name)
    for _ in range(5):
        await desk.hear(quote(at(10, 0), "1450.00", 100))
    assert quotes.qsize() == 1
    assert desk.state().refused == {}


async def test_a_share_that_falls_silent_is_named_and_forgiven(desk: Desk) -> None:
    await desk.market.connected()
    changes = desk.topics.join(FEED.name)
    await desk.hear(quote(at(10, 0), "1450.00", 100))
    desk.clock.advance(60)
    await desk.hear(quote(at(10, 1), "1450.00", 200))
    await desk.market.look()
    assert (desk.state().condition, desk.state().silent) == ("stale", (PINGAN,))
    await desk.hear(quote(at(10, 1), "1450.00", 200, PINGAN))
    await desk.market.look()
    assert (desk.state().condition, desk.state().silent) == ("connected", ())
    assert changes.qsize() == 2


async def test_a_share_that_is_known_to_rest_is_not_silent(desk: Desk) -> None:
    desk.pingan_rests = True
    await desk.market.connected()
    for minute in range(3):
        await desk.hear(quote(at(10, minute), "1450.00", 100 + minute))
        await desk.market.look()
    assert desk.state().condition == "connected"
    desk.pingan_rests = False
    await desk.hear(quote(at(10, 30), "1450.00", 900))
    await desk.market.heard(Ticks(at(10, 30), (), quiet=(PINGAN,)))
    await desk.market.look()
    assert desk.state().condition == "connected"


async def test_a_page_that_answers_the_same_for_ever_is_stale(desk: Desk) -> None:
    await desk.market.connected()
    frozen = [quote(at(10, 0), "1450.00", 100), quote(at(10, 0), "1450.00", 100, PINGAN)]
    await desk.hear(*frozen)
    for _ in range(30):
        desk.clock.advance(11)
        await desk.hear(*frozen)
        await desk.market.look()
    assert (desk.state().condition, desk.state().silent) == ("stale", (PINGAN, MAOTAI))


async def test_a_share_nobody_subscribed_is_never_missed(desk: Desk) -> None:
    await desk.market.connected()
    await desk.hear(quote(at(10, 0), "1450.00", 100, Symbol("600000.SH")), quote(at(10, 0), "1450.00", 100))
    desk.clock.advance(60)
    await desk.hear(quote(at(10, 1), "1450.00", 200), quote(at(10, 1), "1450.00", 100, PINGAN))
    await desk.market.look()
    assert desk.state().silent == ()


async def test_what_was_refused_once_is_not_counted_again_at_every_repetition(desk: Desk) -> None:
    quotes = desk.topics.join(QUOTES.name)
    desk.clock.advance(1800)
    for second in range(5):
        await desk.hear(quote(at(9, 50), "1450.00", 100))
        desk.clock.advance(second)
    assert desk.state().refused == {"stale": 1}
    early = quote(at(10, 1), "1450.00", 100)
    for _ in range(2):
        await desk.market.heard(Ticks(early.at, (early,)))
        desk.clock.advance(60)
    assert desk.state().refused == {"stale": 1, "future": 1}
    assert quotes.qsize() == 1


async def test_minutes_in_which_the_feed_was_away_are_not_stored(desk: Desk) -> None:
    bars = desk.topics.join(BARS.name)
    await desk.market.connected()
    await desk.hear(trade(at(10, 0, 5), "1450.00", 100, 1))
    await desk.hear(trade(at(10, 1, 5), "1450.00", 100, 2))
    await desk.market.lost("gone", 1.0)
    desk.clock.advance(120)
    await desk.market.connected()
    await desk.hear(trade(at(10, 3, 30), "1450.00", 100, 3))
    await desk.hear(trade(at(10, 4, 5), "1450.00", 100, 4))
    await desk.hear(trade(at(10, 5, 5), "1450.00", 100, 5))
    assert [json.loads(bars.get_nowait())[2][0]["ends_at"][11:16] for _ in range(bars.qsize())] == ["10:01", "10:05"]


async def test_reference_prices_that_could_not_be_read_are_asked_for_again(desk: Desk) -> None:
    desk.away = True
    await desk.hear(trade(at(10, 0), "1600.00", 100, 1))
    assert (desk.asked, desk.state().refused) == (1, {})
    desk.away = False
    await desk.hear(trade(at(10, 0, 20), "1600.00", 100, 2))
    await desk.hear(trade(at(10, 0, 31), "1600.00", 100, 3))
    assert (desk.asked, desk.state().refused) == (2, {"out_of_band": 1})


async def test_events_that_cannot_be_published_hold_nothing_up(desk: Desk) -> None:
    stuck = StuckEvents()
    desk.market._events = stuck
    for second in range(5):
        await desk.hear(trade(at(10, 0, second), "1450.00", 100, second))
    assert (stuck.tried, desk.store.waiting) == (1, 5)
    desk.clock.advance(11)
    await desk.hear(trade(at(10, 0, 20), "1450.00", 100, 6))
    assert stuck.tried == 2


async def test_a_recording_is_published_as_one_and_never_stored(ingestion: Ingestion) -> None:
    desk = Desk(LiveStore(ingestion.engine, "replay"), replayed=True)
    quotes = desk.topics.join(QUOTES.name)
    desk.clock.advance(timedelta(days=700).total_seconds())
    await desk.hear(quote(at(9, 30, 3), "1450.00", 100), now=at(9, 30, 4))
    await desk.hear(quote(at(9, 32, 3), "1450.00", 200), now=at(9, 32, 4))
    assert quotes.qsize() == 2
    assert b'"replayed":true' in quotes.get_nowait()
    assert desk.store.waiting == 0


async def test_rows_wait_while_the_database_is_away_and_their_number_is_bounded() -> None:
    store = LiveStore(make_engine("postgresql://nobody:x@127.0.0.1:1/none"), "test")
    store.add([], [trade(at(10, 0), "1450.00", 100, number) for number in range(MOST_WAITING + 5)])
    assert (store.waiting, store.dropped) == (MOST_WAITING, 5)
    assert await asyncio.to_thread(store.flush, at(10, 1)) == 0
    assert store.waiting == MOST_WAITING


async def test_flushes_at_the_same_time_store_every_row_once(ingestion: Ingestion) -> None:
    store = LiveStore(ingestion.engine, "test")
    store.add([], [trade(at(10, 0), "1450.00", 100, number) for number in range(500)])
    stored = await asyncio.gather(*(asyncio.to_thread(store.flush, at(10, 1)) for _ in range(4)))
    assert (sorted(stored), store.waiting) == ([0, 0, 0, 500], 0)
    assert ingestion.count("ticks") == 500


def test_rows_dropped_while_others_are_written_take_nothing_else_along(
    ingestion: Ingestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, writing, go_on = LiveStore(ingestion.engine, "test"), threading.Event(), threading.Event()
    write = store._write

    def slowly(bars: Sequence[MinuteBar], trades: Sequence[Trade], now: datetime) -> None:
        writing.set()
        assert go_on.wait(10)
        write(bars, trades, now)

    monkeypatch.setattr(LiveStore, "_write", lambda _, *arguments: slowly(*arguments))
    store.add([], [trade(at(10, 0), "1450.00", 100, number) for number in range(10)])
    flushing = threading.Thread(target=store.flush, args=(at(10, 1),))
    flushing.start()
    assert writing.wait(10)
    store.add([], [trade(at(10, 1), "1450.00", 100, number) for number in range(MOST_WAITING + 5)])
    go_on.set()
    flushing.join(10)
    assert (store.waiting, store.dropped, ingestion.count("ticks")) == (MOST_WAITING, 5, 10)


async def test_rows_that_no_table_takes_are_given_up_and_those_after_them_are_stored(
    desk: Desk, ingestion: Ingestion
) -> None:
    desk.store.add([], [trade(at(10, 0), "99999999999", 100, 1)])
    assert await asyncio.to_thread(desk.store.flush, at(10, 1)) == 0
    assert (desk.store.waiting, desk.store.dropped) == (0, 1)
    desk.store.add([], [trade(at(10, 0), "1450.00", 100, 2)])
    assert await asyncio.to_thread(desk.store.flush, at(10, 2)) == 1
    assert ingestion.count("ticks") == 1


async def test_that_nobody_knows_a_band_is_told_once_a_session(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.away = True
    for second in range(3):
        await desk.hear(quote(at(10, 0, second), "1450.00", 100 + second, PINGAN))
    told = [record for record in caplog.records if record.message == "ticks are not held against a price band"]
    assert [record.__dict__["first"] for record in told] == [PINGAN]


def test_unknown_trading_hours_are_told_and_not_only_quiet(caplog: pytest.LogCaptureFixture) -> None:
    assert not is_trading(at_shanghai(date(2043, 9, 1), time(10)))
    assert [record.__dict__["day"] for record in caplog.records] == ["2043-09-01"]


def test_the_exchange_may_speak_in_its_hours_alone() -> None:
    assert is_trading(at(9, 20))
    assert is_trading(at(11, 30, 30))
    assert is_trading(at(15, 0, 5))
    assert not is_trading(at(12, 0))
    assert not is_trading(at(16, 0))
    assert not is_trading(at_shanghai(date(2024, 9, 1), time(10)))
    assert not is_trading(at_shanghai(date(2044, 9, 1), time(10)))


@asynccontextmanager
async def playing(port: int = 0) -> AsyncIterator[int]:
    """A server that plays trades of one minute, slowly enough to be there for a while."""
    trades = tuple(trade(at(10, 0) + timedelta(seconds=number), "1450.00", 100, number) for number in range(600))
    server = await RecordingServer(Recording("made", trades), speed=20).start("127.0.0.1", port)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
def live_process(ingestion: Ingestion, redis_url: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait(10)


def start(ingestion: Ingestion, redis_url: str, port: int) -> subprocess.Popen[bytes]:
    environment = ingestion.environment(
        HIDDENGEM_REDIS_URL=redis_url,
        HIDDENGEM_FEED=f"replay+ws://127.0.0.1:{port}",
        HIDDENGEM_FEED_SYMBOLS=MAOTAI,
        HIDDENGEM_LOG_LEVEL="error",
    )
    return subprocess.Popen([sys.executable, "-m", "services.ingestion.live", str(os.getpid())], env=environment)


def condition(ingestion: Ingestion) -> str | None:
    with transaction(ingestion.engine, read_only=True) as connection:
        return next((state.condition for state in feeds.states(connection)), None)


async def until(ingestion: Ingestion, wanted: FeedCondition) -> None:
    reached = await asyncio.to_thread(
        wait_until, lambda: condition(ingestion) == wanted.value, patience_seconds=30, interval_seconds=0.05
    )
    assert reached, condition(ingestion)


@pytest.mark.requirement("B10")
async def test_a_server_that_goes_away_and_comes_back_is_heard_again(
    ingestion: Ingestion, redis_url: str, live_process: list[subprocess.Popen[bytes]]
) -> None:
    async with open_events(redis_url, instance="test") as events:
        following = events.follow(TRADES)
        first = asyncio.ensure_future(anext(following))
        async with playing() as port:
            live_process.append(start(ingestion, redis_url, port))
            heard = await asyncio.wait_for(first, 30)
            assert heard.events[0].symbol == MAOTAI
            assert heard.events[0].replayed
            await until(ingestion, FeedCondition.CONNECTED)
        await until(ingestion, FeedCondition.LOST)
        async with playing(port):
            while (batch := await asyncio.wait_for(anext(following), 30)).events[0].sequence > 0:
                assert batch.events
    live_process[0].terminate()
    assert await asyncio.to_thread(live_process[0].wait, 10) == 0
    assert ingestion.count("ticks") == 0


def test_an_address_nobody_understands_ends_the_process_naming_the_setting(ingestion: Ingestion) -> None:
    environment = ingestion.environment(HIDDENGEM_FEED="ftp://nowhere")
    command = [sys.executable, "-m", "services.ingestion.live", str(os.getpid())]
    ended = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=30)
    assert ended.returncode != 0
    assert b"HIDDENGEM_FEED" in ended.stderr
