"""Orders and the facts around them, plausible unless a test says otherwise."""

from dataclasses import replace
from datetime import date, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from libs.domain.clock import at_shanghai
from libs.domain.market import Board, Symbol
from libs.domain.trading import ControlState, Fill, Order, OrderState, Position, Side
from libs.pretrade.facts import Listing, OrderFacts, SessionStatus

DAY = date(2024, 9, 3)
MAOTAI = Symbol("600519.SH")


def an_order(**changes: Any) -> Order:
    """A DAY buy of 100 shares at 10.00, for the session DAY."""
    order = Order(
        order_id=UUID(int=1),
        client_order_id="P-1",
        account_id="replay-1",
        trading_day=DAY,
        symbol=MAOTAI,
        side=Side.BUY,
        requested_quantity=100,
        quantity=100,
        limit_price=Decimal("10.00"),
        state=OrderState.NEW,
        version=1,
        filled_quantity=0,
    )
    return replace(order, **changes)


def facts(*, order: Order | None = None, **changes: Any) -> OrderFacts:
    """Facts under which the order passes every check."""
    chosen = order or an_order()
    plain = OrderFacts(
        order=chosen,
        expires_at=at_shanghai(DAY, time(15)),
        desk_now=at_shanghai(DAY, time(9, 15)),
        desk_session=DAY,
        orders_flow=True,
        control=ControlState.ACTIVE,
        account_open=True,
        listing=Listing(Board.MAIN, date(2001, 8, 27), None),
        status=SessionStatus(Decimal("10.00"), suspended=False, special_treatment=False),
        position=None,
        mark=None,
        free_cash=Decimal(1_000_000),
        equity=Decimal(1_000_000),
        in_flight_buys=Decimal(0),
    )
    return replace(plain, **changes)


def a_position(**changes: Any) -> Position:
    """1,000 shares bought before DAY."""
    return replace(Position(MAOTAI, 1_000, 0, None, 0, Decimal("9000.0000")), **changes)


def a_fill(**changes: Any) -> Fill:
    """100 shares bought at 10.00 on DAY."""
    fill = Fill(
        account_id="replay-1",
        trading_day=DAY,
        trade_id="00000001",
        order_id=UUID(int=1),
        symbol=MAOTAI,
        side=Side.BUY,
        quantity=100,
        price=Decimal("10.00"),
        commission=Decimal("5.00"),
        stamp_duty=Decimal("0.00"),
        transfer_fee=Decimal("0.01"),
    )
    return replace(fill, **changes)
