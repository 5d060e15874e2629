"""The adapter believes definite answers alone: a lost, strange or late one is unknown, never a rejection."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import httpx2
import pytest

from libs.contracts.orders import PlaceOrder, PlaceOutcome, QueryOrder, QueryOutcome
from libs.domain.trading import Side
from services.broker_gateway.venues.paper.adapter import PaperGateway
from services.broker_gateway.venues.port import VenueUnavailable
from tests.support.orders import DAY, MAOTAI

Answer = Callable[[httpx2.Request], httpx2.Response]
_ORDER = PlaceOrder(
    intent_id=UUID(int=1),
    account_id="replay-1",
    trading_day=DAY,
    broker_ref="P-1",
    symbol=MAOTAI,
    side=Side.BUY,
    quantity=100,
    limit_price="10.0000",
    epoch=1,
    send_by=datetime(2999, 1, 1, tzinfo=UTC),
)
_QUERY = QueryOrder(intent_id=UUID(int=1), account_id="replay-1", trading_day=DAY, broker_ref="P-1")
_PROBLEM = {"content-type": "application/problem+json"}


def _gateway(answer: Answer) -> PaperGateway:
    return PaperGateway("http://venue", timeout_seconds=1, transport=httpx2.MockTransport(answer))


def _always(status: int, text: str = "", **headers: str) -> Answer:
    return lambda _: httpx2.Response(status, text=text, headers=headers)


def _raises(error: type[httpx2.TransportError]) -> Answer:
    def answer(_: httpx2.Request) -> httpx2.Response:
        raise error("test")

    return answer


@pytest.mark.parametrize(
    ("answer", "outcome", "reason"),
    [
        (_always(201, '{"order_id": "7"}'), PlaceOutcome.ACCEPTED, None),
        (
            _always(422, '{"title": "no", "status": 422, "code": "SUSPENDED"}', **_PROBLEM),
            PlaceOutcome.REJECTED,
            "SUSPENDED",
        ),
        (_always(422, '{"detail": "a proxy says"}'), PlaceOutcome.UNKNOWN, "status 422"),
        (_always(422, "{}", **_PROBLEM), PlaceOutcome.UNKNOWN, "unreadable answer"),
        (_always(201, "<html>"), PlaceOutcome.UNKNOWN, "unreadable answer"),
        (_always(200, '{"order_id": "7"}'), PlaceOutcome.UNKNOWN, "status 200"),
        (_always(503), PlaceOutcome.UNKNOWN, "status 503"),
        (_raises(httpx2.ReadTimeout), PlaceOutcome.UNKNOWN, "ReadTimeout"),
        (_raises(httpx2.RemoteProtocolError), PlaceOutcome.UNKNOWN, "RemoteProtocolError"),
        (_raises(httpx2.WriteError), PlaceOutcome.UNKNOWN, "WriteError"),
        (_raises(httpx2.ConnectError), PlaceOutcome.NOT_SENT, "no connection to the venue"),
    ],
)
def test_what_an_answer_to_an_order_means(answer: Answer, outcome: PlaceOutcome, reason: str | None) -> None:
    result = _gateway(answer).place(_ORDER)
    assert (result.outcome, result.reason) == (outcome, reason)


def test_an_order_is_sent_once_and_whole() -> None:
    seen: list[bytes] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.content)
        raise httpx2.ReadTimeout("test")

    _gateway(answer).place(_ORDER)
    expected = b'{"account":"replay-1","day":"2024-09-03","ref":"P-1","symbol":"600519.SH","side":"BUY"'
    assert seen == [expected + b',"quantity":100,"limit_price":"10.0000"}']


def test_a_question_is_answered_by_the_whole_book_or_not_at_all() -> None:
    found = '{"orders": [{"order_id": "7", "ref": "P-1", "symbol": "600519.SH", "side": "BUY", "quantity": 100,'
    found += ' "filled": 0, "state": "OPEN"}]}'
    assert _gateway(_always(200, found)).find(_QUERY).outcome is QueryOutcome.FOUND
    assert _gateway(_always(200, '{"orders": []}')).find(_QUERY).outcome is QueryOutcome.NOT_FOUND
    for broken in (_always(503), _always(200, "<html>"), _raises(httpx2.ReadTimeout), _raises(httpx2.ConnectError)):
        with pytest.raises(VenueUnavailable):
            _gateway(broken).find(_QUERY)


def test_reports_come_in_order_with_their_bodies() -> None:
    text = '{"reports": [{"seq": 3, "day": "2024-09-03", "body": {"kind": "EXPIRED"}}]}'
    [report] = _gateway(_always(200, text)).reports(2, 0.0)
    assert (report.venue_seq, report.trading_day, report.body) == (3, DAY, {"kind": "EXPIRED"})
    with pytest.raises(VenueUnavailable):
        _gateway(_always(500)).reports(2, 0.0)
