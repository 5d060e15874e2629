"""What risk approved leaves only while it still is what risk approved."""

from dataclasses import replace
from datetime import time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs.domain.clock import at_shanghai
from libs.domain.trading import ControlState, ReasonCode, Side
from libs.pretrade.fingerprint import order_hash
from libs.storage.orders import Sendable
from services.execution.sending import refusal
from tests.support.orders import DAY, an_order

_CLOSE = at_shanghai(DAY, time(15))


def _held(**changes: Any) -> Sendable:
    order = an_order()
    plain = Sendable(
        order=order,
        expires_at=_CLOSE,
        origin="d",
        desk_now=at_shanghai(DAY, time(9, 15)),
        control=ControlState.ACTIVE,
        verdict_hash=order_hash(order, 100, origin="d", limits_version=1),
        verdict_expires_at=_CLOSE,
        limits_version=1,
    )
    return replace(plain, **changes)


def test_an_approved_order_may_leave() -> None:
    assert refusal(_held()) is None


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        (_held(desk_now=_CLOSE), ReasonCode.ORDER_EXPIRED),
        (_held(verdict_expires_at=_CLOSE - timedelta(hours=8)), ReasonCode.VERDICT_EXPIRED),
        (_held(verdict_expires_at=None), ReasonCode.VERDICT_EXPIRED),
        (_held(order=an_order(quantity=200)), ReasonCode.VERDICT_MISMATCH),
        (_held(order=an_order(limit_price=Decimal("10.01"))), ReasonCode.VERDICT_MISMATCH),
        (_held(verdict_hash=None), ReasonCode.VERDICT_MISMATCH),
        (_held(control=ControlState.HALTED), ReasonCode.TRADING_HALTED),
        (_held(control=ControlState.REDUCING), ReasonCode.TRADING_HALTED),
    ],
)
def test_an_order_is_refused_by_its_reason(held: Sendable, reason: ReasonCode) -> None:
    assert refusal(held) is reason


def test_sells_leave_while_the_desk_reduces() -> None:
    sell = an_order(side=Side.SELL)
    fingerprint = order_hash(sell, 100, origin="d", limits_version=1)
    assert refusal(_held(order=sell, verdict_hash=fingerprint, control=ControlState.REDUCING)) is None
