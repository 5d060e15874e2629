"""Minutes hold exactly what was traded in them."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.domain.clock import at_shanghai
from libs.domain.market import Symbol
from libs.marketdata.feed import Quote, Trade, TradeSide
from libs.marketdata.minute_builder import MinuteBuilder, minute_end

MAOTAI = Symbol("600519.SH")
DAY = date(2024, 9, 2)
END = at_shanghai(DAY, time(23))


def at(hour: int, minute: int, second: int = 0) -> datetime:
    return at_shanghai(DAY, time(hour, minute, second))


def trade(moment: datetime, price: str, volume: int, sequence: int = 0) -> Trade:
    return Trade(MAOTAI, moment, sequence, Decimal(price), volume, TradeSide.NEUTRAL)


def quote(moment: datetime, price: str, volume: int) -> Quote:
    return Quote(MAOTAI, moment, Decimal(price), Decimal(10), volume, Decimal(volume) * 10)


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        (at(9, 25), at(9, 30)),
        (at(9, 30), at(9, 31)),
        (at(9, 30, 59), at(9, 31)),
        (at(11, 29, 59), at(11, 30)),
        (at(11, 30, 2), at(11, 30)),
        (at(13, 0), at(13, 1)),
        (at(14, 59, 59), at(15, 0)),
        (at(15, 0, 3), at(15, 0)),
    ],
)
def test_a_minute_is_named_by_its_end(moment: datetime, end: datetime) -> None:
    assert minute_end(moment) == end


def test_a_bar_is_closed_by_the_next_minute_or_by_the_clock() -> None:
    builder = MinuteBuilder()
    assert builder.add(trade(at(9, 31, 5), "10.00", 100)) == []
    assert builder.add(trade(at(9, 31, 50), "10.20", 300)) == []
    (bar,) = builder.add(trade(at(9, 32, 1), "10.10", 200))
    assert (bar.ends_at, bar.open, bar.high, bar.low, bar.close) == (
        at(9, 32), Decimal("10.00"), Decimal("10.20"), Decimal("10.00"), Decimal("10.20"),
    )  # fmt: skip
    assert (bar.volume, bar.amount) == (400, Decimal("4060.00"))
    assert builder.close_until(at(9, 32, 59)) == []
    assert [bar.ends_at for bar in builder.close_until(at(9, 33))] == [at(9, 33)]


def test_a_closed_bar_never_changes() -> None:
    builder = MinuteBuilder()
    builder.add(trade(at(9, 31, 5), "10.00", 100))
    builder.close_until(at(9, 32))
    assert builder.add(trade(at(9, 31, 59), "99.00", 100)) == []
    assert builder.late == 1
    assert builder.close_until(END) == []


def test_running_totals_become_what_was_traded_between() -> None:
    builder = MinuteBuilder()
    builder.add(quote(at(9, 25, 1), "10.00", 500))
    assert [bar.volume for bar in builder.add(quote(at(9, 30, 3), "10.01", 800))] == [500]
    assert builder.add(quote(at(9, 30, 6), "10.01", 800)) == []
    assert [bar.volume for bar in builder.close_until(END)] == [300]


def test_who_joins_in_the_middle_of_a_session_does_not_own_its_morning() -> None:
    builder = MinuteBuilder()
    assert builder.add(quote(at(10, 15), "10.00", 1_000_000)) == []
    builder.add(quote(at(10, 15, 3), "10.00", 1_000_200))
    assert [bar.volume for bar in builder.close_until(END)] == [200]


def test_a_feed_that_gives_trades_and_quotes_is_counted_once() -> None:
    builder = MinuteBuilder()
    builder.add(trade(at(9, 31, 1), "10.00", 100))
    builder.add(quote(at(9, 31, 2), "10.00", 100))
    builder.add(quote(at(9, 31, 3), "10.00", 300))
    assert [bar.volume for bar in builder.close_until(END)] == [100]


def test_a_minute_that_was_not_heard_from_its_beginning_is_no_bar() -> None:
    builder = MinuteBuilder()
    builder.join(at(10, 15, 20))
    assert builder.add(trade(at(10, 15, 30), "10.00", 100, 1)) == []
    assert builder.add(trade(at(10, 16, 5), "10.10", 200, 2)) == []
    assert [bar.volume for bar in builder.close_until(END)] == [200]
    assert builder.partial == 1


def test_what_was_traded_while_the_feed_was_away_is_put_into_no_minute() -> None:
    builder = MinuteBuilder()
    builder.join(at(9, 14))
    builder.add(quote(at(9, 25, 3), "10.00", 500))
    assert [bar.volume for bar in builder.add(quote(at(9, 30, 3), "10.00", 800))] == [500]
    builder.join(at(10, 30, 40))
    assert builder.partial == 1
    assert builder.add(quote(at(10, 30, 50), "10.00", 90_000)) == []
    assert builder.add(quote(at(10, 31, 3), "10.00", 90_100)) == []
    assert [(bar.ends_at, bar.volume) for bar in builder.close_until(END)] == [(at(10, 32), 100)]


def test_a_share_that_begins_to_trade_late_is_heard_whole_by_who_was_there_at_the_opening() -> None:
    builder = MinuteBuilder()
    builder.join(at(9, 14))
    assert builder.add(quote(at(10, 30, 3), "10.00", 700)) == []
    assert [bar.volume for bar in builder.close_until(END)] == [700]


def test_quotes_before_the_first_trade_are_not_counted_beside_it() -> None:
    builder = MinuteBuilder()
    builder.join(at(9, 14))
    builder.add(quote(at(9, 30, 3), "10.00", 100))
    assert builder.add(trade(at(9, 30, 3), "10.00", 100, 1)) == []
    builder.add(trade(at(9, 31, 3), "10.00", 300, 2))
    assert [bar.volume for bar in builder.close_until(END)] == [300]
    assert builder.partial == 1


@given(
    st.lists(st.tuples(st.integers(0, 6 * 3600), st.integers(1, 1000), st.integers(900, 1100)), min_size=1, max_size=80)
)
def test_nothing_that_was_traded_is_lost_or_counted_twice(trades: list[tuple[int, int, int]]) -> None:
    builder, bars = MinuteBuilder(), []
    for number, (second, volume, cents) in enumerate(sorted(trades)):
        moment = at(9, 15) + timedelta(seconds=second)
        bars += builder.add(trade(moment, f"{cents / 100:.2f}", volume, number))
    bars += builder.close_until(END)
    assert sum(bar.volume for bar in bars) == sum(volume for _, volume, _ in trades)
    assert [bar.ends_at for bar in bars] == sorted({bar.ends_at for bar in bars})
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)
    assert builder.late == 0
