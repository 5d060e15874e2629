"""The openings of a replay's sessions: asked for before the first order, booked once, whoever is killed."""

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from libs.contracts.desk import START_REPLAY
from libs.storage.engine import transaction
from tests.integration.orchestrator.test_replay import (
    DAYS,
    WANTED,
    Killer,
    check_nothing_doubled,
    finished,
    ready,
    replayed,
)
from tests.support.desk_world import rows

if TYPE_CHECKING:
    from tests.integration.orchestrator.conftest import World
else:
    World = Any


def pay_dividends(world: World) -> None:
    """Every share gives ten fen on each session of the replay, paid at once."""
    with transaction(world.owner) as tx:
        tx.exec_driver_sql("""
            INSERT INTO market.corporate_actions (symbol, ex_date, pay_date, cash_per_share, bonus_per_share,
                transfer_per_share, rights_per_share, source, synthetic, fetched_at, published_at)
            SELECT symbol, session, session, 0.1, 0, 0, 0, 'test', false, now(), published_at
            FROM market.bars WHERE session BETWEEN '2024-08-26' AND '2024-09-02'
        """)


async def test_the_first_order_of_a_session_waits_until_its_ex_dates_are_booked(world: World) -> None:
    pay_dividends(world)
    late = []

    def reviewed() -> None:
        unopened = """SELECT trading_day FROM trading.orders o WHERE NOT EXISTS (
            SELECT FROM trading.openings p WHERE p.session = o.trading_day)"""
        late.extend(rows(world.owner, unopened))

    world.floor.reviewed = reviewed
    row = await replayed(world)
    report = row["report"]
    assert late == []
    assert [opened for (opened,) in rows(world.owner, "SELECT session FROM trading.openings ORDER BY 1")] == DAYS
    assert report["booked_actions"]
    assert {action["kind"] for action in report["booked_actions"]} == {"CASH"}
    accrued = sum((Decimal(action["amount"]) for action in report["booked_actions"]), Decimal(0))
    booked = "SELECT sum(amount) FROM trading.ledger_entry WHERE book = 'DIVIDEND_INCOME'"
    assert rows(world.owner, booked) == [(-accrued,)]
    check_nothing_doubled(world, row["account_id"])


@pytest.mark.parametrize("visit", [1, 2])
async def test_a_replay_killed_at_an_opening_books_its_dividends_once(world: World, visit: int) -> None:
    pay_dividends(world)
    killer = Killer(visit)
    world.floor.opened = killer
    async with world.desk() as bus:
        async with world.orchestrator():
            await ready(bus)
            await bus.call("orchestrator", START_REPLAY, WANTED, timeout=5)
            async with asyncio.timeout(30):
                await killer.event.wait()
        async with world.orchestrator():
            row = await finished(world)
    assert row["status"] == "DONE"
    doubled = "SELECT symbol, ex_date, count(*) FROM trading.entitlements GROUP BY 1, 2 HAVING count(*) > 1"
    assert rows(world.owner, doubled) == []
    check_nothing_doubled(world, row["account_id"])
