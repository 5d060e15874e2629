"""Replays through the orchestrator, killed and resumed; nothing may be lost or done twice."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from libs.bus.errors import HandlerFailed
from libs.bus.port import Bus
from libs.contracts.desk import OPEN_ROUND, START_REPLAY, TRIGGER_AGENT, OpenRound, StartReplay, TriggerAgent
from libs.storage import clock, rounds
from libs.storage.clock import Phase
from libs.storage.decisions import resting
from libs.storage.engine import transaction
from libs.storage.notify import Listener
from libs.storage.replays import find
from services.orchestrator.replay import ReplayDriver, round_of
from services.orchestrator.rounds import RoundRunner
from tests.support.desk_world import SESSIONS, SYMBOLS, rows

if TYPE_CHECKING:
    from tests.integration.orchestrator.conftest import World
else:
    World = Any

START, END = date(2024, 8, 26), date(2024, 9, 2)
WANTED = StartReplay(from_session=START, to_session=END, requested_by="test")
# What an undisturbed run comes to: equal inputs, equal orders, whoever was killed and whenever.
UNDISTURBED = {"sha256": "566d3a0b5bb69cb6cbdbdfdfab0a05bc5ca4edbb09e0cffe187418f4c8dba94e", "n": 10}
DAYS = [day for day in SESSIONS if START <= day <= END]


async def finished(world: World) -> dict[str, Any]:
    """The replay's row once it has ended."""
    async with asyncio.timeout(60):
        while True:
            with transaction(world.owner) as tx:
                row = tx.exec_driver_sql("SELECT * FROM desk.replays ORDER BY number DESC LIMIT 1").mappings().one()
            if row["status"] != "RUNNING":
                return dict(row)
            await asyncio.sleep(0.02)


async def ready(bus: Bus) -> None:
    async with asyncio.timeout(10):
        while "orchestrator" not in {card.name for card in await bus.cards()}:  # noqa: ASYNC110 (nothing to wait on)
            await asyncio.sleep(0)


@asynccontextmanager
async def at_work(world: World) -> AsyncIterator[Bus]:
    async with world.desk() as bus, world.orchestrator():
        await ready(bus)
        yield bus


async def replayed(world: World) -> dict[str, Any]:
    async with at_work(world) as bus:
        await bus.call("orchestrator", START_REPLAY, WANTED, timeout=5)
        return await finished(world)


def check_nothing_doubled(world: World, account: str) -> None:
    """One round a session, one decision a symbol, events without gaps, cash as the ledger says."""
    assert rows(world.owner, "SELECT session, status FROM desk.rounds WHERE kind = 'replay' ORDER BY 1") == [
        (day, "DECIDED") for day in DAYS
    ]
    assert rows(world.owner, "SELECT count(*) FROM desk.decisions") == [(len(DAYS) * len(SYMBOLS),)]
    doubled = """SELECT trading_day, symbol, side FROM trading.orders GROUP BY 1, 2, 3 HAVING count(*) > 1"""
    assert rows(world.owner, doubled) == []
    unmatched = """SELECT i.intent_id FROM desk.intents i LEFT JOIN trading.orders o USING (order_id)
        WHERE i.status = 'SUBMITTED' AND o.order_id IS NULL"""
    assert rows(world.owner, unmatched) == []
    gaps = "SELECT order_id FROM trading.order_events GROUP BY 1 HAVING max(seq) <> count(*)"
    assert rows(world.owner, gaps) == []
    cash = """SELECT b.cash - (SELECT sum(amount) FROM trading.ledger_entry e
        WHERE e.account_id = b.account_id AND book = 'CASH') FROM trading.balances b WHERE account_id = :account"""
    assert rows(world.owner, cash, account=account) == [(Decimal(0),)]
    assert rows(world.owner, "SELECT session FROM trading.snapshots ORDER BY 1") == [(day,) for day in DAYS]


async def test_a_replay_ends_with_its_report(world: World) -> None:
    row = await replayed(world)
    assert (row["status"], row["error"], row["sessions_done"]) == ("DONE", None, len(DAYS))
    report = row["report"]
    assert report["sessions"] == len(DAYS)
    assert report["orders_digest"] == UNDISTURBED
    assert {trade["side"] for trade in report["trades"]} == {"BUY", "SELL"}
    assert Decimal(report["equity"]["initial"]) == Decimal(1_000_000)
    assert report["last_round_id"] == str(round_of(_replay(world), END).round_id)
    check_nothing_doubled(world, row["account_id"])
    with transaction(world.owner) as tx:
        now = clock.read(tx)
    assert (now.run, now.session, now.phase) == (row["account_id"], END, Phase.RESTING)


