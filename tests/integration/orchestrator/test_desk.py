"""What operators ask, delivered twice: the bus delivers at least once, the desk acts once."""

from typing import TYPE_CHECKING, Any

import pytest

from libs.bus.endpoint import Endpoint
from libs.bus.port import Call, CallContext
from libs.contracts.card import AgentCard
from libs.contracts.desk import OpenRound, StartReplay, TriggerAgent
from libs.contracts.risk import ASSESS, AssessRequest, RiskAssessment
from libs.domain.errors import NotFound
from libs.domain.trading import ControlState
from libs.storage import replays
from libs.storage.engine import transaction
from services.orchestrator.desk import Desk
from services.orchestrator.rounds import RoundRunner
from tests.support.desk_world import SESSIONS, SYMBOLS, rows, serving

if TYPE_CHECKING:
    from tests.integration.orchestrator.conftest import World
else:
    World = Any

WANTED = StartReplay(from_session=SESSIONS[-5], requested_by="test")


def a_call(msg_id: str) -> Call:
    return Call(msg_id, "m", "operator-1", CallContext(), deadline=0.0, delivery=1)


class Starts:
    """Counts how often the driver was woken."""

    count = 0

    def __call__(self) -> None:
        self.count += 1


async def test_the_same_message_again_answers_the_same_replay_whatever_has_become_of_it(world: World) -> None:
    endpoints = [analyst.endpoint() for analyst in world.analysts]
    async with serving(world.server, *endpoints), world.server.bus("orchestrator-1") as bus:
        runner = RoundRunner(world.engine, bus, world.metrics.abstained)
        desk = Desk(world.engine, bus, world.settings, runner, start=Starts())
        first = await desk.start_replay(WANTED, a_call("m-1"))
        assert await desk.start_replay(WANTED, a_call("m-1")) == first
        with transaction(world.engine) as tx:
            replays.finish(tx, first.replay_id, error="ended", report=None)
        assert await desk.start_replay(WANTED, a_call("m-1")) == first
        second = await desk.start_replay(WANTED, a_call("m-2"))
    assert second.replay_id != first.replay_id
    assert first.symbols == list(SYMBOLS)


async def test_the_same_message_again_answers_the_same_round(world: World) -> None:
    endpoints = [analyst.endpoint() for analyst in world.analysts]
    async with serving(world.server, *endpoints), world.server.bus("orchestrator-1") as bus:
        runner = RoundRunner(world.engine, bus, world.metrics.abstained)
        desk = Desk(world.engine, bus, world.settings, runner, start=Starts())
        request = OpenRound(symbols=[SYMBOLS[1], SYMBOLS[0], SYMBOLS[1]], requested_by="test")
        first = await desk.open_round(request, a_call("m-1"))
        assert await desk.open_round(request, a_call("m-1")) == first
        assert first.symbols == [SYMBOLS[0], SYMBOLS[1]]
        trigger = TriggerAgent(agent="policy", requested_by="test")
        said = await desk.trigger(trigger, a_call("m-2"))
        assert await desk.trigger(trigger, a_call("m-2")) == said
    assert rows(world.owner, "SELECT kind FROM desk.rounds ORDER BY 1") == [("manual",), ("trigger",)]
    assert rows(world.owner, "SELECT count(*) FROM desk.signals") == [(len(SYMBOLS),)]


async def test_risk_answers_a_trigger_with_its_own_tool_and_the_answer_is_stored(world: World) -> None:
    endpoint = a_risk_agent()
    async with serving(world.server, endpoint), world.server.bus("orchestrator-1") as bus:
        runner = RoundRunner(world.engine, bus, world.metrics.abstained)
        desk = Desk(world.engine, bus, world.settings, runner, start=Starts())
        said = await desk.trigger(TriggerAgent(agent="risk", symbols=[SYMBOLS[0]], requested_by="test"), a_call("m-1"))
    assert said.results == []
    assert said.answer is not None
    assert said.answer["control"] == "ACTIVE"
    assert rows(world.owner, "SELECT status FROM desk.rounds") == [("ANSWERED",)]
    assert rows(world.owner, "SELECT agent, answer ->> 'control' FROM desk.analyses") == [("risk", "ACTIVE")]
    assert rows(world.owner, "SELECT count(*) FROM desk.signals") == [(0,)]


async def test_an_agent_that_nobody_knows_is_not_asked(world: World) -> None:
    async with world.server.bus("orchestrator-1") as bus:
        runner = RoundRunner(world.engine, bus, world.metrics.abstained)
        desk = Desk(world.engine, bus, world.settings, runner, start=Starts())
        with pytest.raises(NotFound, match="astrology"):
            await desk.trigger(TriggerAgent(agent="astrology", requested_by="test"), a_call("m-1"))


def a_risk_agent() -> Endpoint:
    async def assess(request: AssessRequest, __: Call) -> RiskAssessment:
        return RiskAssessment(
            as_of=request.as_of,
            control=ControlState.ACTIVE,
            control_reason="installed",
            account_id=None,
            free_cash=None,
            equity=None,
            symbols=[],
        )

    endpoint = Endpoint(AgentCard(name="risk", instance="risk-1", role="risk", version="1", tools=("assess",)))
    endpoint.tool(ASSESS, assess)
    return endpoint
