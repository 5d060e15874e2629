"""Conversations about orders. They carry ids alone: the reader acts on the row it re-reads, never on a message."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime

from libs.contracts.base import Command, Method, Nothing
from libs.domain.trading import Side


class OrderHint(Command):
    """Something about this order may need doing."""

    order_id: UUID


class ReportsHint(Command):
    """Reports up to and including this one wait to be applied."""

    through: int


class SessionHint(Command):
    """A session is about to open for this account: what its ex-dates and pay dates bring waits to be booked."""

    account_id: str
    session: date


class PlaceOrder(Command):
    """Send one order to the venue, at most once, and not after `send_by` (machine time)."""

    intent_id: UUID
    account_id: str
    trading_day: date
    broker_ref: str
    symbol: str
    side: Side
    quantity: int
    limit_price: str
    epoch: int
    send_by: AwareDatetime


class PlaceOutcome(StrEnum):
    """What became of a send. UNKNOWN is never resent."""

    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    NOT_SENT = "NOT_SENT"
    UNKNOWN = "UNKNOWN"


class PlaceResult(Command):
    """The venue's answer, or the gateway's reason for having none."""

    outcome: PlaceOutcome
    venue_order_id: str | None = None
    reason: str | None = None


class QueryOrder(Command):
    """What does the venue know of this intent? Asking takes away a chance to be sent that was not used yet."""

    intent_id: UUID
    account_id: str
    trading_day: date
    broker_ref: str


class QueryOutcome(StrEnum):
    """NOT_FOUND is evidence only after a settle window; NOT_SENT is proof at once."""

    FOUND = "FOUND"
    NOT_FOUND = "NOT_FOUND"
    NOT_SENT = "NOT_SENT"


class QueryResult(Command):
    """The venue's view of an order; fills come as reports, never from here."""

    outcome: QueryOutcome
    venue_order_id: str | None = None
    venue_state: str | None = None


RISK_REVIEW = Method("risk.review", OrderHint, Nothing)
EXECUTION_SEND = Method("execution.send", OrderHint, Nothing)
EXECUTION_APPLY = Method("execution.apply", ReportsHint, Nothing)
EXECUTION_OPEN_SESSION = Method("execution.open_session", SessionHint, Nothing)
BROKER_PLACE = Method("broker.place", PlaceOrder, PlaceResult)
BROKER_QUERY = Method("broker.query", QueryOrder, QueryResult)
