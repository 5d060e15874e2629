"""Hints reach their streams in order, and again when Redis lost them; a row is marked only after its hint."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, timedelta
from uuid import uuid4

from libs.bus.endpoint import Endpoint
from libs.bus.errors import Unavailable
from libs.bus.memory import MemoryServer
from libs.bus.port import Call, Hint
from libs.contracts.base import Nothing
from libs.contracts.card import AgentCard
from libs.contracts.orders import RISK_REVIEW, OrderHint
from libs.runtime.relay import Relay
from libs.storage import broker_reports, clock, outbox
from libs.storage.engine import Engine, transaction
from tests.integration.storage.conftest import AsService
from tests.support.desk_world import rows, serving


def submit(engine: Engine, count: int) -> list[str]:
    ids = [str(uuid4()) for _ in range(count)]
    with transaction(engine) as tx:
        tx.exec_driver_sql(
            "SELECT trading.open_account('paper', 'paper', 9999, '2024-09-02', gen_random_uuid(), false)"
        )
        for order in ids:
            tx.exec_driver_sql(
                f"SELECT trading.submit_order('{order}', '{order}', 'paper', '2024-09-02', '600519.SH', 'BUY', 100, "
                "10, now(), gen_random_uuid(), NULL)"
            )
    return ids


class Recorder:
    """A bus that keeps hints; the first `failures` writes find Redis away."""

    def __init__(self, owner: Engine, failures: int = 0) -> None:
        self.hints: list[Hint] = []
        self.marked_before: list[object] = []
        self.enough = asyncio.Event()
        self._owner = owner
        self._failures = failures

    async def hint(self, hints: Sequence[Hint]) -> None:
        if self._failures:
            self._failures -= 1
            raise Unavailable
        self.marked_before += rows(self._owner, "SELECT id FROM ops.outbox WHERE published_at IS NOT NULL")
        self.hints += hints
        self.enough.set()


@asynccontextmanager
async def publishing(engine: Engine, bus: object) -> AsyncIterator[Relay]:
    relay = Relay(engine, bus, asyncio.Event())  # type: ignore[arg-type]  # of the bus, a relay uses `hint` alone
    task = asyncio.create_task(relay.publish())
    try:
        async with asyncio.timeout(10):
            yield relay
    finally:
        task.cancel()
        await asyncio.wait({task})


async def until_marked(owner: Engine) -> None:
    while rows(owner, "SELECT count(*) FROM ops.outbox WHERE published_at IS NULL") != [(0,)]:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def test_hints_are_written_in_order_with_desk_time_and_then_marked(owner: Engine, as_service: AsService) -> None:
    orders = submit(owner, 3)
    bus = Recorder(owner)
    async with publishing(as_service("orchestrator"), bus):
        await until_marked(owner)
    assert [hint.params["order_id"] for hint in bus.hints] == orders
    assert bus.marked_before == []
    with transaction(owner) as tx:
        now = clock.read(tx).now
    assert {(hint.service, hint.method_name, hint.now) for hint in bus.hints} == {("risk", "risk.review", now)}
    assert rows(owner, "SELECT DISTINCT tries FROM ops.outbox") == [(1,)]


async def test_hints_wait_while_the_bus_is_away_and_none_is_lost(owner: Engine) -> None:
    orders = submit(owner, 2)
    bus = Recorder(owner, failures=2)
    async with publishing(owner, bus):
        await until_marked(owner)
    assert [hint.params["order_id"] for hint in bus.hints] == orders


async def test_what_redis_lost_is_sent_again_under_the_same_id(owner: Engine) -> None:
    (order,) = submit(owner, 1)
    server = MemoryServer()
    seen: list[str] = []
    arrived = asyncio.Event()

    async def review(hint: OrderHint, call: Call) -> Nothing:
        seen.append(call.msg_id)
        assert str(hint.order_id) == order
        arrived.set()
        return Nothing()

    risk = Endpoint(AgentCard(name="risk", instance="risk-1", role="risk", version="1"))
    risk.method(RISK_REVIEW, review)
    async with server.bus("orchestrator-1") as bus:
        async with publishing(owner, bus):
            await until_marked(owner)
        server.flush()
        with transaction(owner) as tx:
            assert outbox.sweep(tx, timedelta(minutes=1)) == 0
            assert outbox.sweep(tx, timedelta(0)) == 1
        async with serving(server, risk), publishing(owner, bus):
            await arrived.wait()
    assert seen == [str(rows(owner, "SELECT msg_id FROM ops.outbox")[0][0])]


def test_a_hint_whose_order_has_moved_is_not_sent_again(owner: Engine) -> None:
    submit(owner, 1)
    with transaction(owner) as tx:
        outbox.mark_published(tx, outbox.unpublished(tx, 10))
        tx.exec_driver_sql("UPDATE trading.orders SET state = 'DENIED'")
        assert outbox.sweep(tx, timedelta(0)) == 0


def test_a_hint_that_is_needed_is_never_too_old(owner: Engine, as_service: AsService) -> None:
    needed, _ = submit(owner, 2)
    with transaction(owner) as tx:
        tx.exec_driver_sql(
            "UPDATE ops.outbox SET created_at = now() - interval '9 days', published_at = now() - interval '9 days'"
        )
        tx.exec_driver_sql(f"UPDATE trading.orders SET state = 'DENIED' WHERE order_id <> '{needed}'")
    with transaction(as_service("orchestrator")) as tx:
        outbox.prune(tx)
        assert outbox.sweep(tx, timedelta(minutes=1)) == 1
    assert rows(owner, "SELECT order_id::text, published_at FROM ops.outbox") == [(needed, None)]


def test_the_hint_to_send_is_sent_again_while_its_order_is_approved(owner: Engine) -> None:
    (order,) = submit(owner, 1)
    with transaction(owner) as tx:
        verdict = tx.exec_driver_sql(
            "INSERT INTO risk.verdicts (verdict_id, order_id, order_hash, outcome, approved_qty, reason_codes, "
            f"limits_version, snapshot, expires_at) VALUES (gen_random_uuid(), '{order}', '', 'APPROVE', 100, '{{}}', "
            "1, '{}', now()) RETURNING verdict_id"
        ).scalar_one()
        tx.exec_driver_sql(f"SELECT trading.decide_order('{order}', '{verdict}')")
        outbox.mark_published(tx, outbox.unpublished(tx, 10))
        assert outbox.sweep(tx, timedelta(0)) == 1
        assert [row.method for row in outbox.unpublished(tx, 10)] == ["execution.send"]


def test_while_a_report_waits_the_newest_hint_to_apply_is_sent_again(owner: Engine) -> None:
    with transaction(owner) as tx:
        for seq in (1, 2):
            report = broker_reports.RawReport(seq, date(2024, 9, 2), {"kind": "FILL"})
            broker_reports.store(tx, "paper", [report])
        outbox.mark_published(tx, outbox.unpublished(tx, 10))
        assert outbox.sweep(tx, timedelta(0)) == 1
        assert [row.payload for row in outbox.unpublished(tx, 10)] == [{"through": 2}]
        outbox.mark_published(tx, outbox.unpublished(tx, 10))
        for report_id in (1, 2):
            broker_reports.applied(tx, report_id, broker_reports.ReportOutcome.BOOKED)
        assert outbox.sweep(tx, timedelta(0)) == 0


def test_old_rows_are_forgotten_and_waiting_ones_are_not(owner: Engine, as_service: AsService) -> None:
    submit(owner, 3)
    with transaction(owner) as tx:
        tx.exec_driver_sql("UPDATE trading.orders SET state = 'DENIED'")
        tx.exec_driver_sql("UPDATE ops.outbox SET published_at = now() - interval '4 days' WHERE id = 1")
        tx.exec_driver_sql("UPDATE ops.outbox SET published_at = now() WHERE id = 2")
        tx.exec_driver_sql(
            "INSERT INTO ops.inbox VALUES ('risk', 'old', now() - interval '8 days'), ('risk', 'new', now())"
        )
    with transaction(as_service("orchestrator")) as tx:
        outbox.prune(tx)
    assert rows(owner, "SELECT id FROM ops.outbox ORDER BY 1") == [(2,), (3,)]
    assert rows(owner, "SELECT msg_id FROM ops.inbox") == [("new",)]


async def test_the_sweeper_wakes_the_relay(owner: Engine) -> None:
    submit(owner, 1)
    with transaction(owner) as tx:
        outbox.mark_published(tx, outbox.unpublished(tx, 10))
        tx.exec_driver_sql("UPDATE ops.outbox SET published_at = now() - interval '10 s'")
    bus = Recorder(owner)
    async with publishing(owner, bus) as relay:
        sweeping = asyncio.create_task(relay.sweep())
        await bus.enough.wait()
        sweeping.cancel()
        await asyncio.wait({sweeping})
    assert len(bus.hints) == 1
