"""The unit of work, and what the database's errors are called here."""

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from libs.domain.clock import SystemClock
from libs.runtime.servers import LocalServers
from libs.runtime.state import StateDirectory
from libs.storage.engine import (
    Connection,
    Engine,
    IllegalTransition,
    StaleEpoch,
    StorageBusy,
    StorageUnavailable,
    in_transaction,
    make_engine,
    transaction,
)
from libs.storage.roles import service_url

RAISE = "DO $$ BEGIN RAISE EXCEPTION 'told you' USING ERRCODE = '{}'; END $$"


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("HG001", StaleEpoch),
        ("HG003", IllegalTransition),
        ("57P01", StorageUnavailable),
        ("08006", StorageUnavailable),
        ("40001", StorageBusy),
        ("40P01", StorageBusy),
        ("55P03", StorageBusy),
        ("57014", StorageBusy),
        ("53100", StorageBusy),
    ],
)
def test_the_databases_own_codes_become_the_desks_errors(owner: Engine, state: str, error: type[Exception]) -> None:
    with pytest.raises(error, match="told you"), transaction(owner) as tx:
        tx.exec_driver_sql(RAISE.format(state))


def test_what_nobody_expects_stays_what_it_is(owner: Engine) -> None:
    with pytest.raises(DBAPIError), transaction(owner) as tx:
        tx.exec_driver_sql("SELECT 1 / 0")


def test_a_block_that_ends_is_committed_and_one_that_raises_is_not(owner: Engine) -> None:
    with transaction(owner) as tx:
        tx.exec_driver_sql("CREATE TABLE scratch (n int)")
    with pytest.raises(ValueError, match="no"), transaction(owner) as tx:  # noqa: PT012 (the block is the test)
        tx.exec_driver_sql("INSERT INTO scratch VALUES (1)")
        raise ValueError("no")
    with transaction(owner) as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM scratch").scalar() == 0


def test_a_read_only_transaction_refuses_to_write(owner: Engine) -> None:
    with pytest.raises(DBAPIError, match="read-only"), transaction(owner, read_only=True) as tx:
        tx.exec_driver_sql("DELETE FROM desk.rounds")


async def test_work_runs_in_another_thread_and_its_result_comes_back(owner: Engine) -> None:
    def work(tx: Connection, number: int, *, plus: int) -> tuple[object, bool]:
        found = tx.execute(text("SELECT :n"), {"n": number + plus}).scalar()
        return found, threading.current_thread() is threading.main_thread()

    assert await in_transaction(owner, work, 1, plus=2) == (3, False)


def test_a_connection_cut_in_a_transaction_is_an_unavailable_storage_and_the_next_one_works(owner: Engine) -> None:
    cut = "SELECT pg_terminate_backend(pg_backend_pid())"
    with pytest.raises(StorageUnavailable), transaction(owner) as tx:
        tx.exec_driver_sql(cut)
    with transaction(owner) as tx:
        assert tx.exec_driver_sql("SELECT 1").scalar() == 1


def test_a_connection_cut_before_the_commit_is_an_unavailable_storage(owner: Engine, database: str) -> None:
    other = make_engine(database)
    with pytest.raises(StorageUnavailable), transaction(owner) as tx:  # noqa: PT012 (the commit is what fails)
        pid = tx.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        with transaction(other) as cutter:
            cutter.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    other.dispose()


def test_nobody_at_the_address_is_an_unavailable_storage() -> None:
    engine = make_engine("postgresql://hg:canary@127.0.0.1:1/desk")
    with pytest.raises(StorageUnavailable) as refused, transaction(engine):
        pass
    assert "canary" not in str(refused.value)
    engine.dispose()


def test_a_wrong_password_is_told_without_it(database: str) -> None:
    engine = make_engine(service_url(database, "nobody", "canary"))
    with pytest.raises(StorageUnavailable) as refused, transaction(engine):
        pass
    assert "canary" not in str(refused.value)
    engine.dispose()


@pytest.fixture
def state() -> Iterator[StateDirectory]:
    # Not tmp_path: PostgreSQL runs as nobody when the tests run as root, and pytest's folders are closed to it.
    folder = Path(tempfile.mkdtemp(prefix="hiddengem-test-"))
    yield StateDirectory(folder)
    shutil.rmtree(folder)


def test_after_a_restart_of_the_server_the_same_engine_works_again(state: StateDirectory) -> None:
    servers = LocalServers(durable=False)
    state.prepare(new_cluster_bytes=200_000_000)
    try:
        engine = make_engine(servers.start(state).database)
        with transaction(engine) as tx:
            assert tx.exec_driver_sql("SELECT 1").scalar() == 1
        with pytest.raises(StorageUnavailable), transaction(engine) as tx:  # noqa: PT012 (one of many fails)
            os.kill(servers.processes()["postgres"], signal.SIGINT)
            while tx.exec_driver_sql("SELECT 1").scalar():
                pass
        _until_answered(servers, engine)
        engine.dispose()
    finally:
        servers.stop()


def _until_answered(servers: LocalServers, engine: Engine) -> None:
    until = SystemClock().monotonic() + 20
    while True:
        servers.poll()
        try:
            with transaction(engine) as tx:
                assert tx.exec_driver_sql("SELECT 1").scalar() == 1
                return
        except StorageUnavailable:
            if SystemClock().monotonic() > until:
                raise


def test_an_unbalanced_ledger_cannot_be_committed(owner: Engine) -> None:
    with pytest.raises(DBAPIError, match="does not balance"), transaction(owner) as tx:  # noqa: PT012 (at the commit)
        tx.exec_driver_sql("SELECT trading.open_account('a', 'paper', 5, '2024-09-02', gen_random_uuid(), false)")
        tx.exec_driver_sql("UPDATE trading.ledger_entry SET amount = 4 WHERE book = 'CASH'")


def test_an_exhausted_pool_is_busy_not_broken(database: str) -> None:
    engine = make_engine(database, pool_size=1)
    engine.pool._timeout = 0.01  # type: ignore[attr-defined]  # a queue pool's; nobody sets it in the desk
    with transaction(engine), transaction(engine), pytest.raises(StorageBusy), transaction(engine):
        pass
    engine.dispose()
