"""Ex-dates and pay dates of a holding: booked once, whoever dies when, and neither gain nor loss by themselves."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection

from libs.cli import rights
from libs.domain.errors import InvalidInput, NotFound
from libs.domain.trading import OrderState, Side
from libs.storage import entitlements, ledger, lots, positions
from libs.storage.clock import Phase
from libs.storage.engine import make_engine, transaction
from libs.storage.invariants import violations
from tests.support.order_path import (
    ACCOUNT,
    MAOTAI,
    MONDAY,
    PING_AN,
    TUESDAY,
    WEDNESDAY,
    BarRow,
    Crash,
    OrderPath,
    seed_action,
    seed_market,
)

pytestmark = pytest.mark.requirement("F5")
THURSDAY = date(2024, 9, 5)


def _hold(path: OrderPath, quantity: int = 1_000) -> None:
    """Shares of MAOTAI bought at 10.00 on TUESDAY."""
    path.submit(MAOTAI, Side.BUY, quantity, "10.20")
    path.settle()
    path.close_session(TUESDAY)


def _reference(path: OrderPath, price: str, session: date = WEDNESDAY) -> None:
    """The exchange opens MAOTAI from `price`, and it closes there."""
    path.rows(
        "UPDATE market.bars SET pre_close = %s, open = %s, high = %s, low = %s, close = %s"
        " WHERE symbol = %s AND session = %s RETURNING 1",
        *[price] * 5,
        MAOTAI,
        session,
    )


def _snapshot(path: OrderPath, session: date) -> tuple[Any, ...]:
    (row,) = path.rows(
        "SELECT cash, receivable, market_value, equity, dividends, dividend_tax FROM trading.snapshots"
        " WHERE session = %s",
        session,
    )
    return row


def _broken(path: OrderPath) -> list[str]:
    engine = make_engine(path.database)
    try:
        with transaction(engine, read_only=True) as tx:
            return [violation.id for violation in violations(tx)]
    finally:
        engine.dispose()


def test_a_dividend_is_receivable_on_its_ex_date_and_cash_on_its_pay_date(path: OrderPath) -> None:
    seed_market(path.database, [BarRow(MAOTAI, THURSDAY, pre_close="9.50", open="9.50", low="9.40", close="9.50")])
    seed_action(path.database, MAOTAI, WEDNESDAY, cash_per_share="0.5", pay_date=THURSDAY)
    _reference(path, "9.50")
    _hold(path)
    before = _snapshot(path, TUESDAY)[3]
    assert path.open_session(WEDNESDAY)
    path.close_session(WEDNESDAY)
    assert _snapshot(path, WEDNESDAY) == tuple(
        Decimal(amount) for amount in ("989994.90", "500", "9500", "999994.90", "500", "0")
    )
    assert _snapshot(path, WEDNESDAY)[3] == before
    assert path.open_session(THURSDAY)
    path.close_session(THURSDAY)
    assert _snapshot(path, THURSDAY)[:4] == tuple(Decimal(amount) for amount in ("990494.90", "0", "9500", "999994.90"))
    assert path.rows("SELECT kind, amount, pay_date, paid_on FROM trading.entitlements") == [
        ("CASH", Decimal("500.0000"), THURSDAY, THURSDAY)
    ]
    assert path.rows("SELECT * FROM trading.unbooked_actions") == []
    assert _broken(path) == []


def test_bonus_shares_are_credited_at_the_open_and_sellable_at_once(path: OrderPath) -> None:
    seed_action(path.database, MAOTAI, WEDNESDAY, bonus_per_share="0.3", transfer_per_share="0.2005")
    _reference(path, "6.66")
    _hold(path)
    path.open_session(WEDNESDAY)
    assert path.rows("SELECT quantity, cost, mark FROM trading.positions") == [
        (1_500, Decimal("10005.1000"), Decimal("6.6600"))
    ]
    assert path.rows("SELECT kind, shares, fraction FROM trading.entitlements") == [
        ("SHARES", 1_500 - 1_000, Decimal("0.50000000"))
    ]
    assert path.rows("SELECT acquired_on, credited_on, quantity, income_per_share FROM trading.lots ORDER BY 2") == [
        (TUESDAY, TUESDAY, 1_000, Decimal("0.30000000")),
        (TUESDAY, WEDNESDAY, 500, Decimal("0E-8")),
    ]
    sale = path.submit(MAOTAI, Side.SELL, 1_500, "6.53", trading_day=WEDNESDAY)
    path.settle()
    path.close_session(WEDNESDAY)
    assert path.state(sale) is OrderState.FILLED
    assert path.one("SELECT dividend_tax FROM trading.snapshots WHERE session = %s", WEDNESDAY) == Decimal("60.0000")
    assert _broken(path) == []


def test_a_sale_is_taxed_by_how_long_its_oldest_shares_were_held(path: OrderPath) -> None:
    seed_action(path.database, MAOTAI, WEDNESDAY, cash_per_share="0.5", pay_date=WEDNESDAY)
    _reference(path, "9.50")
    _hold(path)
    path.rows("UPDATE trading.lots SET acquired_on = '2024-01-02', credited_on = '2024-01-02' RETURNING 1")
    path.rows(
        "UPDATE trading.lots SET quantity = 600, acquired = 600 RETURNING 1",
    )
    path.rows(
        "INSERT INTO trading.lots VALUES (%s, %s, '2024-08-20', '2024-08-20', 400, 400, 0) RETURNING 1", ACCOUNT, MAOTAI
    )
    path.open_session(WEDNESDAY)
    for _ in range(2):
        path.submit(MAOTAI, Side.SELL, 400, "9.31", trading_day=WEDNESDAY)
    path.settle()
    path.close_session(WEDNESDAY)
    taken = "SELECT acquired_on, quantity, tax_rate FROM trading.disposals ORDER BY broker_trade_id, acquired_on"
    assert path.rows(taken) == [
        (date(2024, 1, 2), 400, Decimal("0.10")),
        (date(2024, 1, 2), 200, Decimal("0.10")),
        (date(2024, 8, 20), 200, Decimal("0.20")),
    ]
    taxes = "SELECT amount FROM trading.ledger_entry WHERE book = 'DIVIDEND_TAX' ORDER BY amount"
    assert path.rows(taxes) == [(Decimal("20.0000"),), (Decimal("30.0000"),)]
    assert path.one("SELECT sum(cash) FROM trading.balances") == path.one(
        "SELECT sum(amount) FROM trading.ledger_entry WHERE book = 'CASH'"
    )
    assert _broken(path) == []


def test_what_was_sold_before_the_ex_date_gets_nothing_and_what_is_sold_on_it_everything(path: OrderPath) -> None:
    seed_action(path.database, MAOTAI, WEDNESDAY, cash_per_share="0.5", pay_date=WEDNESDAY)
    seed_action(path.database, PING_AN, WEDNESDAY, cash_per_share="0.5", pay_date=WEDNESDAY)
    path.at(MONDAY, Phase.PRE_OPEN)
    for symbol in (MAOTAI, PING_AN):
        path.submit(symbol, Side.BUY, 1_000, "10.20", trading_day=MONDAY)
    path.settle()
    path.close_session(MONDAY)
    path.open_session(TUESDAY)
    path.submit(PING_AN, Side.SELL, 1_000, "9.80")
    path.settle()
    path.close_session(TUESDAY)
    path.open_session(WEDNESDAY)
    path.submit(MAOTAI, Side.SELL, 1_000, "9.80", trading_day=WEDNESDAY)
    path.settle()
    path.close_session(WEDNESDAY)
    assert path.rows("SELECT symbol, amount, paid_on FROM trading.entitlements") == [
        (MAOTAI, Decimal("500.0000"), WEDNESDAY)
    ]
    assert path.one("SELECT dividend_tax FROM trading.snapshots WHERE session = %s", WEDNESDAY) == Decimal("100.0000")


def test_a_pay_date_nobody_knows_leaves_the_dividend_receivable_until_it_is_known(path: OrderPath) -> None:
    seed_market(path.database, [BarRow(MAOTAI, THURSDAY)])
    seed_action(path.database, MAOTAI, WEDNESDAY, cash_per_share="0.5")
    _hold(path)
    path.open_session(WEDNESDAY)
    path.close_session(WEDNESDAY)
    assert path.one("SELECT receivable FROM trading.balances") == Decimal("500.0000")
    path.rows("UPDATE market.corporate_actions SET pay_date = %s RETURNING 1", THURSDAY)
    assert path.open_session(THURSDAY)
    assert path.one("SELECT receivable FROM trading.balances") == 0
    assert path.rows("SELECT pay_date, paid_on FROM trading.entitlements") == [(THURSDAY, THURSDAY)]


def test_an_ex_date_without_a_stored_action_stays_unbooked_and_is_reported(path: OrderPath) -> None:
    _reference(path, "9.70")
    _hold(path)
    assert not path.open_session(WEDNESDAY)
    path.close_session(WEDNESDAY)
    assert path.rows("SELECT * FROM trading.entitlements") == []
    assert path.rows("SELECT previous_close, reference_price, expected_price FROM trading.unbooked_actions") == [
        (Decimal("10.0000"), Decimal("9.7000"), None)
    ]


def test_an_action_that_does_not_explain_the_reference_price_is_booked_and_reported(path: OrderPath) -> None:
    seed_action(path.database, MAOTAI, WEDNESDAY, cash_per_share="0.5")
    _reference(path, "9.70")
    _hold(path)
    path.open_session(WEDNESDAY)
    path.close_session(WEDNESDAY)
    assert path.one("SELECT amount FROM trading.entitlements") == Decimal("500.0000")
    assert path.rows("SELECT previous_close, reference_price, expected_price FROM trading.unbooked_actions") == [
        (Decimal("10.0000"), Decimal("9.7000"), Decimal("9.5000"))
    ]


def test_an_action_of_before_todays_tax_rules_or_beyond_the_price_is_not_booked(path: OrderPath) -> None:
    seed_action(path.database, MAOTAI, WEDNESDAY, cash_per_share="11")
    _hold(path)
    path.open_session(WEDNESDAY)
    assert path.rows("SELECT * FROM trading.booked_actions") == []
    assert path.rows("SELECT session, actions FROM trading.openings WHERE session = %s", WEDNESDAY) == [(WEDNESDAY, 0)]
    assert _broken(path) == ["C1"]


def test_a_suspended_holding_is_marked_at_its_reference_price_until_it_trades(path: OrderPath) -> None:
    seed_market(
        path.database, [BarRow(MAOTAI, THURSDAY, pre_close="5.00", open="5.10", high="5.10", low="5.00", close="5.10")]
    )
    path.rows(
        "UPDATE market.bars SET suspended = true WHERE session = %s AND symbol = %s RETURNING 1", WEDNESDAY, MAOTAI
    )
    seed_action(path.database, MAOTAI, WEDNESDAY, transfer_per_share="1")
    _hold(path)
    path.open_session(WEDNESDAY)
    path.close_session(WEDNESDAY)
    marks = "SELECT quantity, mark, mark_session, mark_stale FROM trading.positions"
    assert path.rows(marks) == [(2_000, Decimal("5.0000"), TUESDAY, True)]
    path.open_session(THURSDAY)
    path.close_session(THURSDAY)
    assert path.rows(marks) == [(2_000, Decimal("5.1000"), THURSDAY, False)]
    assert path.rows("SELECT * FROM trading.unbooked_actions") == []


def test_ex_dates_between_two_sessions_of_the_account_are_booked_in_order(path: OrderPath) -> None:
    seed_market(
        path.database, [BarRow(MAOTAI, THURSDAY, pre_close="4.75", open="4.75", high="4.8", low="4.7", close="4.75")]
    )
    seed_action(path.database, MAOTAI, THURSDAY, transfer_per_share="1")
    seed_action(path.database, MAOTAI, WEDNESDAY, cash_per_share="0.5", pay_date=WEDNESDAY)
    _hold(path)
    path.open_session(THURSDAY)
    path.close_session(THURSDAY)
    booked = "SELECT ex_date, session, record_quantity, previous_close, reference_price FROM trading.booked_actions"
    assert path.rows(f"{booked} ORDER BY 1") == [
        (WEDNESDAY, THURSDAY, 1_000, Decimal("10.0000"), Decimal("9.5000")),
        (THURSDAY, THURSDAY, 1_000, Decimal("9.5000"), Decimal("4.7500")),
    ]
    assert path.one("SELECT equity FROM trading.snapshots WHERE session = %s", THURSDAY) == Decimal("999994.9000")
    assert path.rows("SELECT * FROM trading.unbooked_actions") == []
    assert _broken(path) == []


def test_rights_are_not_subscribed_by_default_and_what_that_costs_is_kept(path: OrderPath) -> None:
    seed_action(path.database, MAOTAI, WEDNESDAY, rights_per_share="0.3", rights_price="6")
    _reference(path, "9.08")
    _hold(path)
    path.open_session(WEDNESDAY)
    assert path.rows("SELECT kind, shares, subscribed, value_lost, amount FROM trading.entitlements") == [
        ("RIGHTS", 300, 0, Decimal("924.0000"), Decimal("0.0000"))
    ]
    assert path.one("SELECT quantity FROM trading.positions") == 1_000
    path.close_session(WEDNESDAY)
    assert path.rows("SELECT * FROM trading.unbooked_actions") == []
    assert _broken(path) == []


def _instruct(path: OrderPath, quantity: int, listed_on: date = THURSDAY) -> bool:
    with transaction(path.engines["orchestrator"]) as tx:
        return entitlements.subscribe_rights(
            tx, ACCOUNT, MAOTAI, WEDNESDAY, entitlements.RightsInstruction(quantity, listed_on, "operator")
        )


def test_an_operator_may_have_rights_subscribed_which_are_sold_once_they_are_listed(path: OrderPath) -> None:
    seed_market(
        path.database, [BarRow(MAOTAI, THURSDAY, pre_close="9.08", open="9.08", high="9.1", low="9.0", close="9.08")]
    )
    seed_action(path.database, MAOTAI, WEDNESDAY, rights_per_share="0.3", rights_price="6")
    _reference(path, "9.08")
    _hold(path)
    assert _instruct(path, 300)
    assert not _instruct(path, 100)
    path.open_session(WEDNESDAY)
    assert path.rows("SELECT subscribed, amount, value_lost, listed_on FROM trading.entitlements") == [
        (300, Decimal("1800.0000"), Decimal("0.0000"), THURSDAY)
    ]
    assert path.rows("SELECT quantity, unlisted_quantity, cost FROM trading.positions") == [
        (1_300, 300, Decimal("11805.1000"))
    ]
    early = path.submit(MAOTAI, Side.SELL, 1_300, "8.90", trading_day=WEDNESDAY)
    path.settle()
    assert path.state(early) is OrderState.DENIED
    path.close_session(WEDNESDAY)
    assert abs(path.one("SELECT equity FROM trading.snapshots WHERE session = %s", WEDNESDAY) - Decimal("999994.9")) < 7
    path.open_session(THURSDAY)
    sale = path.submit(MAOTAI, Side.SELL, 1_300, "8.90", trading_day=THURSDAY)
    path.settle()
    path.close_session(THURSDAY)
    assert path.state(sale) is OrderState.FILLED
    assert _broken(path) == []


def test_an_instruction_after_the_opening_is_too_late(path: OrderPath) -> None:
    _hold(path)
    path.open_session(WEDNESDAY)
    with pytest.raises(entitlements.TooLate, match="was opened"):
        _instruct(path, 100)


def test_the_command_line_takes_an_operators_word(path: OrderPath, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIDDENGEM_OWNER_URL", path.database)
    with pytest.raises(NotFound, match="are stored"):
        rights.subscribe(MAOTAI, "2024-09-04", 100, listed_on="2024-09-05", account=None)
    seed_action(path.database, MAOTAI, WEDNESDAY, rights_per_share="0.3", rights_price="6")
    assert rights.subscribe("600519.sh", "2024-09-04", 100, listed_on="2024-09-05", account=None) == 0
    kept = path.rows("SELECT account_id, symbol, ex_date, quantity, listed_on FROM trading.rights_instructions")
    assert kept == [(ACCOUNT, MAOTAI, WEDNESDAY, 100, THURSDAY)]
    for wrong, field in (({"listed_on": "2024-09-03"}, "LISTED_ON"), ({"listed_on": "2024-09-05"}, "SYMBOL")):
        with pytest.raises(InvalidInput) as refused:
            rights.subscribe(MAOTAI, "2024-09-04", 100, account=None, **wrong)
        assert refused.value.field == field
    with pytest.raises(NotFound, match="account"):
        rights.subscribe(MAOTAI, "2024-09-04", 100, listed_on="2024-09-05", account="nobody's")


def test_opening_twice_books_nothing_twice(path: OrderPath) -> None:
    seed_action(path.database, MAOTAI, WEDNESDAY, cash_per_share="0.5", bonus_per_share="0.1", pay_date=WEDNESDAY)
    _hold(path)
    path.open_session(WEDNESDAY)
    before = path.rows("SELECT * FROM trading.ledger_entry ORDER BY txn_id, line")
    assert not path.open_session(WEDNESDAY)
    assert not path.opener.on_hint(ACCOUNT, WEDNESDAY)
    path.restart_execution()
    assert not path.opener.on_hint(ACCOUNT, WEDNESDAY)
    assert path.rows("SELECT * FROM trading.ledger_entry ORDER BY txn_id, line") == before


def test_a_hint_that_comes_after_its_session_books_nothing(path: OrderPath) -> None:
    seed_action(path.database, MAOTAI, WEDNESDAY, cash_per_share="0.5")
    _hold(path)
    assert not path.opener.on_hint(ACCOUNT, WEDNESDAY)
    path.at(WEDNESDAY, Phase.CLOSED)
    assert not path.opener.on_hint(ACCOUNT, WEDNESDAY)
    assert path.rows("SELECT * FROM trading.booked_actions") == []


STEPS: list[tuple[Any, str]] = [
    (entitlements, "keep"),
    (entitlements, "keep_cash"),
    (entitlements, "change_receivable"),
    (lots, "earn"),
    (lots, "add"),
    (ledger, "post"),
    (entitlements, "credit"),
    (positions, "change_cash"),
    (entitlements, "paid"),
    (entitlements, "opened"),
]


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("module", "step"), STEPS, ids=[name for _, name in STEPS])
def test_whoever_is_killed_at_whatever_step_the_books_are_the_same(
    path: OrderPath, module: Any, step: str, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed_action(path.database, MAOTAI, WEDNESDAY, cash_per_share="0.5", bonus_per_share="0.1", pay_date=WEDNESDAY)
    _hold(path)
    monkeypatch.setattr(module, step, _dying(getattr(module, step), late=late))
    with pytest.raises(Crash):
        path.open_session(WEDNESDAY)
    monkeypatch.undo()
    assert path.rows("SELECT * FROM trading.booked_actions") == []
    assert path.one("SELECT count(*) FROM trading.openings WHERE session = %s", WEDNESDAY) == 0
    path.restart_execution()
    assert path.opener.on_hint(ACCOUNT, WEDNESDAY)
    assert path.rows("SELECT cash, receivable FROM trading.balances") == [(Decimal("990494.9000"), Decimal("0.0000"))]
    assert path.one("SELECT quantity FROM trading.positions") == 1_100
    assert _broken(path) == []


def _dying(real: Callable[..., Any], *, late: bool) -> Callable[..., Any]:
    """The step, and death before or after it."""

    def step(tx: Connection, *args: Any, **kwargs: Any) -> Any:
        if late:
            real(tx, *args, **kwargs)
        raise Crash

    return step


def test_a_zombie_books_nothing(path: OrderPath) -> None:
    seed_action(path.database, MAOTAI, WEDNESDAY, cash_per_share="0.5")
    _hold(path)
    zombie = path.opener
    path.restart_execution()
    path.at(WEDNESDAY, Phase.PRE_OPEN)
    with pytest.raises(Exception, match="epoch"):
        zombie.on_hint(ACCOUNT, WEDNESDAY)
    assert path.rows("SELECT * FROM trading.openings WHERE session = %s", WEDNESDAY) == []
