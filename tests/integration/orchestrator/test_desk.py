"""What operators ask, delivered twice: the bus delivers at least once, the desk acts once."""

from typing import TYPE_CHECKING, Any

from libs.bus.port import Call, CallContext
from libs.contracts.desk import OpenRound, StartReplay, TriggerAgent
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