def _replay(world: World) -> Any:
    with transaction(world.owner) as tx:
        return find(tx, tx.exec_driver_sql("SELECT replay_id FROM desk.replays").scalar_one())


async def test_what_was_bought_may_be_sold_in_the_next_session(world: World) -> None:
    for analyst in world.analysts:
        analyst.score = lambda _, as_of: 0.5 if as_of.date() == DAYS[0] else -0.5
    await replayed(world)
    traded = rows(world.owner, "SELECT DISTINCT side, trading_day FROM trading.fills ORDER BY 1")
    assert traded == [("BUY", DAYS[1]), ("SELL", DAYS[2])]


async def test_two_replays_of_the_same_sessions_have_the_same_digest(world: World) -> None:
    async with at_work(world) as bus:
        reports = []
        for _ in range(2):
            await bus.call("orchestrator", START_REPLAY, WANTED, timeout=5)
            reports.append((await finished(world))["report"])
    assert reports[0]["orders_digest"] == reports[1]["orders_digest"]
    assert reports[0]["account_id"] != reports[1]["account_id"]
    assert rows(world.owner, "SELECT account_id, status FROM trading.accounts ORDER BY 1") == [
        (reports[0]["account_id"], "CLOSED"),
        (reports[1]["account_id"], "OPEN"),
    ]


