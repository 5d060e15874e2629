"""The reference adapter: the paper venue over HTTP. No retries; what is not a definite answer is unknown."""

from collections.abc import Sequence
from typing import TypeVar

import httpx2
from pydantic import BaseModel, ValidationError

from libs.contracts.orders import PlaceOrder, PlaceOutcome, PlaceResult, QueryOrder, QueryOutcome, QueryResult
from libs.storage.broker_reports import RawReport
from services.broker_gateway.venues.paper.wire import PROBLEM, BookedOrders, OrderBody, OrderTaken, Problem, Reports
from services.broker_gateway.venues.port import VenueUnavailable

M = TypeVar("M", bound=BaseModel)


class PaperGateway:
    """Implements `VenueGateway`; one instance per thread."""

    name = "paper"

    def __init__(self, url: str, *, timeout_seconds: float, transport: httpx2.BaseTransport | None = None) -> None:
        self._timeout = timeout_seconds
        self._client = httpx2.Client(base_url=url, timeout=timeout_seconds, transport=transport, trust_env=False)

    def place(self, order: PlaceOrder) -> PlaceResult:
        """201 is an acceptance, a 4xx that explains itself a rejection; a refused connection sent nothing."""
        body = OrderBody.model_validate(
            {
                "account": order.account_id,
                "day": order.trading_day,
                "ref": order.broker_ref,
                "symbol": order.symbol,
                "side": order.side,
                "quantity": order.quantity,
                "limit_price": order.limit_price,
            }
        )
        try:
            answer = self._client.post("/orders", content=body.model_dump_json(), headers=_JSON)
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            return PlaceResult(outcome=PlaceOutcome.NOT_SENT, reason="no connection to the venue")
        except httpx2.HTTPError as e:
            return PlaceResult(outcome=PlaceOutcome.UNKNOWN, reason=type(e).__name__)
        try:
            return _placed(answer)
        except ValidationError:
            return PlaceResult(outcome=PlaceOutcome.UNKNOWN, reason="unreadable answer")

    def find(self, query: QueryOrder) -> QueryResult:
        """The first order under our reference; a second one would be a break, and is for reconciliation to find."""
        where = {"account": query.account_id, "day": query.trading_day.isoformat(), "ref": query.broker_ref}
        found = self._get(BookedOrders, "/orders", where, self._timeout).orders
        if not found:
            return QueryResult(outcome=QueryOutcome.NOT_FOUND)
        return QueryResult(outcome=QueryOutcome.FOUND, venue_order_id=found[0].order_id, venue_state=found[0].state)

    def reports(self, after: int, wait_seconds: float) -> Sequence[RawReport]:
        """A long poll: the venue answers at once when it has something."""
        where = {"after": str(after), "wait": str(wait_seconds)}
        lines = self._get(Reports, "/reports", where, self._timeout + wait_seconds).reports
        return [RawReport(line.seq, line.day, line.body) for line in lines]

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _get(self, model: type[M], path: str, where: dict[str, str], timeout_seconds: float) -> M:
        try:
            answer = self._client.get(path, params=where, timeout=timeout_seconds)
            return model.model_validate_json(answer.raise_for_status().content)
        except (httpx2.HTTPError, ValidationError) as e:
            raise VenueUnavailable(f"{path}: {type(e).__name__}") from e


_JSON = {"content-type": "application/json"}


def _placed(answer: httpx2.Response) -> PlaceResult:
    if answer.status_code == httpx2.codes.CREATED:
        taken = OrderTaken.model_validate_json(answer.content)
        return PlaceResult(outcome=PlaceOutcome.ACCEPTED, venue_order_id=taken.order_id)
    explained = answer.headers.get("content-type", "").startswith(PROBLEM)
    if answer.is_client_error and explained:
        return PlaceResult(outcome=PlaceOutcome.REJECTED, reason=Problem.model_validate_json(answer.content).code)
    return PlaceResult(outcome=PlaceOutcome.UNKNOWN, reason=f"status {answer.status_code}")
