"""What the exchange does not take, by its reason."""

from dataclasses import replace
from datetime import date, time
from decimal import Decimal
from typing import Any

import pytest

from libs.domain.clock import at_shanghai
from libs.domain.market import Board
from libs.domain.trading import ReasonCode, Side
from libs.storage.clock import DeskClock, Phase
from libs.storage.paper_book import Quote
from services.broker_gateway.venues.paper.refusals import refusal
from services.broker_gateway.venues.paper.wire import OrderBody
from tests.support.orders import DAY, MAOTAI

_OPEN = DeskClock("replay", "replay-1", DAY, Phase.PRE_OPEN, at_shanghai(DAY, time(9, 15)), 1)
_QUOTE = Quote(Board.MAIN, date(2001, 8, 27), Decimal("10.00"), suspended=False, special_treatment=False)


def _body(**changes: Any) -> OrderBody:
    plain: dict[str, Any] = {
        "account": "replay-1",
        "day": DAY,
        "ref": "P-1",
        "symbol": MAOTAI,
        "side": Side.BUY,
        "quantity": 100,
        "limit_price": Decimal("10.00"),
    }
    return OrderBody(**plain | changes)


@pytest.mark.parametrize("quantity", [100, 1_000_000])
def test_a_plain_order_is_taken(quantity: int) -> None:
    assert refusal(_body(quantity=quantity), _OPEN, _QUOTE) is None


def test_an_odd_lot_may_be_sold_and_not_bought() -> None:
    assert refusal(_body(side=Side.SELL, quantity=30), _OPEN, _QUOTE) is None
    assert refusal(_body(quantity=30), _OPEN, _QUOTE) is ReasonCode.QUANTITY_NOT_IN_LOTS


@pytest.mark.parametrize(
    ("body", "clock", "quote", "reason"),
    [
        (_body(), replace(_OPEN, phase=Phase.CLOSED), _QUOTE, ReasonCode.SESSION_CLOSED),
        (_body(), replace(_OPEN, phase=Phase.RESTING), _QUOTE, ReasonCode.SESSION_CLOSED),
        (_body(day=date(2024, 9, 4)), _OPEN, _QUOTE, ReasonCode.SESSION_CLOSED),
        (_body(), _OPEN, None, ReasonCode.UNKNOWN_INSTRUMENT),
        (_body(), _OPEN, replace(_QUOTE, suspended=True), ReasonCode.SUSPENDED),
        (_body(limit_price=Decimal("10.005")), _OPEN, _QUOTE, ReasonCode.PRICE_OFF_TICK),
        (_body(limit_price=Decimal("11.01")), _OPEN, _QUOTE, ReasonCode.PRICE_OUTSIDE_BAND),
        (_body(quantity=1_000_100), _OPEN, _QUOTE, ReasonCode.QUANTITY_ABOVE_MAXIMUM),
        (_body(limit_price=Decimal("10.60")), _OPEN, replace(_QUOTE, special_treatment=True), "ST"),
        (_body(), _OPEN, replace(_QUOTE, board=Board.FUND), "FUND"),
    ],
)
def test_an_order_is_refused_by_its_reason(
    body: OrderBody, clock: DeskClock, quote: Quote | None, reason: ReasonCode | str
) -> None:
    expected = {"ST": ReasonCode.PRICE_OUTSIDE_BAND, "FUND": ReasonCode.UNKNOWN_RULE}.get(reason, reason)
    assert refusal(body, clock, quote) is expected
