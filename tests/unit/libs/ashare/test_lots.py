"""Lots, single shares and odd remainders."""

from hypothesis import given
from hypothesis import strategies as st

from libs.ashare.lots import LotRule

MAIN = LotRule(minimum=100, increment=100, max_limit_order=1_000_000)
STAR = LotRule(minimum=200, increment=1, max_limit_order=100_000)
RULES = st.sampled_from([MAIN, STAR])
SHARES = st.integers(min_value=0, max_value=20_000)


def test_buys_are_whole_lots_on_the_main_board_and_single_shares_above_200_on_star() -> None:
    assert [MAIN.round_down(n) for n in (0, 99, 100, 199, 250)] == [0, 0, 100, 100, 200]
    assert [STAR.round_down(n) for n in (0, 199, 200, 201)] == [0, 0, 200, 201]
    assert MAIN.valid_buy(100)
    assert not MAIN.valid_buy(150)
    assert not MAIN.valid_buy(1_000_100)
    assert STAR.valid_buy(201)
    assert not STAR.valid_buy(100_001)


def test_an_odd_remainder_is_sold_whole_or_not_at_all() -> None:
    assert [n for n in range(1, 251) if MAIN.valid_sell(n, 250)] == [50, 100, 150, 200, 250]
    assert [n for n in range(1, 151) if STAR.valid_sell(n, 150)] == [150]
    assert [n for n in range(1, 204) if STAR.valid_sell(n, 203)] == [200, 201, 202, 203]
    assert not MAIN.valid_sell(300, 250)


@given(RULES, SHARES)
def test_rounding_down_gives_the_best_valid_buy(rule: LotRule, quantity: int) -> None:
    rounded = rule.round_down(quantity)
    assert rounded <= quantity
    assert rounded == 0 or rule.valid_buy(rounded)
    assert not any(rule.valid_buy(n) for n in range(rounded + 1, min(quantity, rounded + 200) + 1))


@given(RULES, SHARES, SHARES)
def test_rounding_down_gives_the_best_valid_sell(rule: LotRule, quantity: int, sellable: int) -> None:
    rounded = rule.round_down_sell(quantity, sellable)
    assert rounded <= min(quantity, sellable)
    assert rounded == 0 or rule.valid_sell(rounded, sellable)
    above = range(rounded + 1, min(quantity, sellable, rounded + 200) + 1)
    assert not any(rule.valid_sell(n, sellable) for n in above)


@given(RULES, st.integers(min_value=1, max_value=20_000))
def test_a_whole_holding_can_always_be_sold(rule: LotRule, sellable: int) -> None:
    assert rule.valid_sell(sellable, sellable)
