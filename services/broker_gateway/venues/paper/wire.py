"""What the paper venue and its adapter say to each other over HTTP."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from libs.domain.trading import Side

PROBLEM = "application/problem+json"
MAX_WAIT_SECONDS = 30.0


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class OrderBody(_Message):
    """`POST /orders`: a DAY limit order. Sending it twice makes two orders."""

    account: Annotated[str, Field(min_length=1, max_length=64)]
    day: date
    ref: Annotated[str, Field(min_length=1, max_length=64)]
    symbol: str
    side: Side
    quantity: Annotated[int, Field(gt=0, le=10**9)]
    limit_price: Annotated[Decimal, Field(gt=0, max_digits=14, decimal_places=4)]


class OrderTaken(_Message):
    """The order is in the book."""

    order_id: str


class BookedOrder(_Message):
    """One order as `GET /orders` shows it."""

    order_id: str
    ref: str
    symbol: str
    side: Side
    quantity: int
    filled: int
    state: str


class BookedOrders(_Message):
    """Every order under one reference."""

    orders: list[BookedOrder]


class ReportLine(_Message):
    """One report; `body` is in the form of `libs.contracts.reports`."""

    seq: int
    day: date
    body: dict[str, Any]


class Reports(_Message):
    """A piece of the report stream."""

    reports: list[ReportLine]


class Problem(BaseModel):
    """A definite refusal: the order is not in the book."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str = ""
