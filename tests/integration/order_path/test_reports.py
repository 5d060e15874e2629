"""Reports commute: in whatever order and however often they come, the books end the same."""

import itertools
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.contracts.reports import EndReport, FillReport
from libs.domain.trading import OrderState, Side
from libs.pretrade.need import Filled, cost_of_buy
from tests.support.order_path import ACCOUNT, MAOTAI, PING_AN, TUESDAY, OrderPath

Body = Mapping[str, Any]


def _fill(ref: str, trade: int, quantity: int, price: str = "10.00", *, symbol: str = MAOTAI) -> Body:
    return FillReport(
        account_id=ACCOUNT,
        trading_day=TUESDAY,
        broker_ref=ref,
        venue_order_id="1",
        trade_id=f"{trade:08d}",
        symbol=symbol,
        side=Side.BUY,
        quantity=quantity,
        price=Decimal(price),
        commission=Decimal(5) if trade % 2 else Decimal(0),
        stamp_duty=Decimal(0),
        transfer_fee=Decimal("0.01"),
    ).model_dump(mode="json")


def _end(ref: str, filled: int) -> Body:
    return EndReport(
        kind="EXPIRED",
        account_id=ACCOUNT,
        trading_day=TUESDAY,
        broker_ref=ref,
        venue_order_id="1",
        filled_quantity=filled,
        reason="VOLUME_EXHAUSTED",
    ).model_dump(mode="json")


def _store(path: OrderPath, bodies: list[Body]) -> None:
    with psycopg.connect(path.database) as connection:
        for body in bodies:
            connection.execute(
                "INSERT INTO broker.reports (venue, venue_seq, trading_day, body) VALUES ('test', 1, %s, %s)",
                (TUESDAY, json.dumps(body)),
            )


def _books(path: OrderPath, account: str) -> list[Any]:
    tables = (
        "SELECT symbol, state, filled_qty, venue_end_filled FROM trading.orders WHERE account_id = %s ORDER BY symbol",
        "SELECT cash, reserved FROM trading.balances WHERE account_id = %s",
        "SELECT quantity, locked_quantity, cost, reserved FROM trading.positions WHERE account_id = %s ORDER BY symbol",
        "SELECT book, unit, sum(amount) FROM trading.ledger_entry WHERE account_id = %s GROUP BY 1, 2 ORDER BY 1, 2",
        "SELECT unit, amount, state FROM risk.reservations r WHERE account_id = %s ORDER BY amount",
    )
    return [path.rows(table, account) for table in tables]


def _two_orders(path: OrderPath, account: str = ACCOUNT) -> tuple[str, str]:
    """Two orders on their way; the references under which the venue knows them."""
    ids = [
        path.submit(symbol, Side.BUY, quantity, "10.20", account_id=account)
        for symbol, quantity in ((MAOTAI, 600), (PING_AN, 300))
    ]
    path.settle()
    return f"P-{ids[0].hex}", f"P-{ids[1].hex}"


def _story(first: str, second: str, account: str = ACCOUNT) -> list[Body]:
    """The first order is filled by halves and expires; the second is filled whole."""
    told = [
        _fill(first, 1, 200),
        _fill(first, 2, 100, "9.90"),
        _fill(first, 3, 100),
        _end(first, 400),
        _fill(second, 4, 100, symbol=PING_AN),
        _fill(second, 5, 200, "10.10", symbol=PING_AN),
    ]
    return [{**body, "account_id": account} for body in told]


def test_any_order_and_repetition_of_reports_ends_in_the_same_books(path: OrderPath) -> None:
    runs = itertools.count(2)

    def tell(order: Iterable[int], *, lost_answer: bool) -> list[Any]:
        account = f"replay-{next(runs)}"
        path.open_account(account)
        path.venue.lose_answer = lost_answer
        first, second = _two_orders(path, account)
        told = _story(first, second, account)
        for number in order:
            _store(path, [told[number]])
            path.applier.on_hint()
        return _books(path, account)

    expected = tell(range(6), lost_answer=False)
    assert [row[1] for row in expected[0]] == ["FILLED", "EXPIRED"]

    @settings(max_examples=20, deadline=None)
    @given(st.permutations([0, 1, 2, 3, 4, 5, 0, 2, 3]), st.booleans())
    def commute(order: list[int], lost_answer: bool) -> None:
        assert tell(order, lost_answer=lost_answer) == expected

    commute()


def test_a_batch_of_reports_is_booked_like_one_after_the_other(path: OrderPath) -> None:
    first, second = _two_orders(path)
    _store(path, _story(first, second))
    assert path.applier.on_hint() == 6
    assert path.rows("SELECT outcome, count(*) FROM trading.applied_reports GROUP BY 1") == [("BOOKED", 6)]


def test_a_part_that_is_filled_gives_back_what_the_rest_cannot_need(path: OrderPath) -> None:
    buy, _ = _two_orders(path)
    reserved = "SELECT amount FROM risk.reservations WHERE unit = 'CNY' ORDER BY amount DESC LIMIT 1"
    before = path.one(reserved)
    _store(path, [_fill(buy, 1, 200)])
    path.applier.on_hint()
    rest = cost_of_buy(400, Decimal("10.20"), TUESDAY, Filled(200, Decimal(2000), Decimal(5)))
    assert Decimal(4080) < path.one(reserved) == rest < before


def test_one_report_without_sense_is_refused_and_the_others_are_booked(path: OrderPath) -> None:
    first, second = _two_orders(path)
    story = _story(first, second)
    nonsense = [
        {"kind": "GREETING"},
        {**story[0], "account_id": "nobody", "trade_id": "x"},
        {**story[0], "quantity": -5},
        _end("P-nobody", 0),
        {**story[0], "trade_id": "z", "symbol": MAOTAI, "price": "1e14"},
    ]
    _store(path, [*nonsense, *story])
    assert path.applier.on_hint() == 11
    assert dict(path.rows("SELECT outcome, count(*) FROM trading.applied_reports GROUP BY 1")) == {
        "REFUSED": 5,
        "BOOKED": 6,
    }


def test_reports_applied_by_a_former_life_are_not_applied_again(path: OrderPath) -> None:
    first, second = _two_orders(path)
    _store(path, _story(first, second))
    path.applier.on_hint()
    path.restart_execution()
    _store(path, _story(first, second))
    assert path.applier.on_hint() == 6
    assert dict(path.rows("SELECT outcome, count(*) FROM trading.applied_reports GROUP BY 1")) == {
        "BOOKED": 6,
        "DUPLICATE": 6,
    }


@pytest.mark.parametrize(("quantity", "ends"), [(200, [OrderState.EXPIRED, 600]), (100, [OrderState.EXPIRED, 500])])
def test_a_fill_after_the_end_is_booked_and_the_order_ends_again(
    path: OrderPath, quantity: int, ends: list[Any]
) -> None:
    first, second = _two_orders(path)
    _store(path, [*_story(first, second), _fill(first, 9, quantity)])
    path.applier.on_hint()
    state, filled = path.rows("SELECT state, filled_qty FROM trading.orders WHERE symbol = %s", MAOTAI)[0]
    assert filled == ends[1]
    assert state == ("FILLED" if filled == 600 else ends[0])


def test_a_fill_of_an_order_that_is_not_ours_is_booked_all_the_same(path: OrderPath) -> None:
    _store(path, [_fill("placed by hand", 1, 100)])
    path.applier.on_hint()
    assert path.rows("SELECT order_id, qty FROM trading.fills") == [(None, 100)]
    assert path.one("SELECT quantity FROM trading.positions") == 100
