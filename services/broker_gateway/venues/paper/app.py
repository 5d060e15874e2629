"""The paper venue over HTTP: orders in, reports out by long poll. A refusal is problem+json with a stable code."""

import asyncio
from datetime import date
from http import HTTPStatus

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from libs.domain.clock import Clock
from libs.runtime.threads import SerialWorker
from libs.storage.engine import StorageUnavailable
from libs.storage.paper_book import VenueOrder
from services.broker_gateway.venues.paper.exchange import Exchange, Refused
from services.broker_gateway.venues.paper.wire import (
    MAX_WAIT_SECONDS,
    PROBLEM,
    BookedOrder,
    BookedOrders,
    OrderBody,
    OrderTaken,
    Problem,
    ReportLine,
    Reports,
)


class PaperVenueApp:
    """Routes, and the bell that wakes those who wait for reports."""

    def __init__(self, exchange: Exchange, writer: SerialWorker, clock: Clock) -> None:
        self._exchange = exchange
        self._writer = writer
        self._clock = clock
        self._bell = asyncio.Event()
        self._closing = False

    def asgi(self) -> Starlette:
        """The application."""
        routes = [
            Route("/orders", self.post_order, methods=["POST"]),
            Route("/orders", self.get_orders, methods=["GET"]),
            Route("/reports", self.get_reports, methods=["GET"]),
        ]
        return Starlette(routes=routes, exception_handlers={StorageUnavailable: _unavailable})

    async def follow_clock(self) -> bool:
        """Look at the desk's clock once; close the session and wake those who wait if it is over."""
        closed = await self._writer.run(self._exchange.close_if_due)
        if closed:
            self._ring()
        return closed

    def stop_waiting(self) -> None:
        """Answer everybody who waits, so that the server can stop."""
        self._closing = True
        self._ring()

    async def post_order(self, request: Request) -> Response:
        try:
            order = OrderBody.model_validate_json(await request.body())
        except ValidationError as e:
            fields = ", ".join(".".join(map(str, problem["loc"])) for problem in e.errors(include_input=False))
            return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, "MALFORMED", fields)
        try:
            order_id = await self._writer.run(self._exchange.take, order)
        except Refused as e:
            return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, e.reason.value)
        return _json(OrderTaken(order_id=str(order_id)), HTTPStatus.CREATED)

    async def get_orders(self, request: Request) -> Response:
        try:
            account, ref = request.query_params["account"], request.query_params["ref"]
            day = date.fromisoformat(request.query_params["day"])
        except (KeyError, ValueError):
            return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, "MALFORMED", "account, day and ref are needed")
        found = await asyncio.to_thread(self._exchange.find, account, day, ref)
        return _json(BookedOrders(orders=[_booked(order) for order in found]))

    async def get_reports(self, request: Request) -> Response:
        try:
            after = int(request.query_params.get("after", "0"))
            wait = min(float(request.query_params.get("wait", "0")), MAX_WAIT_SECONDS)
        except ValueError:
            return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, "MALFORMED", "after and wait are numbers")
        return _json(await self._reports(after, wait))

    async def _reports(self, after: int, wait_seconds: float) -> Reports:
        until = self._clock.monotonic() + wait_seconds
        while True:
            bell = self._bell
            found = await asyncio.to_thread(self._exchange.reports_after, after)
            left = until - self._clock.monotonic()
            if found or left <= 0 or self._closing:
                lines = [ReportLine(seq=r.seq, day=r.trading_day, body=dict(r.body)) for r in found]
                return Reports(reports=lines)
            try:
                async with asyncio.timeout(left):
                    await bell.wait()
            except TimeoutError:
                continue

    def _ring(self) -> None:
        self._bell.set()
        self._bell = asyncio.Event()


def _booked(order: VenueOrder) -> BookedOrder:
    return BookedOrder(
        order_id=str(order.venue_order_id),
        ref=order.client_ref,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        filled=order.filled_quantity,
        state=order.state,
    )


def _json(message: BaseModel, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(message.model_dump_json(), status, media_type="application/json")


def _problem(status: HTTPStatus, code: str, detail: str = "") -> Response:
    problem = Problem(title=status.phrase, status=status.value, code=code, detail=detail)
    return Response(problem.model_dump_json(), status, media_type=PROBLEM)


def _unavailable(_: Request, __: Exception) -> Response:
    return Response("the book is not reachable", HTTPStatus.SERVICE_UNAVAILABLE, media_type="text/plain")
