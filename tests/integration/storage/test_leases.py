"""One holder at a time, each under a higher epoch; writes under an older one are refused."""

from datetime import timedelta
from uuid import uuid4

import pytest

from libs.runtime.leases import Lease, LeaseLost
from libs.storage import leases
from libs.storage.engine import Connection, Engine, IllegalTransition, StaleEpoch, transaction
from tests.integration.storage.conftest import AsService
from tests.support.desk_world import move_order

LONG, OVER = timedelta(minutes=1), timedelta(seconds=-1)


def test_a_lease_has_one_holder_and_its_epoch_rises_with_every_new_one(owner: Engine) -> None:
    with transaction(owner) as tx:
        assert leases.acquire(tx, "execution", "one", LONG) == 1
        assert leases.acquire(tx, "execution", "two", LONG) is None
        assert leases.acquire(tx, "execution", "one", OVER) == 2
        assert leases.acquire(tx, "execution", "two", LONG) == 3
        assert not leases.renew(tx, "execution", "one", 2, LONG)
        assert leases.renew(tx, "execution", "two", 3, LONG)
        assert leases.acquire(tx, "orchestrator", "one", LONG) == 1


def test_an_expired_lease_that_nobody_took_is_still_renewed(owner: Engine) -> None:
    with transaction(owner) as tx:
        assert leases.acquire(tx, "execution", "one", OVER) == 1
        assert leases.renew(tx, "execution", "one", 1, LONG)
        assert leases.acquire(tx, "execution", "two", LONG) is None


def test_every_service_of_the_desk_may_hold_a_lease(as_service: AsService) -> None:
    with transaction(as_service("orchestrator")) as tx:
        assert leases.acquire(tx, "orchestrator", "one", LONG) == 1


def an_order(tx: Connection) -> str:
    tx.exec_driver_sql("SELECT trading.open_account('paper', 'paper', 100000, '2024-09-02', gen_random_uuid(), false)")
    order = str(uuid4())
    tx.exec_driver_sql(
        f"SELECT trading.submit_order('{order}', 'c', 'paper', '2024-09-02', '600519.SH', 'BUY', 100, 10, now(), "
        "gen_random_uuid(), NULL)"
    )
    return order


def test_a_move_under_a_stale_epoch_is_refused(owner: Engine) -> None:
    with transaction(owner) as tx:
        order = an_order(tx)
        leases.acquire(tx, "execution", "one", OVER)
        leases.acquire(tx, "execution", "two", LONG)
    cancel = f"SELECT trading.transition('{order}', ARRAY['NEW'], 'CANCELLED', 'test', '{{}}', %(epoch)s)"
    with pytest.raises(StaleEpoch), transaction(owner) as tx:
        tx.exec_driver_sql(cancel, {"epoch": 1})
    with transaction(owner) as tx:
        assert tx.exec_driver_sql(cancel, {"epoch": 2}).scalar() == 2
        assert tx.exec_driver_sql(cancel, {"epoch": 2}).scalar() is None


def test_a_move_that_the_state_machine_does_not_know_is_refused(owner: Engine) -> None:
    with pytest.raises(IllegalTransition), transaction(owner) as tx:
        move_order(tx, an_order(tx), "NEW", "FILLED")  # type: ignore[arg-type]  # the id as text


async def test_a_lease_waits_for_nobody_when_it_is_free_and_knows_when_it_is_lost(owner: Engine) -> None:
    lease = Lease(owner, "execution", "one")
    with pytest.raises(LeaseLost):
        _ = lease.epoch
    assert await lease.acquire() == lease.epoch == 1
    with transaction(owner) as tx:
        tx.exec_driver_sql("UPDATE ops.leases SET holder = 'two', epoch = 2")
    with pytest.raises(LeaseLost):
        await lease.keep()