class Killer:
    """Sets its event at one visit."""

    def __init__(self, at: int) -> None:
        self.event = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._left = at

    def __call__(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._loop.call_soon_threadsafe(self.event.set)


def at_review(world: World, killer: Killer) -> None:
    world.floor.reviewed = killer


def at_close(world: World, killer: Killer) -> None:
    world.floor.closed = killer


def at_question(world: World, killer: Killer) -> None:
    world.analysts[1].trouble = killer


@pytest.mark.parametrize(
    ("place", "visit"),
    [(at_review, 1), (at_review, 4), (at_close, 1), (at_close, 3), (at_question, 1), (at_question, 3)],
)
async def test_a_replay_goes_on_where_its_orchestrator_was_killed(
    world: World, place: Callable[[World, Killer], None], visit: int
) -> None:
    killer = Killer(visit)
    place(world, killer)
    async with world.desk() as bus:
        async with world.orchestrator():
            await ready(bus)
            await bus.call("orchestrator", START_REPLAY, WANTED, timeout=5)
            async with asyncio.timeout(30):
                await killer.event.wait()
        assert rows(world.owner, "SELECT status FROM desk.replays") == [("RUNNING",)]
        async with world.orchestrator():
            row = await finished(world)
    assert row["status"] == "DONE"
    check_nothing_doubled(world, row["account_id"])
    assert row["report"]["orders_digest"] == UNDISTURBED


@pytest.mark.parametrize("phase", [Phase.PRE_OPEN, Phase.CLOSED, Phase.AFTER_CLOSE])
async def test_a_replay_goes_on_from_every_phase_of_the_clock(world: World, phase: Phase) -> None:
    killed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def look() -> None:
        with transaction(world.owner) as tx:
            now = clock.read(tx)
        if (now.session, now.phase) == (DAYS[2], phase):
            loop.call_soon_threadsafe(killed.set)

    listener = Listener(world.url, ["desk_clock"], lambda _: look())
    listener.start()
    try:
        async with world.desk() as bus:
            async with world.orchestrator():
                await ready(bus)
                await bus.call("orchestrator", START_REPLAY, WANTED, timeout=5)
                async with asyncio.timeout(30):
                    await killed.wait()
            async with world.orchestrator():
                row = await finished(world)
    finally:
        await asyncio.to_thread(listener.stop)
    assert row["status"] == "DONE"
    check_nothing_doubled(world, row["account_id"])
    assert row["report"]["orders_digest"] == UNDISTURBED


async def test_a_round_that_expired_while_nobody_drove_it_is_asked_again(world: World) -> None:
    killer = Killer(2)
    at_question(world, killer)
    async with world.desk() as bus:
        async with world.orchestrator():
            await ready(bus)
            await bus.call("orchestrator", START_REPLAY, WANTED, timeout=5)
            await killer.event.wait()
        with transaction(world.owner) as tx:
            tx.exec_driver_sql("UPDATE desk.rounds SET deadline_at = now() - interval '1 hour' WHERE status = 'OPEN'")
            rounds.expire_overdue(tx, 2.0)
        async with world.orchestrator():
            row = await finished(world)
    assert row["report"]["orders_digest"] == UNDISTURBED
    check_nothing_doubled(world, row["account_id"])


async def test_an_analyst_that_stays_away_ends_the_replay_naming_it(world: World) -> None:
    world.settings = world.settings.model_copy(update={"replay_patience_seconds": 0.5})
    world.analysts[0].hangs = True
    row = await replayed(world)
    assert row["status"] == "FAILED"
    assert "fundamental (bus.deadline_exceeded)" in row["error"]
    assert rows(world.owner, "SELECT status FROM desk.rounds") == [("ABORTED",)]
    with transaction(world.owner) as tx:
        assert clock.read(tx).phase is Phase.RESTING


def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()


async def test_a_venue_that_never_closes_ends_the_replay_saying_what_is_open(world: World) -> None:
    async with world.desk() as bus, world.orchestrator() as orchestrator:
        await ready(bus)
        world.floor.reviewed = lambda: _cancel(orchestrator)
        await bus.call("orchestrator", START_REPLAY, WANTED, timeout=5)
        await asyncio.wait({orchestrator})
    runner = RoundRunner(world.engine, bus, world.metrics.abstained)
    driver = ReplayDriver(world.engine, runner, world.settings, asyncio.Event(), step_seconds=0.1)
    await driver.drive_running()
    ((status, error),) = rows(world.owner, "SELECT status, error FROM desk.replays")
    assert status == "FAILED"
    assert "did not end within 0.1 s; orders still open: 000" in str(error)
    assert "account marked: no" in str(error)


async def test_a_second_replay_is_refused_while_one_runs(world: World) -> None:
    world.analysts[0].hangs = True
    async with at_work(world) as bus:
        await bus.call("orchestrator", START_REPLAY, WANTED, timeout=5)
        with pytest.raises(HandlerFailed) as refused:
            await bus.call("orchestrator", START_REPLAY, WANTED, timeout=5)
        assert refused.value.remote_code == "desk.replay_running"
        with pytest.raises(HandlerFailed) as refused:
            await bus.call("orchestrator", OPEN_ROUND, OpenRound(trade=True, requested_by="test"), timeout=5)
        assert refused.value.remote_code == "desk.replay_running"


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"from_session": END, "to_session": START}, "from"),
        ({"from_session": date(2024, 8, 31), "to_session": date(2024, 9, 1)}, "from"),
        ({"to_session": date(2020, 1, 1)}, "from"),
        ({"from_session": START, "symbols": ["600519.SH"]}, "symbols"),
        ({"from_session": SESSIONS[0]}, "symbols"),
    ],
)
async def test_a_replay_that_cannot_be_is_refused_by_the_name_of_its_field(
    world: World, wanted: dict[str, Any], field: str
) -> None:
    async with at_work(world) as bus:
        with pytest.raises(HandlerFailed) as refused:
            await bus.call("orchestrator", START_REPLAY, StartReplay(requested_by="test", **wanted), timeout=5)
    assert (refused.value.remote_code, refused.value.detail) == ("input.invalid", {"field": field})
    assert rows(world.owner, "SELECT count(*) FROM desk.replays") == [(0,)]


async def test_without_bars_there_is_nothing_to_do(world: World) -> None:
    with transaction(world.owner) as tx:
        tx.exec_driver_sql("DELETE FROM market.bars")
    async with at_work(world) as bus:
        with pytest.raises(HandlerFailed) as replay:
            await bus.call("orchestrator", START_REPLAY, StartReplay(requested_by="t"), timeout=5)
        with pytest.raises(HandlerFailed) as opened:
            await bus.call("orchestrator", OPEN_ROUND, OpenRound(requested_by="t"), timeout=5)
    assert replay.value.remote_code == opened.value.remote_code == "input.not_found"


async def test_without_dates_the_last_twenty_sessions_of_the_most_traded_names(world: World) -> None:
    world.settings = world.settings.model_copy(update={"watchlist_size": 2})
    async with at_work(world) as bus:
        started = await bus.call("orchestrator", START_REPLAY, StartReplay(requested_by="test"), timeout=5)
    assert (started.from_session, started.to_session, started.sessions) == (SESSIONS[-20], SESSIONS[-1], 20)
    assert started.symbols == list(SYMBOLS[:2])


