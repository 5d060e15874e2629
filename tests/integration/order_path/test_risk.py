"""Risk on committed state: one verdict per order, one winner for the last money, one answer per message."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import time
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from libs.contracts.risk import AssessRequest
from libs.domain.clock import at_shanghai
from libs.domain.trading import OrderState, Side
from libs.pretrade.facts import Limits
from libs.pretrade.need import Need
from libs.pretrade.review import Outcome
from libs.storage import verdicts
from libs.storage.clock import Phase
from libs.storage.engine import transaction
from libs.storage.submissions import Submission, submit_order
from services.risk.agent import assess
from tests.support.order_path import (
    ACCOUNT,
    MAOTAI,
    MERCHANTS,
    MONDAY,
    PING_AN,
    TUESDAY,
    WEDNESDAY,
    OrderPath,
)

_CLOSE = time(15)


def test_the_same_order_submitted_again_changes_nothing(path: OrderPath) -> None:
    submission = Submission(
        order_id=uuid4(),
        account_id=ACCOUNT,
        trading_day=TUESDAY,
        symbol=MAOTAI,
        side=Side.BUY,
        quantity=100,
        limit_price=Decimal("10.00"),
        expires_at=at_shanghai(TUESDAY, _CLOSE),
        request_id=uuid4(),
    )
    for _ in range(2):
        with transaction(path.engines["orchestrator"]) as tx:
            first = submit_order(tx, submission)
            assert submit_order(tx, replace(submission, quantity=900)) is False
    assert first is False
    assert path.rows("SELECT qty, version FROM trading.orders") == [(100, 1)]
    assert path.one("SELECT count(*) FROM ops.outbox") == 1


def test_a_hint_delivered_twice_is_reviewed_once(path: OrderPath) -> None:
    order = path.submit(MAOTAI, Side.BUY, 100, "10.00")
    assert path.reviewer.on_hint(order, "m1") is Outcome.APPROVE
    assert path.reviewer.on_hint(order, "m1") is None
    assert path.reviewer.on_hint(order, "m2") is None
    assert path.one("SELECT count(*) FROM risk.verdicts") == 1
    assert path.one("SELECT count(*) FROM ops.outbox WHERE method = 'execution.send'") == 1


def test_a_hint_about_nothing_is_answered_with_nothing(path: OrderPath) -> None:
    assert path.reviewer.on_hint(uuid4(), "m1") is None


def test_a_denial_keeps_every_reason_and_reserves_nothing(path: OrderPath) -> None:
    order = path.submit(MAOTAI, Side.BUY, 150, "13.00")
    path.settle()
    assert path.state(order) is OrderState.DENIED
    assert path.rows("SELECT outcome, approved_qty, reason_codes FROM risk.verdicts") == [
        ("DENY", 0, ["PRICE_OUTSIDE_BAND", "QUANTITY_NOT_IN_LOTS"])
    ]
    assert path.one("SELECT count(*) FROM risk.reservations") == 0


def test_a_buy_above_the_position_limit_is_sent_with_what_is_allowed(path: OrderPath) -> None:
    order = path.submit(MAOTAI, Side.BUY, 20_000, "10.00")
    path.settle()
    assert path.rows("SELECT state, requested_qty, qty, reason FROM trading.orders") == [
        ("ACCEPTED", 20_000, 10_000, "POSITION_LIMIT")
    ]
    assert path.one("SELECT qty FROM paper_venue.orders") == 10_000
    more = path.submit(MAOTAI, Side.BUY, 100, "10.00")
    path.settle()
    assert path.state(more) is OrderState.DENIED
    assert path.state(order) is OrderState.ACCEPTED


@pytest.mark.parametrize("state", ["HALTED", "REDUCING"])
def test_a_halt_denies_buys(path: OrderPath, state: str) -> None:
    path.rows("UPDATE risk.control SET state = %s RETURNING 1", state)
    order = path.submit(MAOTAI, Side.BUY, 100, "10.00")
    path.settle()
    assert path.state(order) is OrderState.DENIED
    assert path.one("SELECT reason FROM trading.orders") == "TRADING_HALTED"


def test_an_order_for_another_session_or_phase_is_denied(path: OrderPath) -> None:
    tomorrow = path.submit(MAOTAI, Side.BUY, 100, "10.00", trading_day=WEDNESDAY)
    path.settle()
    path.at(TUESDAY, Phase.CLOSED)
    late = path.submit(MAOTAI, Side.BUY, 100, "10.00")
    path.settle()
    reasons = "SELECT reason FROM trading.orders WHERE order_id = %s"
    assert path.one(reasons, tomorrow) == "SESSION_CLOSED"
    assert path.one(reasons, late) == "ORDER_EXPIRED,SESSION_CLOSED"


def test_of_five_racers_for_the_last_money_exactly_one_wins(path: OrderPath) -> None:
    path.rows("UPDATE trading.balances SET cash = 100 RETURNING 1")
    racers = [path.submit(MAOTAI, Side.BUY, 100, "1.00") for _ in range(5)]

    def race(order_id: UUID) -> bool:
        with transaction(path.engines["risk"]) as tx:
            return verdicts.reserve(tx, order_id, Need("CNY", Decimal(100)))

    with ThreadPoolExecutor(5) as pool:
        won = list(pool.map(race, racers))
    assert sorted(won) == [False, False, False, False, True]
    assert path.rows("SELECT cash, reserved FROM trading.balances") == [(100, 100)]
    path.rows("UPDATE trading.balances SET cash = 1000000 RETURNING 1")


def test_the_database_itself_sets_aside_no_share_that_was_bought_today(path: OrderPath) -> None:
    path.submit(MAOTAI, Side.BUY, 600, "10.20")
    path.settle()
    path.close_session(TUESDAY)
    held = path.one("SELECT quantity FROM trading.positions")
    assert held > 0
    today = path.submit(MAOTAI, Side.SELL, 100, "10.20")
    tomorrow = path.submit(MAOTAI, Side.SELL, 100, "10.20", trading_day=WEDNESDAY)
    with path.engines["risk"].connect() as tx:
        assert not verdicts.reserve(tx, today, Need(MAOTAI, Decimal(1)))
        assert not verdicts.reserve(tx, tomorrow, Need(MAOTAI, Decimal(held + 1)))
        assert verdicts.reserve(tx, tomorrow, Need(MAOTAI, Decimal(held)))
        tx.rollback()
    assert path.deliver() == ["risk.review", "risk.review"]


def test_reviews_of_one_account_wait_for_each_other(path: OrderPath) -> None:
    path.rows("UPDATE trading.balances SET cash = 250000 RETURNING 1")
    path.rows("UPDATE trading.ledger_entry SET amount = sign(amount) * 250000 RETURNING 1")
    orders = [path.submit(symbol, Side.BUY, 2_500, "10.00") for symbol in (MAOTAI, PING_AN, MERCHANTS)]
    orders += [path.submit(MAOTAI, Side.BUY, 2_400, "10.00") for _ in range(3)]
    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(lambda order: path.reviewer.on_hint(order, str(order)), orders))
    held = path.one(
        "SELECT sum(qty * limit_price) FROM trading.orders WHERE symbol = %s AND state = 'APPROVED'", MAOTAI
    )
    assert held <= 25_000
    assert None not in outcomes


def test_assess_says_what_is_held_and_what_room_is_left(path: OrderPath) -> None:
    path.submit(MAOTAI, Side.BUY, 1_000, "10.20")
    path.settle()
    path.close_session(TUESDAY)
    path.at(WEDNESDAY, Phase.PRE_OPEN)
    path.submit(PING_AN, Side.BUY, 1_000, "10.00", trading_day=WEDNESDAY)
    path.settle()
    request = AssessRequest(symbols=[MAOTAI, PING_AN], as_of=at_shanghai(WEDNESDAY, _CLOSE))
    with transaction(path.engines["risk"], read_only=True) as tx:
        answer = assess(tx, request, Limits())
    assert (answer.account_id, answer.control.value, answer.equity) == (ACCOUNT, "ACTIVE", "999994.9000")
    maotai, ping_an = answer.symbols
    assert (maotai.quantity, maotai.sellable, Decimal(maotai.value)) == (1_000, 1_000, Decimal(10_000))
    assert Decimal(maotai.room) == Decimal("89999.49")
    assert (ping_an.quantity, Decimal(ping_an.room)) == (0, Decimal("89999.49"))


def test_assess_without_an_account_says_so(path: OrderPath) -> None:
    request = AssessRequest(symbols=[MAOTAI], as_of=at_shanghai(MONDAY, _CLOSE), account_id="nobody")
    with transaction(path.engines["risk"], read_only=True) as tx:
        answer = assess(tx, request, Limits())
    assert (answer.account_id, answer.symbols) == (None, [])
