"""Which ticks are believed, and why the others are not."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.ashare.bands import Band
from libs.domain.market import Symbol
from libs.marketdata.feed import Quote, Tick, Trade, TradeSide
from libs.marketdata.tick_checks import TickChecker, TickFault, is_ever, silent_since

MAOTAI, OTHER = Symbol("600519.SH"), Symbol("600000.SH")
NOW = datetime(2024, 9, 2, 2, 0, 10, tzinfo=UTC)
NAN, INFINITE = Decimal("NaN"), Decimal("Infinity")


def checker() -> TickChecker:
    def band_of(_symbol: Symbol, _session: date, _reference: Decimal | None) -> Band:
        return Band(Decimal(9), Decimal(11))

    return TickChecker(frozenset([MAOTAI]), band_of, lambda at: at.astimezone(UTC).hour in {1, 2, 3, 5, 6})


def quote(**changed: object) -> Quote:
    fields: dict[str, object] = {
        "symbol": MAOTAI,
        "at": NOW,
        "price": Decimal(10),
        "pre_close": Decimal(10),
        "volume": 1000,
        "amount": Decimal(10) * int(str(changed.get("volume", 1000))),
        "bid": Decimal("9.99"),
        "ask": Decimal("10.01"),
    }
    return Quote(**{**fields, **changed})  # type: ignore[arg-type]  # the changes are the test's own


def trade(**changed: object) -> Trade:
    fields: dict[str, object] = {
        "symbol": MAOTAI,
        "at": NOW,
        "sequence": 1,
        "price": Decimal(10),
        "volume": 100,
        "side": TradeSide.BUY,
    }
    return Trade(**{**fields, **changed})  # type: ignore[arg-type]  # the changes are the test's own


@pytest.mark.requirement("B11")
@pytest.mark.parametrize(
    ("tick", "fault"),
    [
        (quote(symbol=OTHER), TickFault.NOT_SUBSCRIBED),
        (quote(price=NAN), TickFault.NOT_A_NUMBER),
        (quote(bid=INFINITE), TickFault.NOT_A_NUMBER),
        (quote(amount=NAN), TickFault.NOT_A_NUMBER),
        (quote(price=Decimal(0)), TickFault.NOT_POSITIVE),
        (quote(pre_close=Decimal(-1)), TickFault.NOT_POSITIVE),
        (quote(volume=-1), TickFault.NOT_POSITIVE),
        (trade(volume=0), TickFault.NOT_POSITIVE),
        (quote(price=Decimal("10.00001")), TickFault.OFF_TICK),
        (quote(price=Decimal("1E+30")), TickFault.IMPLAUSIBLE),
        (quote(volume=10**15, amount=Decimal(10) ** 16), TickFault.IMPLAUSIBLE),
        (quote(amount=Decimal("1E+40")), TickFault.IMPLAUSIBLE),
        (quote(volume=10, amount=Decimal(10_000)), TickFault.IMPLAUSIBLE),
        (quote(amount=Decimal(1)), TickFault.IMPLAUSIBLE),
        (trade(volume=10**15), TickFault.IMPLAUSIBLE),
        (trade(sequence=2**63), TickFault.IMPLAUSIBLE),
        (trade(sequence=-1), TickFault.NOT_POSITIVE),
        (quote(bid=Decimal("10.02")), TickFault.CROSSED),
        (quote(at=NOW + timedelta(seconds=4)), TickFault.FUTURE),
        (quote(at=NOW - timedelta(seconds=61)), TickFault.STALE),
        (trade(price=Decimal("11.01")), TickFault.OUT_OF_BAND),
        (quote(price=Decimal("8.99"), bid=None, ask=None), TickFault.OUT_OF_BAND),
    ],
)
def test_a_tick_that_cannot_be_is_refused_for_one_reason(tick: Tick, fault: TickFault) -> None:
    judge = checker()
    assert judge.accept(tick, NOW) is fault
    assert judge.refused == {fault: 1}


def test_a_tick_outside_the_session_is_refused() -> None:
    lunch = datetime(2024, 9, 2, 4, 0, tzinfo=UTC)
    assert checker().accept(quote(at=lunch), lunch) is TickFault.NO_SESSION


def test_a_tick_is_judged_by_the_last_one_that_was_believed() -> None:
    judge = checker()
    assert judge.accept(quote(volume=5000), NOW) is None
    assert judge.accept(quote(volume=4000), NOW) is TickFault.VOLUME_FELL
    assert judge.accept(quote(volume=6000, at=NOW - timedelta(seconds=1)), NOW) is TickFault.BACKWARDS
    assert judge.accept(quote(volume=6000, pre_close=Decimal("10.10")), NOW) is TickFault.REFERENCE_CHANGED
    assert judge.accept(quote(volume=5000), NOW) is None


def test_a_trade_that_comes_twice_is_refused_once_it_was_seen() -> None:
    judge = checker()
    assert judge.accept(trade(), NOW) is None
    assert judge.accept(trade(), NOW) is TickFault.REPEATED
    assert judge.accept(trade(sequence=2), NOW) is None
    assert judge.accept(trade(sequence=1), NOW) is TickFault.REPEATED


def test_quotes_and_trades_of_a_share_are_two_series() -> None:
    judge, before = checker(), NOW - timedelta(seconds=1)
    assert judge.accept(quote(), NOW) is None
    assert judge.accept(trade(at=before), NOW) is None
    assert judge.accept(quote(at=before), NOW) is TickFault.BACKWARDS
    assert judge.accept(trade(at=before - timedelta(seconds=1), sequence=2), NOW) is TickFault.BACKWARDS


def test_a_new_session_begins_with_new_totals() -> None:
    judge, next_day = checker(), NOW + timedelta(days=1)
    assert judge.accept(quote(volume=5000), NOW) is None
    assert judge.accept(quote(volume=10, at=next_day, pre_close=Decimal("10.20")), next_day) is None


@given(
    price=st.decimals(allow_nan=True, allow_infinity=True),
    bid=st.none() | st.decimals(allow_nan=True, allow_infinity=True),
    volume=st.integers(-10, 10**15),
    seconds=st.floats(-1e6, 1e6),
)
def test_whatever_comes_is_judged_and_what_is_believed_is_sound(
    price: Decimal, bid: Decimal | None, volume: int, seconds: float
) -> None:
    tick = quote(price=price, bid=bid, volume=volume, at=NOW + timedelta(seconds=seconds))
    if checker().accept(tick, NOW) is None:
        assert Decimal(9) <= tick.price <= Decimal(11)
        assert tick.volume >= 0
        assert tick.at <= NOW + timedelta(seconds=3)


def test_silence_counts_trading_time_alone() -> None:
    noon = datetime(2024, 9, 2, 4, tzinfo=UTC)

    def is_trading(at: datetime) -> bool:
        return not noon <= at < noon + timedelta(hours=1)

    half_past = noon + timedelta(minutes=30)
    began = silent_since(half_past, 120, is_trading)
    assert began is not None
    assert abs(began - (noon - timedelta(minutes=2))) <= timedelta(seconds=5)
    assert silent_since(half_past, 120, lambda _: False) is None


def test_whether_anything_was_traded_in_between_is_known() -> None:
    noon = datetime(2024, 9, 2, 4, tzinfo=UTC)
    assert not is_ever(lambda at: at < noon, noon, noon + timedelta(days=9))
    assert is_ever(lambda at: at == noon + timedelta(seconds=15), noon, noon + timedelta(minutes=1))
    assert not is_ever(lambda at: at == noon + timedelta(hours=1), noon, noon + timedelta(minutes=1))
    assert is_ever(lambda _: False, noon, noon + timedelta(days=400))