async def test_everything_that_comes_of_synthetic_bars_says_so(world: World) -> None:
    with transaction(world.owner) as tx:
        tx.exec_driver_sql("UPDATE market.bars SET synthetic = true")
    row = await replayed(world)
    assert row["synthetic"] is True
    assert row["report"]["synthetic"] is True
    for table in (
        "desk.rounds",
        "desk.signals",
        "desk.decisions",
        "desk.intents",
        "trading.accounts",
        "trading.orders",
    ):
        assert rows(world.owner, f"SELECT DISTINCT synthetic FROM {table}") == [(True,)], table


async def test_the_database_away_for_a_moment_does_not_end_a_replay(world: World) -> None:
    cut = [True]

    def trouble() -> None:
        if cut:
            cut.pop()
            with transaction(world.owner) as tx:
                tx.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'hg_orchestrator'"
                )

    world.analysts[1].trouble = trouble
    row = await replayed(world)
    assert row["status"] == "DONE"
    assert row["report"]["orders_digest"] == UNDISTURBED


async def test_an_operators_round_rests_its_wishes_after_a_replay(world: World) -> None:
    async with at_work(world) as bus:
        await bus.call("orchestrator", START_REPLAY, WANTED, timeout=5)
        account = (await finished(world))["account_id"]
        opened = await bus.call("orchestrator", OPEN_ROUND, OpenRound(trade=True, requested_by="test"), timeout=5)
        async with asyncio.timeout(10):
            decided = "SELECT count(*) FROM desk.rounds WHERE kind = 'manual' AND status = 'DECIDED'"
            while rows(world.owner, decided) != [(1,)]:  # noqa: ASYNC110 (nothing to wait on)
                await asyncio.sleep(0.01)
        said = await bus.call("orchestrator", TRIGGER_AGENT, TriggerAgent(agent="policy", requested_by="t"), timeout=5)
    assert opened.session == END
    assert len(said.results) == len(SYMBOLS)
    with transaction(world.owner) as tx:
        assert {intent.account_id for intent in resting(tx, account)} == {account}
    assert rows(world.owner, "SELECT kind, status FROM desk.rounds WHERE round_id = :id", id=said.round_id) == [
        ("trigger", "ANSWERED")
    ]
    assert rows(world.owner, "SELECT count(*) FROM desk.decisions WHERE round_id = :id", id=said.round_id) == [(0,)]


async def test_a_desk_that_never_moved_rests_at_the_last_session_with_a_paper_account(world: World) -> None:
    async with at_work(world) as bus:
        opened = await bus.call("orchestrator", OPEN_ROUND, OpenRound(requested_by="test"), timeout=5)
        with pytest.raises(HandlerFailed) as refused:
            await bus.call("orchestrator", TRIGGER_AGENT, TriggerAgent(agent="nobody", requested_by="t"), timeout=5)
    assert opened.session == SESSIONS[-1]
    assert refused.value.remote_code == "input.not_found"
    assert rows(world.owner, "SELECT run, session, phase FROM desk.clock") == [("paper", SESSIONS[-1], "RESTING")]
    assert rows(world.owner, "SELECT cash FROM trading.balances") == [(Decimal(1_000_000),)]


async def test_nobody_to_ask_is_an_error_not_an_empty_round(world: World) -> None:
    world.analysts.clear()
    async with at_work(world) as bus:
        with pytest.raises(HandlerFailed) as refused:
            await bus.call("orchestrator", OPEN_ROUND, OpenRound(requested_by="test"), timeout=5)
    assert refused.value.remote_code == "desk.no_analysts"


async def test_a_new_replay_may_supersede_one_that_runs(world: World) -> None:
    async with at_work(world) as bus:
        long = StartReplay(from_session=SESSIONS[-20], requested_by="test")
        first = await bus.call("orchestrator", START_REPLAY, long, timeout=5)
        with pytest.raises(HandlerFailed, match=r"desk\.replay_running"):
            await bus.call("orchestrator", START_REPLAY, WANTED, timeout=5)
        wanted = WANTED.model_copy(update={"supersede": True})
        second = await bus.call("orchestrator", START_REPLAY, wanted, timeout=5)
        row = await finished(world)
    assert (row["replay_id"], row["status"]) == (second.replay_id, "DONE")
    assert row["report"]["orders_digest"] == UNDISTURBED
    ended = rows(world.owner, "SELECT status, error FROM desk.replays WHERE replay_id = :id", id=first.replay_id)
    assert ended == [("FAILED", "superseded by a new replay")]
    open_orders = "SELECT count(*) FROM trading.orders WHERE state IN ('NEW', 'APPROVED', 'SENDING', 'ACCEPTED')"
    assert rows(world.owner, open_orders) == [(0,)]
