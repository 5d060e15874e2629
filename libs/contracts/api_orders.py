"""What the HTTP API says about orders. *Denied* is our word, *rejected* is the venue's."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime, Field

from libs.contracts.api import Money, View
from libs.domain.trading import OrderState, Side


class VerdictView(View):
    """Risk's answer on an order."""

    outcome: Annotated[str, Field(examples=["APPROVE"])]
    approved_quantity: int
    reason_codes: list[str]


class OrderView(View):
    """One order; `reason` says why it was denied, cut or ended."""

    order_id: UUID
    client_order_id: str
    account_id: Annotated[str, Field(examples=["replay-1"])]
    trading_day: date
    symbol: Annotated[str, Field(examples=["600519.SH"])]
    side: Side
    requested_quantity: Annotated[int, Field(examples=[100])]
    quantity: Annotated[int, Field(examples=[100])]
    filled_quantity: Annotated[int, Field(examples=[100])]
    limit_price: Annotated[Decimal, Field(examples=["1437.1800"])]
    state: OrderState
    cancel_state: Annotated[str, Field(examples=["NONE"])]
    reason: str | None
    verdict: VerdictView | None
    decision_id: UUID | None
    expires_at: AwareDatetime
    created_at: AwareDatetime
    updated_at: AwareDatetime
    synthetic: bool


class OrdersPage(View):
    """Orders, newest first. `next_cursor` is null on the last page."""

    account_id: str | None
    synthetic: bool
    orders: list[OrderView]
    next_cursor: str | None


class OrderEventView(View):
    """One move of an order's state machine."""

    seq: int
    from_state: str | None
    to_state: Annotated[str, Field(examples=["FILLED"])]
    cause: Annotated[str, Field(examples=["fill"])]
    evidence: dict[str, Any]
    actor: str
    at: AwareDatetime


class OrderEvents(View):
    """Everything that happened to one order, in order."""

    order_id: UUID
    synthetic: bool
    events: list[OrderEventView]


class FillView(View):
    """One fill as it was booked."""

    broker_trade_id: str
    order_id: UUID | None
    trading_day: date
    symbol: Annotated[str, Field(examples=["600519.SH"])]
    side: Side
    quantity: Annotated[int, Field(examples=[100])]
    price: Annotated[Decimal, Field(examples=["1409.0000"])]
    commission: Money
    stamp_duty: Money
    transfer_fee: Money
    synthetic: bool
