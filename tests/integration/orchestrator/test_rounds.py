"""Rounds from question to decision, on a real database."""

import asyncio
import json
from dataclasses import replace
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4, uuid5

import pytest

from libs.domain.clock import at_shanghai
from libs.storage import replays, rounds
from libs.storage.engine import in_transaction, transaction
from libs.storage.replays import Opening
from libs.storage.rounds import Panelist, Round, RoundKind
from libs.strategy.record import canonical, recompute
from services.orchestrator.fanout import AnalystMissing, Answer
from services.orchestrator.rounds import RoundOver, RoundRunner, conclude
from tests.support.desk_world import SYMBOLS, Analyst, rows, serving
from tests.support.made_answers import said

if TYPE_CHECKING:
    from tests.integration.orchestrator.conftest import World
else:
    World = Any

DAY = date(2024, 9, 3)


def a_round(world: World, **changes: Any) -> Round:
    opened = Round(
        round_id=uuid5(UUID(int=1), "round"),
        kind=RoundKind.MANUAL,
        replay_id=None,
        account_id="paper",
        session=DAY,
        as_of=at_shanghai(DAY, time(16)),
        symbols=SYMBOLS,
        panel={analyst.name: Panelist(1.0, "3") for analyst in world.analysts},
        trade=True,
        requested_by="test",
        synthetic=False,
    )
    return replace(opened, **changes)


@pytest.fixture(autouse=True)
def account(world: World) -> None:
    with transaction(world.engine) as tx:
        replays.open_account(tx, Opening("paper", "paper", world.settings.paper_initial_cash, DAY, uuid4(), False))


async def run(world: World, opened: Round, timeout: float = 5.0) -> None:
    endpoints = [analyst.endpoint() for analyst in world.analysts]
    async with serving(world.server, *endpoints), world.server.bus("orchestrator-1") as bus:
        await in_transaction(world.engine, rounds.open_round, opened, timeout)
        await RoundRunner(world.engine, bus, world.metrics.abstained).decide(opened, timeout)


def status(world: World) -> list[Any]:
    return [row[0] for row in rows(world.owner, "SELECT status FROM desk.rounds")]


def liked(symbol: str, _: datetime) -> float:
    return 0.5


def rows_of(world: World, table: str) -> int:
    return int(str(rows(world.owner, f"SELECT count(*) FROM desk.{table}")[0][0]))


async def test_the_question_is_committed_before_anybody_is_asked(world: World) -> None:
    seen: list[Any] = []
    world.analysts[0].trouble = lambda: seen.append(status(world))
    await run(world, a_round(world))
    assert seen == [["OPEN"]]
    assert status(world) == ["DECIDED"]


async def test_a_round_stores_what_was_said_what_was_decided_and_what_is_wished(world: World) -> None:
    for analyst in world.analysts:
        analyst.score = liked
    await run(world, a_round(world))
    assert rows(world.owner, "SELECT agent, outcome FROM desk.analyses ORDER BY 1") == [
        ("fundamental", "ANSWERED"),
        ("policy", "ANSWERED"),
        ("technical", "ANSWERED"),
    ]
    assert rows(world.owner, "SELECT DISTINCT kind, agent_version, scope FROM desk.signals") == [
        ("signal", "3", "symbol")
    ]
    assert rows_of(world, "signals") == 12
    assert rows(world.owner, "SELECT symbol, outcome, score, quorum FROM desk.decisions ORDER BY 1") == [
        (symbol, "SCORED", 0.5, 3) for symbol in SYMBOLS
    ]
    wished = rows(world.owner, "SELECT symbol, side, status, quantity > 0 FROM desk.intents ORDER BY symbol")
    assert wished == [(symbol, "BUY", "RESTING", True) for symbol in SYMBOLS]


async def test_every_record_recomputes_to_the_same_bytes(world: World) -> None:
    world.analysts[1].hangs = True
    await run(world, a_round(world), timeout=0.3)
    records = [str(row[0]) for row in rows(world.owner, "SELECT record FROM desk.decisions")]
    assert len(records) == 4
    for record in records:
        assert canonical(recompute(json.loads(record))) == record.encode()


def _raise() -> None:
    raise ValueError("canary of an analyst")


