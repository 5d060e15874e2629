"""A holder of record gets cash to the fen and whole shares, and is as rich after the ex-date as before."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.ashare.adjustment import CorporateAction
from libs.ashare.errors import UnknownRule
from libs.domain.errors import InvalidInput
from libs.domain.market import Symbol
from libs.portfolio.entitlements import entitle, subscribe, tradable_at_once

pytestmark = pytest.mark.requirement("F5")
MAOTAI, EX = Symbol("600519.SH"), date(2024, 6, 19)
RATIOS = st.decimals(0, 2, places=4)


def _action(**terms: str) -> CorporateAction:
    return CorporateAction(MAOTAI, EX, **{name: Decimal(value) for name, value in terms.items()})


def test_cash_is_paid_to_the_fen_and_shares_are_whole() -> None:
    given_ = entitle(
        _action(cash_per_share="0.3333", bonus_per_share="0.3", transfer_per_share="0.25"), 103, Decimal(10)
    )
    assert given_.cash == Decimal("34.33")
    assert (given_.shares, given_.share_fraction) == (56, Decimal("0.65"))
    assert given_.reference_price == Decimal("6.24")
    assert given_.taxable_per_share == Decimal("0.6333")


def test_bonus_and_transfer_shares_are_counted_together() -> None:
    together = entitle(_action(bonus_per_share="0.3", transfer_per_share="0.2"), 103, Decimal(10))
    assert (together.shares, together.share_fraction) == (51, Decimal("0.5"))


def test_bonus_shares_of_a_company_with_another_par_are_less_income() -> None:
    zijin = CorporateAction(Symbol("601899.SH"), EX, bonus_per_share=Decimal("0.5"))
    assert entitle(zijin, 100, Decimal(10)).taxable_per_share == Decimal("0.050")


@given(st.integers(1, 1_000_000), st.decimals(1, 2000, places=2), st.decimals("0", "0.9", places=2), RATIOS)
def test_nobody_is_richer_or_poorer_but_for_fen_and_a_fraction_of_a_share(
    quantity: int, close: Decimal, cash: Decimal, free: Decimal
) -> None:
    found = entitle(_action(cash_per_share=str(cash), transfer_per_share=str(free)), quantity, close)
    before = quantity * close
    after = (quantity + found.shares) * found.reference_price + found.cash
    rounding = (quantity + found.shares + 1) * Decimal("0.005") + Decimal("0.005")
    assert abs(after + found.share_fraction * found.reference_price - before) <= rounding
    assert 0 <= found.share_fraction < 1


def test_rights_are_worth_their_discount_and_lost_unless_subscribed() -> None:
    offer = entitle(_action(rights_per_share="0.3", rights_price="6"), 1_001, Decimal(10))
    assert (offer.rights, offer.rights_fraction, offer.reference_price) == (300, Decimal("0.3"), Decimal("9.08"))
    nothing = subscribe(offer, 0, Decimal(10_000))
    assert (nothing.shares, nothing.cost, nothing.value_lost) == (0, Decimal(0), Decimal("924.00"))
    some = subscribe(offer, 100, Decimal(10_000))
    assert (some.shares, some.cost, some.value_lost) == (100, Decimal("600.00"), Decimal("616.00"))
    all_of_them = subscribe(offer, 5_000, Decimal(10_000))
    assert (all_of_them.shares, all_of_them.value_lost) == (300, Decimal("0.00"))


@pytest.mark.parametrize(("cash", "shares"), [("599.99", 99), ("-5", 0), ("0", 0)])
def test_no_more_rights_are_taken_than_can_be_paid_for(cash: str, shares: int) -> None:
    offer = entitle(_action(rights_per_share="0.3", rights_price="6"), 1_000, Decimal(10))
    assert subscribe(offer, 300, Decimal(cash)).shares == shares


def test_rights_above_the_market_lose_nothing_when_they_are_left() -> None:
    offer = entitle(_action(rights_per_share="0.3", rights_price="12"), 1_000, Decimal(10))
    assert subscribe(offer, 0, Decimal(0)).value_lost == 0


def test_what_makes_no_sense_is_not_booked() -> None:
    with pytest.raises(ValueError, match="no holding"):
        entitle(_action(cash_per_share="1"), 0, Decimal(10))
    with pytest.raises(InvalidInput):
        entitle(_action(cash_per_share="11"), 100, Decimal(10))
    with pytest.raises(UnknownRule):
        entitle(CorporateAction(MAOTAI, date(2014, 6, 19), Decimal(1)), 100, Decimal(10))


@pytest.mark.parametrize(
    ("symbol", "ex_date", "at_once"),
    [
        ("600519.SH", date(2022, 11, 30), False),
        ("688981.SH", date(2022, 6, 14), False),
        ("600519.SH", date(2022, 12, 1), True),
        ("000001.SZ", date(2016, 6, 14), True),
    ],
)
def test_shanghai_once_listed_bonus_shares_a_session_later(symbol: str, ex_date: date, at_once: bool) -> None:
    assert tradable_at_once(Symbol(symbol), ex_date) is at_once
