"""Factors know only what they are given, and the reference price is the exchange's formula to the fen."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.ashare.adjustment import (
    FEN,
    CorporateAction,
    Finding,
    ReferenceBar,
    backward_ratios,
    chained_factors,
    check_ex_dates,
    forward_factors,
    reference_price,
    step_factor,
)
from libs.domain.errors import InvalidInput
from libs.domain.market import Symbol

MAOTAI = Symbol("600519.SH")
EX = date(2024, 6, 19)
PRICES = st.decimals("1", "2000", places=2)
PER_SHARE = st.decimals("0", "2", places=4)


def _action(**terms: str) -> CorporateAction:
    return CorporateAction(MAOTAI, EX, **{name: Decimal(value) for name, value in terms.items()})


@pytest.mark.parametrize(
    ("close", "action", "expected"),
    [
        ("1555.10", _action(cash_per_share="30.876"), "1524.22"),
        ("10.00", _action(bonus_per_share="0.3", transfer_per_share="0.2"), "6.67"),
        ("10.00", _action(cash_per_share="0.5", transfer_per_share="1"), "4.75"),
        ("10.00", _action(rights_per_share="0.3", rights_price="6"), "9.08"),
        (
            "12.34",
            _action(cash_per_share="0.25", bonus_per_share="0.1", rights_per_share="0.3", rights_price="5"),
            "9.71",
        ),
        ("10.01", _action(cash_per_share="0.005"), "10.01"),
        ("10.00", _action(), "10.00"),
    ],
)
def test_the_reference_price_is_the_exchanges_formula(close: str, action: CorporateAction, expected: str) -> None:
    assert reference_price(Decimal(close), action) == Decimal(expected)


@pytest.mark.requirement("F5")
@given(PRICES, PER_SHARE, PER_SHARE, PER_SHARE, PER_SHARE, PRICES)
def test_the_rounding_is_half_up_of_the_exact_quotient(
    close: Decimal, cash: Decimal, bonus: Decimal, transfer: Decimal, rights: Decimal, price: Decimal
) -> None:
    if cash >= close:
        return
    action = CorporateAction(MAOTAI, EX, cash, bonus, transfer, rights, price)
    worth = Fraction(close) - Fraction(cash) + Fraction(rights) * Fraction(price)
    exact = worth / (1 + Fraction(bonus) + Fraction(transfer) + Fraction(rights))
    fen, rest = divmod(exact * 100, 1)
    assert reference_price(close, action) == Decimal(int(fen) + (rest >= Fraction(1, 2))) / 100


@given(PRICES, st.decimals("0", "0.9", places=3), PER_SHARE)
def test_a_holder_is_neither_richer_nor_poorer_on_the_ex_date(close: Decimal, share: Decimal, free: Decimal) -> None:
    cash = (close * share).quantize(FEN, ROUND_HALF_UP)
    action = CorporateAction(MAOTAI, EX, cash_per_share=cash, transfer_per_share=free)
    after = reference_price(close, action) * (1 + free) + cash
    assert abs(after - close) <= (1 + free) * FEN / 2


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"cash_per_share": "-1"}, "cash_per_share"),
        ({"transfer_per_share": "-0.1"}, "transfer_per_share"),
        ({"rights_per_share": "0.3"}, "rights_price"),
        ({"rights_per_share": "0.3", "rights_price": "0"}, "rights_price"),
    ],
)
def test_an_action_that_makes_no_sense_names_its_field(terms: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        _action(**terms)
    assert refused.value.field == field


def test_a_dividend_above_the_price_has_no_reference_price() -> None:
    with pytest.raises(InvalidInput, match="more than"):
        reference_price(Decimal(5), _action(cash_per_share="5"))


SERIES = st.lists(st.tuples(PRICES, PRICES, st.booleans()), min_size=1, max_size=60)


@given(SERIES)
def test_the_chain_is_to_the_bit_what_a_cumulative_product_gives(rows: list[tuple[Decimal, Decimal, bool]]) -> None:
    close = np.array([float(row[0]) for row in rows])
    pre_close = np.array([float(row[1]) for row in rows])
    expected = np.concatenate(([1.0], np.cumprod(close[:-1] / pre_close[1:])))
    factors = chained_factors(close.tolist(), pre_close.tolist())
    assert factors == expected.tolist()
    assert backward_ratios(factors) == (expected / expected[-1]).tolist()


@pytest.mark.requirement("F5")
@given(SERIES, st.integers(1, 60))
def test_what_comes_later_changes_no_factor(rows: list[tuple[Decimal, Decimal, bool]], upto: int) -> None:
    close, pre_close = [float(row[0]) for row in rows], [float(row[1]) for row in rows]
    halted, none = [row[2] for row in rows], [None] * len(rows)
    whole = forward_factors(close, pre_close, none, halted)
    known = forward_factors(close[:upto], pre_close[:upto], none[:upto], halted[:upto])
    assert known == whole[:upto]
    assert backward_ratios(known)[-1] == 1.0


@given(SERIES)
def test_a_suspended_day_carries_the_factor_before_it(rows: list[tuple[Decimal, Decimal, bool]]) -> None:
    close, pre_close = [float(row[0]) for row in rows], [float(row[1]) for row in rows]
    halted = [row[2] for row in rows]
    factors = forward_factors(close, pre_close, [None] * len(rows), halted)
    traded = [factor for factor, still in zip(factors, halted, strict=True) if not still]
    kept = [at for at, still in enumerate(halted) if not still]
    assert traded == chained_factors([close[at] for at in kept], [pre_close[at] for at in kept])
    for before, factor, still in zip([1.0, *factors], factors, halted, strict=False):
        assert not still or factor == before


def test_stored_factors_count_only_when_every_bar_has_one() -> None:
    bars = [10.0, 11.0, 5.5], [10.0, 10.0, 5.5]
    assert forward_factors(*bars, [1.0, 1.0, 2.5], [False] * 3) == [1.0, 1.0, 2.5]
    assert forward_factors(*bars, [1.0, None, 2.5], [False] * 3) == [1.0, 1.0, 2.0]


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(InvalidInput, match="different lengths"):
        forward_factors([1.0], [1.0, 2.0], [None], [False])


def test_the_step_of_an_ex_date_is_the_previous_close_over_its_reference_price() -> None:
    action = _action(transfer_per_share="1")
    assert step_factor(Decimal(10), reference_price(Decimal(10), action)) == 2
    with pytest.raises(InvalidInput):
        step_factor(Decimal(10), Decimal(0))


def _bars(*rows: tuple[int, str, str]) -> list[ReferenceBar]:
    return [ReferenceBar(date(2024, 6, day), Decimal(pre), Decimal(close)) for day, pre, close in rows]


def test_each_ex_date_is_explained_or_reported() -> None:
    dividend = CorporateAction(MAOTAI, date(2024, 6, 4), cash_per_share=Decimal("0.5"))
    wrong = CorporateAction(MAOTAI, date(2024, 6, 5), cash_per_share=Decimal("0.5"))
    silent = CorporateAction(MAOTAI, date(2024, 6, 7), cash_per_share=Decimal("0.5"))
    empty = CorporateAction(MAOTAI, date(2024, 6, 6))
    bars = _bars((3, "10", "10"), (4, "9.50", "9.60"), (5, "8.00", "8"), (6, "7.90", "8"), (7, "8", "8"))
    found = check_ex_dates(bars, [silent, wrong, dividend, empty])
    assert [(ex.session.day, ex.finding, ex.expected) for ex in found] == [
        (4, Finding.EXPLAINED, Decimal("9.50")),
        (5, Finding.MISMATCH, Decimal("9.10")),
        (6, Finding.UNANNOUNCED, None),
        (7, Finding.MISMATCH, Decimal("7.50")),
    ]


def test_actions_during_a_suspension_count_for_the_first_session_after_it() -> None:
    first = CorporateAction(MAOTAI, date(2024, 6, 5), transfer_per_share=Decimal(1))
    second = CorporateAction(MAOTAI, date(2024, 6, 12), cash_per_share=Decimal("0.5"))
    found = check_ex_dates(_bars((3, "10", "10"), (14, "4.50", "4.60")), [second, first])
    assert [(ex.finding, ex.expected) for ex in found] == [(Finding.EXPLAINED, Decimal("4.50"))]


def test_a_fen_of_difference_is_within_the_tolerance_and_two_are_not() -> None:
    action = CorporateAction(MAOTAI, date(2024, 6, 4), cash_per_share=Decimal("0.5"))
    for pre_close, finding in (("9.51", Finding.EXPLAINED), ("9.52", Finding.MISMATCH)):
        (found,) = check_ex_dates(_bars((3, "10", "10"), (4, pre_close, "9.60")), [action])
        assert found.finding is finding
