"""The state machine lives in the database: every pair of states is tried, and every door is tried by the wrong role."""

from collections.abc import Iterator
from itertools import product
from uuid import UUID, uuid4

import psycopg
import pytest

from libs.domain.trading import OrderState, Side
from libs.storage import orders
from libs.storage.engine import IllegalTransition, StaleEpoch, transaction
from libs.storage.orders import Move
from tests.support.order_path import MAOTAI, TUESDAY, OrderPath

S = OrderState
_PROVEN = {S.ACCEPTED, S.REJECTED, S.PARTIAL, S.FILLED, S.CANCELLED, S.EXPIRED}
_LATE = {S.ACCEPTED, S.PARTIAL, S.FILLED}
LEGAL: dict[OrderState, set[OrderState]] = {
    S.NEW: {S.APPROVED, S.DENIED, S.CANCELLED},
    S.APPROVED: {S.SENDING, S.DENIED, S.CANCELLED},
    S.SENDING: _PROVEN | {S.ABORTED, S.UNKNOWN},
    S.UNKNOWN: _PROVEN | {S.ABORTED, S.MISSING},
    S.ACCEPTED: {S.PARTIAL, S.FILLED, S.CANCELLED, S.EXPIRED},
    S.PARTIAL: {S.PARTIAL, S.FILLED, S.CANCELLED, S.EXPIRED},
    S.MISSING: _LATE | {S.EXPIRED},
    S.CANCELLED: _LATE,
    S.REJECTED: _LATE,
    S.EXPIRED: _LATE,
    S.ABORTED: _LATE,
    S.DENIED: set(),
    S.FILLED: set(),
}
_LATE_PROOF = {S.MISSING, S.CANCELLED, S.REJECTED, S.EXPIRED, S.ABORTED}
_MOVE = "SELECT trading.transition(%s, ARRAY[%s], %s, 'test', CAST(%s AS jsonb), %s)"


@pytest.fixture
def bench(path: OrderPath) -> Iterator[tuple[psycopg.Connection, UUID, int]]:
    """The owner's connection, an order that may be put into any state, and the current epoch; rolled back."""
    order = path.submit(MAOTAI, Side.BUY, 100, "10.00")
    path.settle()
    with psycopg.connect(path.database) as connection:
        yield connection, order, path.epoch
        connection.rollback()


def test_there_are_thirteen_states_and_the_table_speaks_of_each() -> None:
    assert set(LEGAL) == set(OrderState)
    assert len(OrderState) == 13


def test_every_pair_of_states_is_legal_exactly_when_the_design_says_so(
    bench: tuple[psycopg.Connection, UUID, int],
) -> None:
    connection, order, epoch = bench
    for current, target in product(OrderState, OrderState):
        connection.execute("UPDATE trading.orders SET state = %s WHERE order_id = %s", (current, order))
        assert _moves(connection, (order, current, target, '{"why": "test"}', epoch)) is (target in LEGAL[current]), (
            current,
            target,
        )


def test_a_finished_order_comes_back_only_with_evidence(bench: tuple[psycopg.Connection, UUID, int]) -> None:
    connection, order, epoch = bench
    for current in _LATE_PROOF:
        for target in _LATE:
            connection.execute("UPDATE trading.orders SET state = %s WHERE order_id = %s", (current, order))
            assert not _moves(connection, (order, current, target, "{}", epoch))


def _moves(connection: psycopg.Connection, values: tuple[object, ...]) -> bool:
    """Whether the database makes the move; it is undone at once."""
    connection.execute("SAVEPOINT attempt")
    try:
        [moved] = connection.execute(_MOVE, values).fetchone() or [None]
    except psycopg.Error as e:
        if e.sqlstate != "HG003":
            raise
        moved = None
    connection.execute("ROLLBACK TO attempt")
    return moved is not None


def test_a_move_from_another_state_does_nothing_and_is_no_error(path: OrderPath) -> None:
    order = path.submit(MAOTAI, Side.BUY, 100, "10.00")
    with transaction(path.engines["execution"]) as tx:
        assert not orders.transition(tx, order, Move(S.FILLED, [S.PARTIAL], "late"), path.epoch)
    assert path.state(order) is S.NEW


def test_a_stale_epoch_moves_nothing(path: OrderPath) -> None:
    order = path.submit(MAOTAI, Side.BUY, 100, "10.00")
    former = path.epoch
    path.restart_execution()
    with pytest.raises(StaleEpoch), transaction(path.engines["execution"]) as tx:
        orders.transition(tx, order, Move(S.CANCELLED, [S.NEW], "cancel"), former)
    with pytest.raises(StaleEpoch), transaction(path.engines["execution"]) as tx:
        orders.fence(tx, former)
    assert path.state(order) is S.NEW


