"""What counts as an answer, and how long each one took."""

import asyncio
from datetime import date, datetime, time, timedelta
from uuid import uuid4

from libs.bus.memory import MemoryServer
from libs.bus.port import Call
from libs.contracts.analysis import AnalyzeRequest, AnalyzeResult, SignalModel
from libs.domain.clock import at_shanghai
from libs.domain.market import Symbol
from libs.storage.rounds import Panelist, Round, RoundKind
from services.orchestrator.fanout import LOOK_AHEAD, ask, looks_ahead
from tests.support.desk_world import Analyst, serving

AS_OF = at_shanghai(date(2024, 9, 2), time(16))
SYMBOL = Symbol("600519.SH")


class Held(Analyst):
    """Answers once it is let go."""

    def __init__(self, name: str, gate: asyncio.Event) -> None:
        super().__init__(name, score=lambda _symbol, _as_of: 0.5)
        self._gate = gate

    async def analyze(self, request: AnalyzeRequest, call: Call) -> AnalyzeResult:
        await self._gate.wait()
        return await super().analyze(request, call)


class Opener(Analyst):
    """Answers, and lets another one go a good while later."""

    def __init__(self, name: str, gate: asyncio.Event) -> None:
        super().__init__(name, score=lambda _symbol, _as_of: 0.5)
        self._gate = gate

    async def analyze(self, request: AnalyzeRequest, call: Call) -> AnalyzeResult:
        asyncio.get_running_loop().call_later(0.2, self._gate.set)
        return await super().analyze(request, call)


class Clairvoyant(Analyst):
    """Cites what will be published tomorrow."""

    def signal(self, symbol: str, as_of: datetime) -> SignalModel:
        return super().signal(symbol, as_of + timedelta(days=1))


def a_round(*names: str) -> Round:
    return Round(
        round_id=uuid4(),
        kind=RoundKind.MANUAL,
        replay_id=None,
        account_id=None,
        session=date(2024, 9, 2),
        as_of=AS_OF,
        symbols=(SYMBOL,),
        panel={name: Panelist(1.0, "1") for name in names},
        trade=False,
        requested_by="test",
        synthetic=False,
    )


async def test_each_answer_carries_its_own_time() -> None:
    server, gate = MemoryServer(), asyncio.Event()
    slow, quick = Held("slow", gate), Opener("quick", gate)
    async with serving(server, slow.endpoint(), quick.endpoint()), server.bus("orchestrator-1") as bus:
        answers = await ask(bus, a_round("slow", "quick"), 5.0)
    assert answers["slow"].latency_ms - answers["quick"].latency_ms >= 150


async def test_an_answer_that_cites_what_was_not_public_yet_is_none() -> None:
    server = MemoryServer()
    honest, clairvoyant = Analyst("honest", score=lambda _s, _a: 0.5), Clairvoyant("clairvoyant", lambda _s, _a: 0.5)
    async with serving(server, honest.endpoint(), clairvoyant.endpoint()), server.bus("orchestrator-1") as bus:
        answers = await ask(bus, a_round("honest", "clairvoyant"), 5.0)
    assert answers["honest"].error_code is None
    assert (answers["clairvoyant"].result, answers["clairvoyant"].error_code) == (None, LOOK_AHEAD)


def test_what_was_published_at_the_very_instant_counts() -> None:
    signal = Analyst("honest", lambda _s, _a: 0.5).signal(SYMBOL, AS_OF)
    assert not looks_ahead(AnalyzeResult(results=[signal]), AS_OF)
    assert looks_ahead(AnalyzeResult(results=[signal]), AS_OF - timedelta(microseconds=1))
