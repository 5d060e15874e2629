"""An analyst that cannot reach its data says so as a failure, not as an opinion about the data."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import pytest

from libs.bus.port import Call, CallContext
from libs.contracts.analysis import AbstainModel, AnalyzeRequest
from libs.domain.errors import HiddenGemError, NotFound
from libs.domain.market import Symbol
from libs.domain.signals import Abstain, AbstainCode, Signal
from libs.runtime.analyst import BaseAgent
from libs.storage.engine import StorageUnavailable, make_engine
from libs.storage.snapshot import Snapshot

T = TypeVar("T")
REQUEST = AnalyzeRequest(symbols=["600519.SH"], as_of=datetime(2024, 9, 2, 8, tzinfo=UTC))
CALL = Call("m-1", "analyze", "orchestrator-1", CallContext(), deadline=0.0, delivery=1)


class Failing(BaseAgent):
    """Raises what it is told, in the whole or in one symbol."""

    name = "failing"
    error: HiddenGemError = NotFound()
    in_symbol = False

    def judge(self, tx: Snapshot, symbols: Sequence[Symbol], as_of: datetime) -> list[Signal | Abstain]:
        return self.each(symbols, self._raise) if self.in_symbol else [self._raise(symbols[0])]

    def _raise(self, _: Symbol) -> Signal | Abstain:
        raise self.error


async def without_database(question: Callable[[Snapshot], T]) -> T:
    engine = make_engine("postgresql://nobody@127.0.0.1:1/nothing")
    return question(engine)  # type: ignore[arg-type]  # the agent above never looks at it


@pytest.mark.parametrize("in_symbol", [False, True])
async def test_what_trying_again_can_mend_is_raised(in_symbol: bool) -> None:
    agent = Failing(without_database, instance="failing-1")
    agent.error, agent.in_symbol = StorageUnavailable(), in_symbol
    with pytest.raises(StorageUnavailable):
        await agent.analyze(REQUEST, CALL)


@pytest.mark.parametrize("in_symbol", [False, True])
async def test_any_other_failure_is_an_abstention_that_names_its_code(in_symbol: bool) -> None:
    agent = Failing(without_database, instance="failing-1")
    agent.in_symbol = in_symbol
    (result,) = (await agent.analyze(REQUEST, CALL)).results
    assert isinstance(result, AbstainModel)
    assert (result.code, result.detail) == (AbstainCode.AGENT_FAILED, "input.not_found")
