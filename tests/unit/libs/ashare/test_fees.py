"""Fees do not depend on how an order was filled."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.ashare.rulebook import RULEBOOK
from libs.domain.errors import InvalidInput
from libs.domain.trading import Side

AMOUNTS = st.decimals(min_value="0.01", max_value="1000000", places=2)


@given(st.sampled_from(Side), st.lists(AMOUNTS, min_size=1, max_size=6))
def test_partial_fills_pay_what_one_fill_would_have_paid(side: Side, notionals: list[Decimal]) -> None:
    session = date(2024, 9, 2)
    traded = paid = total = Decimal("0.00")
    for notional in notionals:
        fees = RULEBOOK.fees(side, notional, session, commission_already=paid, notional_already=traded)
        assert min(fees.commission, fees.stamp_duty, fees.transfer_fee) >= 0
        traded, paid, total = traded + notional, paid + fees.commission, total + fees.total
    assert total == RULEBOOK.fees(side, sum(notionals, Decimal(0)), session).total


def test_no_trade_costs_nothing_and_a_negative_one_is_refused() -> None:
    session = date(2024, 9, 2)
    assert RULEBOOK.fees(Side.SELL, Decimal(0), session).total == 0
    with pytest.raises(InvalidInput, match="notional"):
        RULEBOOK.fees(Side.SELL, Decimal(-1), session)
