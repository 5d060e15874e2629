"""The paper venue as a foreign exchange would be met: over HTTP, and then through the gateway's pump."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from libs.domain.clock import SystemClock
from libs.runtime.threads import SerialWorker
from libs.storage.broker_reports import RawReport
from libs.storage.clock import Phase
from services.broker_gateway.pump import ReportPump
from services.broker_gateway.venues.paper.app import PaperVenueApp
from services.broker_gateway.venues.port import VenueUnavailable
from tests.support.order_path import ACCOUNT, MAOTAI, TUESDAY, InProcessVenue, OrderPath

_BODY = {
    "account": ACCOUNT,
    "day": TUESDAY.isoformat(),
    "ref": "P-1",
    "symbol": MAOTAI,
    "side": "BUY",
    "quantity": 100,
    "limit_price": "10.00",
}


@pytest.fixture
async def app(path: OrderPath) -> AsyncIterator[PaperVenueApp]:
    writer = SerialWorker("book")
    yield PaperVenueApp(path.exchange, writer, SystemClock())
    writer.close()


@pytest.fixture
async def client(app: PaperVenueApp) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app.asgi()), base_url="http://venue") as client:
        yield client


async def _report_kinds(client: httpx2.AsyncClient, after: int = 0, wait: float = 0) -> list[str]:
    answer = await client.get("/reports", params={"after": after, "wait": wait})
    return [report["body"]["kind"] for report in answer.json()["reports"]]


async def test_an_order_sent_twice_is_two_orders(client: httpx2.AsyncClient, path: OrderPath) -> None:
    answers = [await client.post("/orders", json=_BODY | {"ref": "twice"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    where = {"account": ACCOUNT, "day": TUESDAY.isoformat(), "ref": "twice"}
    found = (await client.get("/orders", params=where)).json()["orders"]
    assert [order["state"] for order in found] == ["OPEN", "OPEN"]
    path.rows("DELETE FROM paper_venue.orders RETURNING 1")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "999999.SH"}, "UNKNOWN_INSTRUMENT"),
        ({"limit_price": "12.00"}, "PRICE_OUTSIDE_BAND"),
        ({"quantity": 150}, "QUANTITY_NOT_IN_LOTS"),
        ({"day": "2024-09-04"}, "SESSION_CLOSED"),
        ({"quantity": 0}, "MALFORMED"),
        ({"surprise": 1}, "MALFORMED"),
    ],
)
async def test_a_refusal_is_a_problem_with_a_stable_code(
    client: httpx2.AsyncClient, path: OrderPath, changes: dict[str, Any], code: str
) -> None:
    answer = await client.post("/orders", json=_BODY | changes)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["code"] == code
    assert path.one("SELECT count(*) FROM paper_venue.orders") == 0


async def test_after_the_close_nothing_is_taken_even_if_the_clock_goes_back(
    client: httpx2.AsyncClient, app: PaperVenueApp, path: OrderPath
) -> None:
    path.at(TUESDAY, Phase.CLOSED)
    assert await app.follow_clock()
    path.at(TUESDAY, Phase.PRE_OPEN)
    assert (await client.post("/orders", json=_BODY)).json()["code"] == "SESSION_CLOSED"


async def test_those_who_wait_for_reports_are_woken_by_the_close(
    client: httpx2.AsyncClient, app: PaperVenueApp, path: OrderPath
) -> None:
    await client.post("/orders", json=_BODY)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        waiting = group.create_task(_report_kinds(client, wait=30))
        path.at(TUESDAY, Phase.CLOSED)
        group.create_task(app.follow_clock())
    assert waiting.result() == ["FILL", "SESSION_CLOSED"]
    assert await _report_kinds(client, after=1) == ["SESSION_CLOSED"]
    assert await _report_kinds(client, after=2) == []


async def test_a_venue_that_stops_answers_those_who_wait(client: httpx2.AsyncClient, app: PaperVenueApp) -> None:
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        waiting = group.create_task(_report_kinds(client, wait=30))
        await asyncio.sleep(0)
        app.stop_waiting()
    assert waiting.result() == []


async def test_questions_without_sense_are_refused(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/orders", params={"account": "a"})).status_code == 422
    assert (await client.get("/reports", params={"after": "x"})).status_code == 422


class _TornVenue(InProcessVenue):
    """Loses its connection after the answer was made."""

    torn = False

    def reports(self, after: int, wait_seconds: float) -> list[RawReport]:
        found = super().reports(after, wait_seconds)
        if self.torn:
            raise VenueUnavailable("torn")
        return found


def test_the_pump_stores_each_report_once_and_hints_with_it(path: OrderPath) -> None:
    venue = _TornVenue(path.exchange)
    pump = ReportPump(path.engines["broker_gateway"], venue, 0)
    path.at(TUESDAY, Phase.CLOSED)
    path.exchange.close_if_due()
    venue.torn = True
    with pytest.raises(VenueUnavailable):
        pump.once()
    venue.torn = False
    assert [pump.once(), pump.once()] == [1, 0]
    assert ReportPump(path.engines["broker_gateway"], venue, 0).once() == 0
    assert path.rows("SELECT venue_seq, trading_day FROM broker.reports") == [(1, TUESDAY)]
    assert path.rows("SELECT service, payload FROM ops.outbox") == [("execution", {"through": 1})]
    pump.close()