@pytest.mark.parametrize(
    ("breakage", "code", "detail"),
    [
        ({"hangs": True}, "DEADLINE_EXCEEDED", "bus.deadline_exceeded"),
        ({"trouble": _raise}, "AGENT_FAILED", "bus.remote_failure"),
        ({"rationale": "a NUL \x00 that no database stores"}, "AGENT_FAILED", "bus.malformed_answer"),
    ],
)
async def test_a_slow_or_broken_analyst_only_loses_its_vote(
    world: World, breakage: dict[str, Any], code: str, detail: str
) -> None:
    for name, value in breakage.items():
        setattr(world.analysts[1], name, value)
    world.analysts.append(Analyst("sentiment"))
    await run(world, a_round(world), timeout=0.5)
    said = rows(
        world.owner, "SELECT scope, subject_id, abstain_code, abstain_detail FROM desk.signals WHERE agent = 'policy'"
    )
    assert said == [("market", "CN_A", code, detail)]
    assert rows(world.owner, "SELECT outcome, error_code FROM desk.analyses WHERE agent = 'policy'") == [
        ("FAILED", detail)
    ]
    assert rows(world.owner, "SELECT DISTINCT outcome, quorum FROM desk.decisions") == [("SCORED", 3)]
    record = json.loads(str(rows(world.owner, "SELECT record FROM desk.decisions LIMIT 1")[0][0]))
    assert record["abstentions"] == [{"agent": "policy", "version": "3", "code": code, "detail": detail}]
    assert f'agent="policy",code="{code}"' in world.metrics.render().decode()


async def test_an_analyst_that_is_gone_loses_its_vote(world: World) -> None:
    opened = a_round(world, panel={**a_round(world).panel, "sentiment": Panelist(1.0, "3")})
    await run(world, opened, timeout=0.5)
    gone = rows(world.owner, "SELECT abstain_code FROM desk.signals WHERE agent = 'sentiment'")
    assert gone == [("DEADLINE_EXCEEDED",)]
    assert rows(world.owner, "SELECT DISTINCT outcome FROM desk.decisions") == [("SCORED",)]


async def test_below_quorum_nothing_happens_and_the_reasons_are_kept(world: World) -> None:
    world.analysts[0].hangs = True
    await run(world, a_round(world), timeout=0.3)
    assert status(world) == ["DECIDED"]
    assert rows(world.owner, "SELECT DISTINCT outcome, score, reasons FROM desk.decisions") == [
        ("NO_DECISION", None, ["BELOW_QUORUM"])
    ]
    assert rows_of(world, "intents") == 0


async def test_only_a_round_that_trades_has_intents(world: World) -> None:
    await run(world, a_round(world, trade=False))
    assert rows_of(world, "decisions") == 4
    assert rows_of(world, "intents") == 0


def answers_of(world: World) -> dict[str, Answer]:
    return {analyst.name: Answer(None, "bus.remote_failure", 1.0) for analyst in world.analysts}


def test_concluding_twice_changes_nothing(world: World) -> None:
    opened = a_round(world)
    with transaction(world.engine) as tx:
        rounds.open_round(tx, opened, 5)
        assert conclude(tx, opened, answers_of(world))
    before = rows(world.owner, "SELECT * FROM desk.decisions ORDER BY symbol")
    with transaction(world.engine) as tx:
        assert not conclude(tx, opened, answers_of(world))
    assert rows(world.owner, "SELECT * FROM desk.decisions ORDER BY symbol") == before


async def test_a_round_that_expired_stays_without_decision_and_whoever_concludes_learns_it(world: World) -> None:
    opened = a_round(world)

    def expire() -> None:
        with transaction(world.owner) as tx:
            rounds.finish(tx, opened.round_id, "EXPIRED", "the deadline passed")

    world.analysts[0].trouble = expire
    with pytest.raises(RoundOver):
        await run(world, opened)
    assert status(world) == ["EXPIRED"]
    for table in ("signals", "decisions", "intents", "analyses"):
        assert rows_of(world, table) == 0


