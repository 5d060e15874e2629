"""The base of analysts: one result per subject, failures that abstain, and what status and card show."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import TypeVar

import pytest

from libs.bus.port import Call, CallContext
from libs.contracts.analysis import AnalyzeRequest, AnalyzeResult
from libs.contracts.base import Nothing
from libs.contracts.card import AgentCard
from libs.domain.errors import HiddenGemError
from libs.domain.market import Symbol
from libs.domain.signals import Abstain, AbstainCode, Scope, Signal, Subject
from libs.runtime.analyst import BaseAgent, analyst_endpoint
from libs.runtime.evidence import MARKET, Citations, Origin, about, abstain
from libs.storage.snapshot import Snapshot

T = TypeVar("T")
MOUTAI, BANK, UNASKED = Symbol("600519.SH"), Symbol("000001.SZ"), Symbol("300750.SZ")
AS_OF = datetime(2024, 9, 2, 8, tzinfo=UTC)
CALL = Call("m-1", "analyze", "orchestrator-1", CallContext(), 1e9, 1)


class _SourceGone(HiddenGemError):
    code = "test.source_gone"


async def _read(question: Callable[[Snapshot], T]) -> T:
    return question(None)  # type: ignore[arg-type]  # the agents of this module read nothing


class _Agent(BaseAgent):
    name = "eighth"
    default_weight = 0.5
    answer: Callable[["_Agent", Sequence[Symbol]], list[Signal | Abstain]]

    def judge(self, tx: Snapshot, symbols: Sequence[Symbol], as_of: datetime) -> list[Signal | Abstain]:
        return type(self).answer(self, symbols)

    def signal(self, subject: Subject, score: float = 0.5) -> Signal:
        citations = Citations()
        said = citations.cite(Origin("bar", subject.id, date(2024, 9, 2), "made", AS_OF), "close", 1.5, "CNY")
        return citations.signal(subject, score, 0.5, f"It closed at {said}.", self.outlook(AS_OF))


def _agent(answer: Callable[[_Agent, Sequence[Symbol]], list[Signal | Abstain]]) -> _Agent:
    kind = type("_Answering", (_Agent,), {"answer": answer})
    agent = kind(_read, instance="eighth-1")
    assert isinstance(agent, _Agent)
    return agent


async def _ask(agent: _Agent, *symbols: Symbol) -> AnalyzeResult:
    return await agent.analyze(AnalyzeRequest(symbols=list(symbols), as_of=AS_OF), CALL)


def _subjects(result: AnalyzeResult) -> list[str]:
    return [r.subject.id for r in result.results]


async def test_every_symbol_gets_exactly_one_result_in_the_order_asked() -> None:
    agent = _agent(lambda a, _: [a.signal(about(BANK)), a.signal(about(MOUTAI)), a.signal(about(BANK), -0.5)])
    result = await _ask(agent, MOUTAI, BANK, MOUTAI)
    assert _subjects(result) == [MOUTAI, BANK]
    second = result.results[1]
    assert second.kind == "signal"
    assert second.score == 0.5


async def test_a_forgotten_symbol_is_a_failure_and_an_unasked_one_is_dropped() -> None:
    result = await _ask(_agent(lambda a, _: [a.signal(about(MOUTAI)), a.signal(about(UNASKED))]), MOUTAI, BANK)
    assert _subjects(result) == [MOUTAI, BANK]
    forgotten = result.results[1]
    assert forgotten.kind == "abstain"
    assert forgotten.code is AbstainCode.AGENT_FAILED


async def test_one_market_result_may_stand_for_all_symbols() -> None:
    result = await _ask(_agent(lambda a, _: [a.signal(MARKET), a.signal(MARKET)]), MOUTAI, BANK)
    assert [(r.subject.scope, r.subject.id) for r in result.results] == [(Scope.MARKET, "CN_A")]


async def test_an_unknown_error_is_an_abstention_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: _Agent, __: Sequence[Symbol]) -> list[Signal | Abstain]:
        raise ZeroDivisionError("password=hunter2")

    agent = _agent(broken)
    result = await _ask(agent, MOUTAI, BANK)
    assert [r.kind == "abstain" and r.code is AbstainCode.AGENT_FAILED for r in result.results] == [True, True]
    assert "hunter2" not in result.model_dump_json()
    assert (await agent.status(Nothing(), CALL)).failed == 2
    assert [record.message for record in caplog.records] == ["analysis failed"]


async def test_a_known_error_says_its_code() -> None:
    def gone(_: _Agent, __: Sequence[Symbol]) -> list[Signal | Abstain]:
        raise _SourceGone("host db-7 refused")

    result = await _ask(_agent(gone), MOUTAI)
    assert [r.kind == "abstain" and r.detail for r in result.results] == ["test.source_gone"]


async def test_one_symbol_that_fails_costs_only_itself() -> None:
    def one(agent: _Agent) -> Callable[[Symbol], Signal | Abstain]:
        def judge(symbol: Symbol) -> Signal | Abstain:
            if symbol == MOUTAI:
                raise _SourceGone
            if symbol == BANK:
                raise KeyError(symbol)
            return agent.signal(about(symbol))

        return judge

    result = await _ask(_agent(lambda a, symbols: a.each(symbols, one(a))), MOUTAI, BANK, UNASKED)
    assert [r.kind for r in result.results] == ["abstain", "abstain", "signal"]
    assert [r.detail for r in result.results if r.kind == "abstain"] == ["test.source_gone", "internal error"]


async def test_status_counts_what_was_said() -> None:
    agent = _agent(lambda a, _: [a.signal(about(MOUTAI)), abstain(BANK, AbstainCode.SUSPENDED)])
    assert (await agent.status(Nothing(), CALL)).last_as_of is None
    await _ask(agent, MOUTAI, BANK)
    status = await agent.status(Nothing(), CALL)
    assert (status.agent, status.instance, status.version) == ("eighth", "eighth-1", "1")
    assert (status.answered, status.abstained, status.failed, status.last_as_of) == (1, 1, 0, AS_OF)


def test_an_agent_serves_the_two_tools_of_every_analyst() -> None:
    card = AgentCard(name="eighth", instance="eighth-1", role="analyst", version="1")
    agent = type("_Answering", (_Agent,), {"answer": lambda *_: []})
    endpoint = analyst_endpoint(agent, _read, card)
    assert endpoint.card is card
