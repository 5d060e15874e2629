"""Fills on one daily bar: what the rules say, and what must hold for every bar and order."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.ashare.bands import Band
from libs.ashare.lots import LotRule
from libs.domain.market import Bar, Symbol
from libs.domain.trading import NoFillReason, Side
from libs.matching.daily import LimitOrder, Match, NoMatch, Outcome, match, match_session
from libs.matching.participation import Participation, participation_of

MAIN = LotRule(100, 100, 1_000_000)
STAR = LotRule(200, 1, 100_000)
BAND = Band(Decimal("9.00"), Decimal("11.00"))


def _bar(low: str, opened: str, high: str, *, volume: int = 100_000, suspended: bool = False) -> Bar:
    return Bar(
        symbol=Symbol("600519.SH"),
        session=date(2024, 9, 2),
        open=Decimal(opened),
        high=Decimal(high),
        low=Decimal(low),
        close=Decimal(opened),
        pre_close=Decimal("10.00"),
        volume=volume,
        amount=Decimal(volume) * 10,
        suspended=suspended,
        special_treatment=False,
    )


ORDINARY = _bar("9.80", "10.00", "10.30")


def _match(side: Side, limit: str, bar: Bar = ORDINARY, *, quantity: int = 500, band: Band | None = BAND) -> Outcome:
    return match(LimitOrder(side, quantity, Decimal(limit)), bar, band, MAIN, participation_of(bar.volume, MAIN).left)


@pytest.mark.parametrize(
    ("side", "limit", "price"),
    [
        (Side.BUY, "10.20", "10.00"),
        (Side.BUY, "10.00", "10.00"),
        (Side.BUY, "9.90", "9.90"),
        (Side.BUY, "9.81", "9.81"),
        (Side.SELL, "9.85", "10.00"),
        (Side.SELL, "10.00", "10.00"),
        (Side.SELL, "10.20", "10.20"),
        (Side.SELL, "10.29", "10.29"),
    ],
)
def test_an_order_fills_at_the_open_or_else_at_its_limit(side: Side, limit: str, price: str) -> None:
    assert _match(side, limit) == Match(Decimal(price), 500)


@pytest.mark.parametrize(
    ("side", "limit"), [(Side.BUY, "9.80"), (Side.BUY, "9.50"), (Side.SELL, "10.30"), (Side.SELL, "10.50")]
)
def test_a_limit_that_is_only_touched_or_never_reached_does_not_fill(side: Side, limit: str) -> None:
    assert _match(side, limit) == NoMatch(NoFillReason.LIMIT_NOT_REACHED)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize(
    "bar", [replace(ORDINARY, suspended=True), replace(ORDINARY, volume=0)], ids=["suspended", "no volume"]
)
def test_a_share_that_did_not_trade_fills_nothing(side: Side, bar: Bar) -> None:
    assert _match(side, "10.00", bar) == NoMatch(NoFillReason.NOT_TRADED)


def test_nobody_sells_to_us_on_a_day_sealed_at_the_upper_limit() -> None:
    sealed = _bar("11.00", "11.00", "11.00")
    assert _match(Side.BUY, "11.00", sealed) == NoMatch(NoFillReason.SEALED_LIMIT_UP)
    assert _match(Side.SELL, "10.20", sealed) == Match(Decimal("11.00"), 500)


def test_nobody_buys_from_us_on_a_day_sealed_at_the_lower_limit() -> None:
    sealed = _bar("9.00", "9.00", "9.00")
    assert _match(Side.SELL, "9.00", sealed) == NoMatch(NoFillReason.SEALED_LIMIT_DOWN)
    assert _match(Side.BUY, "9.80", sealed) == Match(Decimal("9.00"), 500)


def test_a_day_that_leaves_the_limit_again_is_an_ordinary_day() -> None:
    opened_at_the_limit = _bar("10.60", "11.00", "11.00")
    assert _match(Side.BUY, "11.00", opened_at_the_limit) == Match(Decimal("11.00"), 500)
    assert _match(Side.BUY, "10.80", opened_at_the_limit) == Match(Decimal("10.80"), 500)


def test_one_price_all_day_seals_nothing_where_there_is_no_limit() -> None:
    flat = _bar("11.00", "11.00", "11.00")
    assert _match(Side.BUY, "11.00", flat, band=None) == Match(Decimal("11.00"), 500)


def test_at_most_a_tenth_of_the_volume_is_filled_in_whole_lots() -> None:
    thin = replace(ORDINARY, volume=5_555)
    assert _match(Side.BUY, "10.00", thin, quantity=2_000) == Match(Decimal("10.00"), 500)
    assert _match(Side.BUY, "10.00", replace(ORDINARY, volume=999)) == NoMatch(NoFillReason.VOLUME_EXHAUSTED)


def test_an_odd_lot_that_fits_is_filled_whole() -> None:
    assert _match(Side.SELL, "10.00", quantity=137) == Match(Decimal("10.00"), 137)


def test_the_orders_of_an_account_share_the_participation() -> None:
    bar = replace(ORDINARY, volume=10_000)
    orders = [LimitOrder(Side.BUY, quantity, Decimal("10.00")) for quantity in (600, 300, 300, 100)]
    outcomes, left = match_session(orders, bar, BAND, MAIN, participation_of(bar.volume, MAIN))
    assert outcomes == [
        Match(Decimal("10.00"), 600),
        Match(Decimal("10.00"), 300),
        Match(Decimal("10.00"), 100),
        NoMatch(NoFillReason.VOLUME_EXHAUSTED),
    ]
    assert left == Participation(1_000, 1_000)


def test_a_participation_starts_where_an_earlier_run_left_it() -> None:
    with pytest.raises(ValueError, match="used of a participation"):
        Participation(1_000, 1_100)
    assert Participation(1_000, 900).left == 100


@pytest.mark.parametrize(("quantity", "limit"), [(0, "10"), (-100, "10"), (100, "0")])
def test_an_order_that_is_none_is_refused(quantity: int, limit: str) -> None:
    with pytest.raises(ValueError, match="cannot be matched"):
        LimitOrder(Side.BUY, quantity, Decimal(limit))


FEN = st.integers(min_value=900, max_value=1_100)
BARS = st.builds(
    lambda prices, volume: _bar(str(prices[0]), str(prices[1]), str(prices[2]), volume=volume),
    st.lists(FEN.map(lambda fen: Decimal(fen) / 100), min_size=3, max_size=3).map(sorted),
    st.integers(min_value=0, max_value=50_000),
)
ORDERS = st.builds(
    LimitOrder,
    st.sampled_from(Side),
    st.integers(min_value=1, max_value=9_000),
    FEN.map(lambda fen: Decimal(fen) / 100),
)
LOTS = st.sampled_from([MAIN, STAR])
BANDS = st.sampled_from([BAND, None])


@given(ORDERS, BARS, BANDS, LOTS)
def test_no_fill_lies_outside_the_bar_beyond_the_limit_or_above_the_share(
    order: LimitOrder, bar: Bar, band: Band | None, lot: LotRule
) -> None:
    outcome = match(order, bar, band, lot, participation_of(bar.volume, lot).left)
    if isinstance(outcome, NoMatch):
        return
    assert bar.low <= outcome.price <= bar.high
    assert outcome.price <= order.limit_price if order.side is Side.BUY else outcome.price >= order.limit_price
    assert 0 < outcome.quantity <= order.quantity
    assert outcome.quantity * 10 <= bar.volume
    assert outcome.quantity == order.quantity or lot.round_down(outcome.quantity) == outcome.quantity


@given(ORDERS, BARS, BANDS, LOTS, st.integers(min_value=1, max_value=50))
def test_a_more_generous_limit_never_loses_a_fill(
    order: LimitOrder, bar: Bar, band: Band | None, lot: LotRule, ticks: int
) -> None:
    step = Decimal(ticks) / 100
    generous = replace(order, limit_price=order.limit_price + (step if order.side is Side.BUY else -step))
    available = participation_of(bar.volume, lot).left
    strict, wide = match(order, bar, band, lot, available), match(generous, bar, band, lot, available)
    if isinstance(strict, Match):
        assert isinstance(wide, Match)
        assert wide.quantity == strict.quantity


@given(st.lists(ORDERS, max_size=8), BARS, BANDS, LOTS)
def test_all_orders_together_stay_within_a_tenth_of_the_volume(
    orders: list[LimitOrder], bar: Bar, band: Band | None, lot: LotRule
) -> None:
    outcomes, left = match_session(orders, bar, band, lot, participation_of(bar.volume, lot))
    filled = sum(outcome.quantity for outcome in outcomes if isinstance(outcome, Match))
    assert len(outcomes) == len(orders)
    assert filled == left.used
    assert filled * 10 <= bar.volume


@given(ORDERS, BARS, BANDS, LOTS)
def test_a_sell_is_the_mirror_of_a_buy(order: LimitOrder, bar: Bar, band: Band | None, lot: LotRule) -> None:
    def turned(price: Decimal) -> Decimal:
        return Decimal(20) - price

    mirrored_bar = replace(bar, open=turned(bar.open), high=turned(bar.low), low=turned(bar.high))
    mirrored_side = Side.SELL if order.side is Side.BUY else Side.BUY
    mirrored = LimitOrder(mirrored_side, order.quantity, turned(order.limit_price))
    available = participation_of(bar.volume, lot).left
    here, there = match(order, bar, band, lot, available), match(mirrored, mirrored_bar, band, lot, available)
    if isinstance(here, Match):
        assert there == Match(turned(here.price), here.quantity)
    else:
        assert isinstance(there, NoMatch)
