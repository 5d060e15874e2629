"""The tick protocol: what is written is read again, and nothing that comes over it breaks the reader."""

import json
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.domain.clock import SHANGHAI
from libs.domain.errors import InvalidInput
from libs.domain.market import Symbol
from libs.marketdata import feed_wire
from libs.marketdata.feed import FeedLost, FeedRefused, Quote, Ticks, Trade, TradeSide

NOW = datetime(2024, 9, 2, 10, tzinfo=SHANGHAI)
SYMBOLS = st.sampled_from([Symbol("600519.SH"), Symbol("000001.SZ"), Symbol("920002.BJ")])
MOMENTS = st.integers(0, 10**7).map(lambda ms: NOW + timedelta(milliseconds=ms))
PRICES = st.decimals("0.001", "99999", places=3)
QUOTES = st.builds(
    Quote,
    symbol=SYMBOLS,
    at=MOMENTS,
    price=PRICES,
    pre_close=PRICES,
    volume=st.integers(0, 10**12),
    amount=st.decimals(0, 10**12, places=2),
    bid=st.none() | PRICES,
    ask=st.none() | PRICES,
)
TRADES = st.builds(
    Trade,
    symbol=SYMBOLS,
    at=MOMENTS,
    sequence=st.integers(0, 10**9),
    price=PRICES,
    volume=st.integers(1, 10**9),
    side=st.sampled_from(TradeSide),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["now", "quotes", "trades", "x"]), inner),
)


@given(st.lists(QUOTES), st.lists(TRADES))
def test_ticks_are_read_as_they_were_written(quotes: list[Quote], trades: list[Trade]) -> None:
    ticks = Ticks(NOW, (*quotes, *trades))
    read = feed_wire.read_ticks(feed_wire.write_ticks(ticks))
    assert read is not None
    assert (read.now, read.garbled) == (NOW, 0)
    assert [tick for tick in read.ticks if isinstance(tick, Quote)] == sorted(quotes, key=lambda tick: tick.at)
    assert [tick for tick in read.ticks if isinstance(tick, Trade)] == sorted(trades, key=lambda tick: tick.at)


def test_a_share_is_told_in_the_order_of_time_and_by_its_trades_first() -> None:
    at = [NOW + timedelta(seconds=second) for second in range(3)]
    quote = Quote(Symbol("600519.SH"), at[1], Decimal(10), Decimal(10), 200, Decimal(2000))
    trades = [Trade(quote.symbol, moment, 1, Decimal(10), 100, TradeSide.BUY) for moment in at]
    read = feed_wire.read_ticks(feed_wire.write_ticks(Ticks(at[2], (quote, *trades))))
    assert read is not None
    assert read.ticks == (trades[0], trades[1], quote, trades[2])


@pytest.mark.parametrize(
    "message",
    [
        "[" * 100_000,
        '{"now":"9999-12-31T23:59:59-10:00"}',
        '{"now":"0001-01-01T00:00:00+08:00"}',
        '{"now":"2024-09-02"}',
    ],
)
def test_a_message_that_would_break_the_reader_is_a_lost_feed(message: str) -> None:
    with pytest.raises(FeedLost):
        feed_wire.read_ticks(message)


@given(st.lists(JSON), st.lists(JSON), QUOTES)
def test_rows_that_cannot_be_read_are_counted_and_the_others_kept(
    quotes: list[object], trades: list[object], good: Quote
) -> None:
    whole = json.loads(feed_wire.write_ticks(Ticks(NOW, (good,))))
    message = json.dumps({**whole, "quotes": [*whole["quotes"], *quotes], "trades": trades})
    read = feed_wire.read_ticks(message)
    assert read is not None
    assert good in read.ticks
    assert len(read.ticks) + read.garbled == 1 + len(quotes) + len(trades)


@given(st.binary() | JSON.map(json.dumps))
def test_a_message_of_anything_else_is_a_lost_feed(message: bytes | str) -> None:
    try:
        read = feed_wire.read_ticks(message)
    except FeedLost:
        return
    assert read is None or read.now.tzinfo is not None


def test_the_end_is_no_tick() -> None:
    assert feed_wire.read_ticks('{"end":"of the recording"}') is None


def test_the_server_says_who_it_is() -> None:
    assert feed_wire.read_hello(feed_wire.hello("ticks", replay=True)) == ("ticks", True)
    assert feed_wire.read_hello(feed_wire.hello("broker", replay=False)) == ("broker", False)
    for message in ("{}", '{"hello":{"version":2,"mode":"live"}}', '{"hello":{"version":1,"mode":"x"}}'):
        with pytest.raises(FeedRefused):
            feed_wire.read_hello(message)


def test_a_subscription_names_shares() -> None:
    assert feed_wire.read_subscription(feed_wire.subscription([Symbol("600519.SH")])) == {"600519.SH"}
    for message in ('{"subscribe":"600519.SH"}', '{"subscribe":["x"]}', "{}"):
        with pytest.raises(InvalidInput) as caught:
            feed_wire.read_subscription(message)
        assert caught.value.field == "subscribe"
