"""Holding periods to the day, first in first out, and nothing lost when shares are spread or sold in pieces."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.ashare.errors import UnknownRule
from libs.domain.market import Symbol
from libs.portfolio.lots import (
    Disposal,
    Lot,
    dispose,
    inherit,
    par_value,
    require_known_tax,
    tax_of_day,
    tax_rate,
    with_income,
)

pytestmark = pytest.mark.requirement("F5")

DAY = date(2024, 1, 8)
DAYS = st.dates(date(2023, 1, 1), date(2024, 6, 30))
LOTS = st.lists(
    st.builds(Lot, DAYS, st.just(date(2024, 7, 1)), st.integers(1, 100_000), st.decimals(0, 5, places=8)),
    min_size=1,
    max_size=8,
    unique_by=lambda lot: lot.acquired_on,
)


@pytest.mark.parametrize(
    ("acquired_on", "sold_on", "rate"),
    [
        (date(2024, 1, 8), date(2024, 1, 9), "0.20"),
        (date(2024, 1, 8), date(2024, 2, 8), "0.20"),
        (date(2024, 1, 8), date(2024, 2, 9), "0.10"),
        (date(2024, 1, 8), date(2025, 1, 8), "0.10"),
        (date(2024, 1, 8), date(2025, 1, 9), "0"),
        (date(2024, 1, 31), date(2024, 2, 29), "0.20"),
        (date(2024, 1, 31), date(2024, 3, 1), "0.10"),
        (date(2024, 2, 29), date(2025, 2, 28), "0.10"),
        (date(2024, 2, 29), date(2025, 3, 1), "0"),
        (date(2024, 12, 15), date(2025, 1, 15), "0.20"),
        (date(2024, 12, 15), date(2025, 1, 16), "0.10"),
    ],
)
def test_the_rate_follows_the_holding_period_to_the_day(acquired_on: date, sold_on: date, rate: str) -> None:
    assert tax_rate(acquired_on, sold_on) == Decimal(rate)


@given(DAYS, st.integers(0, 800))
def test_holding_longer_never_costs_more(acquired_on: date, days: int) -> None:
    sold_on = acquired_on + timedelta(days=days)
    assert tax_rate(acquired_on, sold_on) >= tax_rate(acquired_on, sold_on + timedelta(days=1))


def test_what_was_acquired_first_is_sold_first() -> None:
    old = Lot(date(2023, 1, 3), date(2023, 1, 3), 300, Decimal("1.5"))
    bonus = Lot(date(2023, 1, 3), date(2023, 6, 1), 30)
    new = Lot(date(2024, 1, 3), date(2024, 1, 3), 200, Decimal("0.5"))
    taken = dispose([new, bonus, old], 400, date(2024, 1, 22))
    assert [(d.acquired_on, d.credited_on, d.quantity, d.rate) for d in taken] == [
        (old.acquired_on, old.credited_on, 300, Decimal(0)),
        (bonus.acquired_on, bonus.credited_on, 30, Decimal(0)),
        (new.acquired_on, new.credited_on, 70, Decimal("0.20")),
    ]
    assert tax_of_day(taken) == Decimal("7.00")


def test_more_than_the_lots_hold_is_not_theirs_to_give() -> None:
    (taken,) = dispose([Lot(DAY, DAY, 100)], 250, DAY)
    assert taken.quantity == 100
    assert dispose([], 100, DAY) == []


@given(LOTS, st.lists(st.integers(1, 50_000), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_the_tax_of_a_day_does_not_depend_on_the_order_of_its_sales(
    lots: list[Lot], sales: list[int], random: Random
) -> None:
    shuffled = random.sample(sales, len(sales))
    assert tax_of_day(_sell(lots, sales)) == tax_of_day(_sell(lots, shuffled)) == tax_of_day(_sell(lots, [sum(sales)]))


def _sell(lots: list[Lot], sales: list[int]) -> list[Disposal]:
    left = {(lot.acquired_on, lot.credited_on): lot for lot in lots}
    taken: list[Disposal] = []
    for quantity in sales:
        for disposal in dispose(left.values(), quantity, date(2024, 7, 15)):
            key = disposal.acquired_on, disposal.credited_on
            lot = left[key]
            left[key] = Lot(*key, lot.quantity - disposal.quantity, lot.income_per_share)
            taken.append(disposal)
    return taken


@given(LOTS, st.integers(0, 200_000))
def test_credited_shares_are_spread_whole_and_inherit_their_days(lots: list[Lot], shares: int) -> None:
    session = date(2024, 7, 10)
    new = inherit(lots, shares, session)
    assert sum(lot.quantity for lot in new) == shares
    assert {lot.acquired_on for lot in new} <= {lot.acquired_on for lot in lots}
    assert all(lot.credited_on == session and lot.income_per_share == 0 for lot in new)
    held = sum(lot.quantity for lot in lots)
    parents = {lot.acquired_on: lot.quantity for lot in lots}
    assert all(abs(lot.quantity - parents[lot.acquired_on] * shares / held) < 1 for lot in new)


def test_the_largest_fraction_gets_the_odd_share_and_the_oldest_of_equals() -> None:
    lots = [Lot(date(2024, 1, day), date(2024, 1, day), 150) for day in (2, 3, 4)]
    assert [(lot.acquired_on.day, lot.quantity) for lot in inherit(lots, 136, DAY)] == [(2, 46), (3, 45), (4, 45)]


def test_lots_that_count_from_the_same_day_have_one_heir() -> None:
    lots = [Lot(DAY, DAY, 100), Lot(DAY, date(2024, 3, 1), 50), Lot(DAY, date(2024, 4, 1), 0)]
    assert inherit(lots, 75, date(2024, 5, 1)) == [Lot(DAY, date(2024, 5, 1), 75)]


def test_shares_need_a_holding_to_come_of() -> None:
    assert inherit([], 0, DAY) == []
    with pytest.raises(ValueError, match="no holding"):
        inherit([Lot(DAY, DAY, 0)], 10, DAY)


def test_a_dividend_is_income_of_every_lot_there_was() -> None:
    lots = with_income([Lot(DAY, DAY, 100, Decimal(1)), Lot(DAY, DAY, 50)], Decimal("0.25"))
    assert [lot.income_per_share for lot in lots] == [Decimal("1.25"), Decimal("0.25")]


def test_par_is_one_yuan_but_for_two_companies() -> None:
    assert [par_value(Symbol(s)) for s in ("600519.SH", "601899.SH", "603993.SH")] == [
        Decimal("1.00"),
        Decimal("0.10"),
        Decimal("0.20"),
    ]


def test_dividends_from_before_the_rates_of_today_are_unknown() -> None:
    require_known_tax(date(2015, 9, 9))
    with pytest.raises(UnknownRule, match="2015-09-08"):
        require_known_tax(date(2015, 9, 8))