def test_overdue_rounds_are_ended_and_others_are_not(world: World) -> None:
    late, running, decided = (a_round(world, round_id=uuid4()) for _ in range(3))
    with transaction(world.engine) as tx:
        rounds.open_round(tx, late, -10)
        rounds.open_round(tx, running, 10)
        rounds.open_round(tx, decided, -10)
        rounds.finish(tx, decided.round_id, "DECIDED")
    with transaction(world.engine) as tx:
        assert rounds.expire_overdue(tx, 2.0) == [late.round_id]
        assert rounds.expire_overdue(tx, 2.0) == []
    found = {row[0]: row[1] for row in rows(world.owner, "SELECT round_id, status FROM desk.rounds")}
    assert found == {late.round_id: "EXPIRED", running.round_id: "OPEN", decided.round_id: "DECIDED"}


def test_ids_follow_from_the_round(world: World) -> None:
    opened = a_round(world)
    with transaction(world.engine) as tx:
        rounds.open_round(tx, opened, 5)
        conclude(tx, opened, answers_of(world))
    assert rows(world.owner, "SELECT decision_id FROM desk.decisions ORDER BY symbol") == [
        (uuid5(opened.round_id, f"decision:{symbol}"),) for symbol in SYMBOLS
    ]


def test_a_question_that_was_committed_before_counts_as_it_was_asked_first(world: World) -> None:
    opened = a_round(world)
    with transaction(world.engine) as tx:
        first = rounds.open_round(tx, opened, 5)
        again = rounds.open_round(tx, replace(opened, symbols=SYMBOLS[:1], trade=False), 500)
    assert first.round == again.round == opened
    assert first.deadline_at == again.deadline_at


def test_a_newer_round_speaks_for_the_account(world: World) -> None:
    for round_id in (uuid4(), uuid4()):
        opened = a_round(world, round_id=round_id)
        with transaction(world.engine) as tx:
            rounds.open_round(tx, opened, 5)
            conclude(tx, opened, said(world.analysts, opened, 0.5))
    counts = rows(world.owner, "SELECT status, reason, count(*) FROM desk.intents GROUP BY 1, 2 ORDER BY 1")
    assert counts == [("LAPSED", "SUPERSEDED", 4), ("RESTING", None, 4)]


async def ask_all(world: World, opened: Round, patience: float) -> None:
    endpoints = [analyst.endpoint() for analyst in world.analysts]
    async with serving(world.server, *endpoints), world.server.bus("orchestrator-1") as bus:
        await RoundRunner(world.engine, bus, world.metrics.abstained).decide_with_all(opened, patience)


async def test_a_patient_round_asks_again_whoever_failed(world: World) -> None:
    failures = [ValueError("first"), ValueError("second")]

    def trouble() -> None:
        if failures:
            raise failures.pop()

    world.analysts[2].trouble = trouble
    opened = a_round(world)
    with transaction(world.engine) as tx:
        rounds.open_round(tx, opened, 5)
    await ask_all(world, opened, 5)
    assert [analyst.asked for analyst in world.analysts] == [1, 1, 3]
    assert rows(world.owner, "SELECT DISTINCT quorum FROM desk.decisions") == [(3,)]


async def test_patience_ends_and_the_round_is_aborted_naming_who_is_missing(world: World) -> None:
    world.analysts[2].hangs = True
    opened = a_round(world)
    with transaction(world.engine) as tx:
        rounds.open_round(tx, opened, 5)
    with pytest.raises(AnalystMissing, match=r"technical \(bus.deadline_exceeded\)"):
        await ask_all(world, opened, 0.3)
    ((ended, detail),) = rows(world.owner, "SELECT status, detail FROM desk.rounds")
    assert ended == "ABORTED"
    assert "technical" in str(detail)


def test_decisions_stand_only_on_decided_rounds(world: World) -> None:
    opened = a_round(world)
    with transaction(world.engine) as tx:
        rounds.open_round(tx, opened, 5)
        conclude(tx, opened, answers_of(world))
    invariant = "SELECT count(*) FROM desk.decisions JOIN desk.rounds USING (round_id) WHERE status <> 'DECIDED'"
    assert rows(world.owner, invariant) == [(0,)]


async def test_nothing_waits_longer_than_the_deadline(world: World) -> None:
    for analyst in world.analysts:
        analyst.hangs = True
    async with asyncio.timeout(3):
        await run(world, a_round(world), timeout=0.2)
    assert status(world) == ["DECIDED"]
    assert rows(world.owner, "SELECT finished_at < deadline_at + interval '2 s' FROM desk.rounds") == [(True,)]
