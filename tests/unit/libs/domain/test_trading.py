"""Shares that may be sold, and what a fill costs."""

from datetime import date
from decimal import Decimal

import pytest

from libs.domain.market import Symbol
from libs.domain.trading import TERMINAL, OrderState, Position
from tests.support.orders import a_fill

BOUGHT = date(2024, 9, 2)


@pytest.mark.parametrize(
    ("day", "reserved", "sellable"),
    [(BOUGHT, 0, 700), (date(2024, 9, 3), 0, 1_000), (date(2024, 9, 3), 400, 600), (BOUGHT, 900, 0)],
)
def test_what_was_bought_today_may_be_sold_from_the_next_session(day: date, reserved: int, sellable: int) -> None:
    position = Position(Symbol("600519.SH"), 1_000, 300, BOUGHT, reserved, Decimal(10))
    assert position.sellable(day) == sellable


def test_a_fill_knows_its_notional_and_its_fees() -> None:
    fill = a_fill(quantity=300, price=Decimal("10.05"), stamp_duty=Decimal("1.50"))
    assert (fill.notional, fill.fees) == (Decimal("3015.00"), Decimal("6.51"))


def test_an_unresolved_order_is_not_terminal() -> None:
    assert TERMINAL.isdisjoint(
        {OrderState.UNKNOWN, OrderState.MISSING, OrderState.SENDING, OrderState.ACCEPTED, OrderState.PARTIAL}
    )
