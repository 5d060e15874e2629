"""Whatever dies, the venue never has an order twice, and no question stays open once the venue has answered."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from libs.bus.errors import DeadlineExceeded, RemoteFailure
from libs.contracts.orders import PlaceOrder, PlaceOutcome, QueryOrder, QueryOutcome
from libs.domain.clock import ManualClock
from libs.domain.trading import OrderState, Side
from libs.storage.clock import Phase
from services.broker_gateway.placing import Placer
from services.broker_gateway.venues.port import VenueUnavailable
from tests.support.order_path import ACCOUNT, MAOTAI, TUESDAY, WEDNESDAY, Crash, OrderPath, order_path


def _approved(path: OrderPath) -> UUID:
    order = path.submit(MAOTAI, Side.BUY, 100, "10.20")
    assert path.deliver() == ["risk.review"]
    assert path.state(order) is OrderState.APPROVED
    return order


def test_a_crash_before_the_wire_is_found_not_sent_and_stays_unsent(path: OrderPath) -> None:
    order = _approved(path)
    path.broker.crash_before = True
    with pytest.raises(Crash):
        path.deliver()
    assert path.state(order) is OrderState.SENDING
    path.restart_execution()
    assert path.resolver.recover() == 1
    assert path.state(order) is OrderState.ABORTED
    assert path.at_venue(order) == 0
    assert path.one("SELECT reserved FROM trading.balances") == 0


def test_a_crash_after_the_wire_is_found_accepted_and_fills_once(path: OrderPath) -> None:
    order = _approved(path)
    path.broker.crash_after = True
    with pytest.raises(Crash):
        path.deliver()
    assert path.state(order) is OrderState.SENDING
    path.restart_execution()
    path.resolver.recover()
    assert path.state(order) is OrderState.ACCEPTED
    path.sender.on_hint(order, "the hint again")
    assert path.at_venue(order) == 1
    path.close_session(TUESDAY)
    assert path.state(order) is OrderState.FILLED


def test_the_fill_of_an_order_whose_answer_was_lost_needs_no_query(path: OrderPath) -> None:
    order = _approved(path)
    path.venue.lose_answer = True
    path.deliver()
    assert path.state(order) is OrderState.UNKNOWN
    path.close_session(TUESDAY)
    assert path.state(order) is OrderState.FILLED


@pytest.mark.parametrize("failure", [DeadlineExceeded(), RemoteFailure("1"), TimeoutError()])
def test_a_gateway_that_does_not_answer_leaves_an_open_question(path: OrderPath, failure: Exception) -> None:
    order = _approved(path)
    path.broker.fails_with = failure
    assert path.sender.on_hint(order, "m1") is OrderState.UNKNOWN
    assert path.sender.on_hint(order, "m1") is None
    path.broker.fails_with = None
    path.resolver.tick()
    assert path.state(order) is OrderState.ABORTED


def test_a_hint_again_for_an_order_on_its_way_sends_nothing(path: OrderPath) -> None:
    order = _approved(path)
    path.broker.crash_before = True
    with pytest.raises(Crash):
        path.deliver()
    path.broker.crash_before = False
    for number in range(3):
        assert path.sender.on_hint(order, f"again {number}") is None
    assert path.venue.arrivals == []
    path.resolver.recover()


def test_a_venue_must_not_know_an_order_three_times_however_late_it_is_asked(database: str) -> None:
    machine = ManualClock(datetime(2026, 1, 5, 1, 0, tzinfo=UTC))
    with order_path(database, machine=machine) as path:
        order = _approved(path)
        path.venue.lose_order = True
        path.deliver()
        machine.advance(3600)
        for state in (OrderState.UNKNOWN, OrderState.UNKNOWN, OrderState.MISSING):
            path.resolver.tick()
            assert path.state(order) is state


def test_a_crash_in_the_gateway_after_the_chance_is_spent_is_unknown_until_the_venue_has_settled(database: str) -> None:
    machine = ManualClock(datetime(2026, 1, 5, 1, 0, tzinfo=UTC))
    with order_path(database, machine=machine) as path:
        order = _approved(path)
        path.venue.lose_order = True
        path.deliver()
        assert path.state(order) is OrderState.UNKNOWN
        for _ in range(5):
            path.resolver.tick()
        assert path.state(order) is OrderState.UNKNOWN
        machine.advance(31)
        path.restart_execution()
        path.resolver.recover()
        path.resolver.tick()
        assert path.state(order) is OrderState.UNKNOWN
        machine.advance(1)
        path.resolver.tick()
        assert path.state(order) is OrderState.MISSING
        assert path.one("SELECT reserved FROM trading.balances") > 0
        path.close_session(TUESDAY)
        assert path.state(order) is OrderState.EXPIRED
        assert path.one("SELECT reserved FROM trading.balances") == 0
        assert path.problems() == []


def test_an_order_that_goes_missing_after_its_session_expires_at_once(database: str) -> None:
    machine = ManualClock(datetime(2026, 1, 5, 1, 0, tzinfo=UTC))
    with order_path(database, machine=machine) as path:
        order = _approved(path)
        path.venue.lose_order = True
        path.deliver()
        path.close_session(TUESDAY)
        assert path.state(order) is OrderState.UNKNOWN
        for _ in range(3):
            path.resolver.tick()
            machine.advance(16)
        assert path.state(order) is OrderState.EXPIRED
        assert path.problems() == []


def test_a_venue_that_does_not_answer_is_evidence_of_nothing(path: OrderPath) -> None:
    order = _approved(path)
    path.broker.crash_after = True
    with pytest.raises(Crash):
        path.deliver()
    path.restart_execution()
    path.venue.away = True
    with pytest.raises(VenueUnavailable):
        path.resolver.recover()
    path.resolver.tick()
    assert path.state(order) is OrderState.SENDING
    path.venue.away = False
    path.resolver.recover()
    assert path.state(order) is OrderState.ACCEPTED


def test_a_rejection_ends_the_order_and_gives_the_money_back(path: OrderPath) -> None:
    order = _approved(path)
    path.rows("UPDATE market.bars SET suspended = true RETURNING 1")
    path.deliver()
    assert path.state(order) is OrderState.REJECTED
    assert path.one("SELECT reason FROM trading.orders") == "SUSPENDED"


def test_an_order_approved_too_late_is_denied_and_never_sent(path: OrderPath) -> None:
    order = _approved(path)
    path.at(TUESDAY, Phase.CLOSED)
    path.deliver()
    assert path.state(order) is OrderState.DENIED
    assert path.one("SELECT reason FROM trading.orders") == "ORDER_EXPIRED"
    assert path.venue.arrivals == []


def test_nothing_is_sent_after_a_halt_and_only_sells_while_reducing(path: OrderPath) -> None:
    path.submit(MAOTAI, Side.BUY, 1_000, "10.20")
    path.settle()
    path.close_session(TUESDAY)
    path.at(WEDNESDAY, Phase.PRE_OPEN)
    buy = path.submit(MAOTAI, Side.BUY, 100, "10.20", trading_day=WEDNESDAY)
    sell = path.submit(MAOTAI, Side.SELL, 100, "9.80", trading_day=WEDNESDAY)
    other = path.submit(MAOTAI, Side.SELL, 100, "9.80", trading_day=WEDNESDAY)
    assert path.deliver() == ["risk.review"] * 3
    path.rows("UPDATE risk.control SET state = 'REDUCING' RETURNING 1")
    path.sender.on_hint(buy, "1")
    path.sender.on_hint(sell, "2")
    path.rows("UPDATE risk.control SET state = 'HALTED' RETURNING 1")
    path.sender.on_hint(other, "3")
    states = [path.state(order) for order in (buy, sell, other)]
    assert states == [OrderState.DENIED, OrderState.ACCEPTED, OrderState.DENIED]


def test_an_order_that_is_not_what_risk_approved_is_denied(path: OrderPath) -> None:
    order = _approved(path)
    path.rows("UPDATE trading.orders SET limit_price = 10.30 RETURNING 1")
    path.deliver()
    assert path.state(order) is OrderState.DENIED
    assert path.one("SELECT reason FROM trading.orders") == "VERDICT_MISMATCH"


def _place(path: OrderPath, **changes: object) -> PlaceOrder:
    plain: dict[str, object] = {
        "intent_id": uuid4(),
        "account_id": ACCOUNT,
        "trading_day": TUESDAY,
        "broker_ref": "P-test",
        "symbol": MAOTAI,
        "side": Side.BUY,
        "quantity": 100,
        "limit_price": "10.00",
        "epoch": 1,
        "send_by": datetime(2999, 1, 1, tzinfo=UTC),
    }
    return PlaceOrder.model_validate(plain | changes)


def _query(order: PlaceOrder) -> QueryOrder:
    return QueryOrder(
        intent_id=order.intent_id,
        account_id=order.account_id,
        trading_day=order.trading_day,
        broker_ref=order.broker_ref,
    )


def test_placing_twice_never_sends_twice(path: OrderPath) -> None:
    order = _place(path)
    assert path.placer.place(order).outcome is PlaceOutcome.ACCEPTED
    assert path.placer.place(order).outcome is PlaceOutcome.UNKNOWN
    assert path.venue.arrivals == ["P-test"]
    assert path.placer.query(_query(order)).outcome is QueryOutcome.FOUND


def test_a_query_takes_the_chance_away_for_good(path: OrderPath) -> None:
    order = _place(path)
    for _ in range(2):
        assert path.placer.query(_query(order)).outcome is QueryOutcome.NOT_SENT
    assert path.placer.place(order).outcome is PlaceOutcome.NOT_SENT
    assert path.venue.arrivals == []


def test_an_order_past_its_send_by_is_provably_not_sent(path: OrderPath) -> None:
    order = _place(path, send_by=datetime(2020, 1, 1, tzinfo=UTC))
    assert path.placer.place(order).outcome is PlaceOutcome.NOT_SENT
    assert path.placer.query(_query(order)).outcome is QueryOutcome.NOT_SENT
    assert path.venue.arrivals == []


def test_a_venue_that_comes_back_in_time_gets_the_order_once(database: str) -> None:
    machine = ManualClock(datetime(2026, 1, 5, 1, 0, tzinfo=UTC))
    with order_path(database, machine=machine) as path:
        path.placer = Placer(path.engines["broker_gateway"], path.venue, machine, pause=machine.advance)
        path.venue.refuse_connections = 10
        in_time = _place(path, send_by=machine.utc_now() + timedelta(seconds=2))
        assert path.placer.place(in_time).outcome is PlaceOutcome.ACCEPTED
        path.venue.refuse_connections = 1_000
        too_late = _place(path, send_by=machine.utc_now() + timedelta(seconds=2))
        assert path.placer.place(too_late).outcome is PlaceOutcome.NOT_SENT
        assert path.placer.query(_query(too_late)).outcome is QueryOutcome.NOT_SENT
        assert path.venue.arrivals == ["P-test"]


def test_a_former_holder_of_the_lease_sends_nothing(path: OrderPath) -> None:
    assert path.placer.place(_place(path, epoch=7)).outcome is PlaceOutcome.ACCEPTED
    assert path.placer.place(_place(path, epoch=6)).outcome is PlaceOutcome.NOT_SENT
