"""What a venue reports, in the one form every adapter brings it to. Facts: readers tolerate fields they do not know.

The paper venue writes this form itself; an adapter of a foreign venue translates and keeps the original beside it.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from libs.contracts.base import Event
from libs.domain.trading import Side

Money = Annotated[Decimal, Field(ge=0)]


class FillReport(Event):
    """A trade. Its id is unique in its account and trading day only."""

    kind: Literal["FILL"] = "FILL"
    account_id: str
    trading_day: date
    broker_ref: str
    venue_order_id: str
    trade_id: str
    symbol: str
    side: Side
    quantity: Annotated[int, Field(gt=0)]
    price: Annotated[Decimal, Field(gt=0)]
    commission: Money
    stamp_duty: Money
    transfer_fee: Money


class EndReport(Event):
    """The venue is done with an order; `filled_quantity` counts all fills it had by then, reported or not."""

    kind: Literal["CANCELLED", "EXPIRED"]
    account_id: str
    trading_day: date
    broker_ref: str
    venue_order_id: str
    filled_quantity: Annotated[int, Field(ge=0)]
    reason: str | None = None


class SessionClosedReport(Event):
    """Nothing more comes of this session; `trades` were reported before."""

    kind: Literal["SESSION_CLOSED"] = "SESSION_CLOSED"
    run: str
    session: date
    trades: Annotated[int, Field(ge=0)]


Report = Annotated[FillReport | EndReport | SessionClosedReport, Field(discriminator="kind")]
REPORT: TypeAdapter[FillReport | EndReport | SessionClosedReport] = TypeAdapter(Report)
"""Reads a report's body; raises pydantic's `ValidationError` for one that makes no sense."""