@pytest.mark.parametrize("role", ["orchestrator", "risk", "broker_gateway", "api_gateway", "technical"])
def test_only_execution_moves_what_is_executions(path: OrderPath, role: str) -> None:
    order = path.submit(MAOTAI, Side.BUY, 100, "10.00")
    with psycopg.connect(path.url(role)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(_MOVE, (order, "NEW", "CANCELLED", "{}", path.epoch))


def test_only_risk_decides(path: OrderPath) -> None:
    order = path.submit(MAOTAI, Side.BUY, 100, "10.00")
    for role in ("execution", "orchestrator"):
        with psycopg.connect(path.url(role)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT trading.decide_order(%s, %s)", (order, uuid4()))
    with pytest.raises(psycopg.errors.InsufficientPrivilege), psycopg.connect(path.url("execution")) as connection:
        connection.execute(_MOVE, (order, "NEW", "APPROVED", "{}", path.epoch))


_FORBIDDEN = {
    "risk": [
        "UPDATE trading.orders SET state = 'APPROVED'",
        "UPDATE trading.balances SET cash = 0",
        "INSERT INTO trading.fills DEFAULT VALUES",
        "UPDATE risk.reservations SET amount = 0",
        "DELETE FROM risk.verdicts",
    ],
    "execution": [
        "UPDATE trading.orders SET state = 'FILLED'",
        "UPDATE trading.orders SET qty = 1",
        "UPDATE trading.fills SET qty = 1",
        "DELETE FROM trading.fills",
        "UPDATE trading.ledger_entry SET amount = 1",
        "DELETE FROM trading.order_events",
        "INSERT INTO trading.order_events DEFAULT VALUES",
        "UPDATE risk.control SET state = 'ACTIVE'",
        "UPDATE broker.sends SET state = 'VOIDED'",
        "UPDATE trading.balances SET reserved = 0",
        "INSERT INTO broker.reports DEFAULT VALUES",
    ],
    "broker_gateway": [
        "UPDATE trading.orders SET state = 'FILLED'",
        "INSERT INTO trading.fills DEFAULT VALUES",
        "UPDATE broker.reports SET body = '{}'",
        "SELECT * FROM paper_venue.orders",
    ],
    "orchestrator": [
        "INSERT INTO trading.orders DEFAULT VALUES",
        "UPDATE trading.accounts SET status = 'OPEN'",
        "UPDATE risk.control SET state = 'HALTED'",
        "INSERT INTO ops.outbox (service, method, payload) VALUES ('execution', 'execution.send', '{}')",
    ],
    "paper_venue": ["SELECT * FROM trading.orders", "SELECT * FROM broker.sends", "UPDATE desk.clock SET tick = 1"],
    "api_gateway": ["UPDATE trading.orders SET state = 'CANCELLED'", "INSERT INTO risk.verdicts DEFAULT VALUES"],
    "technical": ["SELECT * FROM trading.orders", "SELECT * FROM risk.verdicts", "SELECT * FROM auth.api_keys"],
}


@pytest.mark.parametrize("role", list(_FORBIDDEN))
def test_a_service_writes_only_what_it_owns(path: OrderPath, role: str) -> None:
    with psycopg.connect(path.url(role)) as connection:
        for statement in _FORBIDDEN[role]:
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(statement.encode())


def test_a_ledger_transaction_that_does_not_balance_is_refused_at_commit(path: OrderPath) -> None:
    entries = (
        "WITH txn AS (INSERT INTO trading.ledger_txn VALUES (gen_random_uuid(), 'FILL', 'replay-1', %s, 'test', now())"
        " RETURNING txn_id) INSERT INTO trading.ledger_entry SELECT txn_id, line, 'replay-1', book, 'CNY', amount"
        " FROM txn, (VALUES (1, 'CASH', 5), (2, 'MARKET', -4)) AS t (line, book, amount)"
    )
    with psycopg.connect(path.database) as connection:
        connection.execute(entries, (TUESDAY,))
        with pytest.raises(psycopg.Error, match="does not balance") as refused:
            connection.commit()
    assert refused.value.sqlstate == "HG002"


def test_no_illegal_move_passes_through_storage_either(path: OrderPath) -> None:
    order = path.submit(MAOTAI, Side.BUY, 100, "10.00")
    with pytest.raises(IllegalTransition), transaction(path.engines["execution"]) as tx:
        orders.transition(tx, order, Move(S.FILLED, [S.NEW], "no"), path.epoch)
