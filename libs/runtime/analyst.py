"""The base of analysts: a question in, exactly one result per subject out, whatever happens inside.

A subclass says who it is and implements `judge`, a synchronous function around reads: it gets one read-only view of
the database and sees only what was public at `as_of`. It keeps nothing between calls that could change an answer.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import ClassVar, Protocol, TypeVar

from libs.bus.endpoint import Endpoint
from libs.bus.port import Call
from libs.contracts.analysis import (
    ANALYZE,
    STATUS,
    AbstainModel,
    AgentStatus,
    AnalyzeRequest,
    AnalyzeResult,
    SignalModel,
)
from libs.contracts.base import Nothing
from libs.contracts.card import AgentCard
from libs.domain.errors import HiddenGemError
from libs.domain.market import Symbol
from libs.domain.signals import Abstain, AbstainCode, Scope, Signal
from libs.runtime.evidence import Outlook, about
from libs.runtime.service import Runtime, Service, run_service
from libs.runtime.settings import S
from libs.storage.snapshot import Snapshot, SnapshotReader

T = TypeVar("T")
log = logging.getLogger(__name__)


class Reader(Protocol):
    """Answers a question from one read-only view of the database, off the event loop."""

    async def __call__(self, question: Callable[[Snapshot], T]) -> T: ...


class BaseAgent(ABC):
    """An analyst. Everything a round, the registry and the console need follows from these attributes."""

    name: ClassVar[str]
    """Also the name of its folder, container, bus stream and database role."""
    version: ClassVar[str] = "1"
    """Counts up when the same inputs would give another answer."""
    role: ClassVar[str] = "analyst"
    default_weight: ClassVar[float] = 1.0
    horizon: ClassVar[str] = "5-10 sessions"
    valid_days: ClassVar[int] = 7
    further_tools: ClassVar[tuple[str, ...]] = ()
    """Names of the tools that `offer` adds to `analyze` and `status`."""

    def __init__(self, read: Reader, *, instance: str) -> None:
        self._read = read
        self._instance = instance
        self._answered = 0
        self._abstained = 0
        self._failed = 0
        self._last_as_of: datetime | None = None

    @abstractmethod
    def judge(self, tx: Snapshot, symbols: Sequence[Symbol], as_of: datetime) -> list[Signal | Abstain]:
        """One result per symbol, or fewer where a sector or market result stands for several."""

    async def analyze(self, request: AnalyzeRequest, call: Call) -> AnalyzeResult:
        """Answer the tool `analyze`; an error is an abstention that says so, never a neutral score.

        What trying again can mend (`retryable`, as when the database is away) is raised instead: a replay asks again.
        """
        symbols = [Symbol(symbol) for symbol in dict.fromkeys(request.symbols)]
        results = complete(symbols, await self._judged(symbols, request.as_of, call))
        self._count(results, request.as_of)
        return AnalyzeResult(results=[_model(result) for result in results])

    async def status(self, _: Nothing, __: Call) -> AgentStatus:
        """Answer the tool `status`."""
        return AgentStatus(
            agent=self.name,
            instance=self._instance,
            version=self.version,
            answered=self._answered,
            abstained=self._abstained,
            failed=self._failed,
            last_as_of=self._last_as_of,
        )

    def offer(self, endpoint: Endpoint) -> None:
        """Put this analyst's tools on its endpoint; a subclass with further ones adds them to these."""
        endpoint.tool(ANALYZE, self.analyze)
        endpoint.tool(STATUS, self.status)

    def each(
        self, symbols: Sequence[Symbol], judge_one: Callable[[Symbol], Signal | Abstain]
    ) -> list[Signal | Abstain]:
        """Judge symbol by symbol; one that fails abstains alone."""
        return [self._guarded(symbol, judge_one) for symbol in symbols]

    def outlook(self, as_of: datetime) -> Outlook:
        """For when this agent's signals are meant."""
        return Outlook(as_of, self.horizon, self.valid_days)

    async def _judged(self, symbols: list[Symbol], as_of: datetime, call: Call) -> list[Signal | Abstain]:
        try:
            return await self._read(lambda tx: self.judge(tx, symbols, as_of))
        except HiddenGemError as e:
            if e.retryable:
                raise
            log.warning("analysis failed", extra={"code": e.code, "round_id": call.context.round_id})
            return [_failure(symbol, e.code) for symbol in symbols]
        except Exception:  # the boundary of the process: the text stays here
            log.exception("analysis failed", extra={"round_id": call.context.round_id})
            return [_failure(symbol, "internal error") for symbol in symbols]

    def _guarded(self, symbol: Symbol, judge_one: Callable[[Symbol], Signal | Abstain]) -> Signal | Abstain:
        try:
            return judge_one(symbol)
        except HiddenGemError as e:
            if e.retryable:
                raise
            log.warning("symbol failed", extra={"symbol": symbol, "code": e.code})
            return _failure(symbol, e.code)
        except Exception:  # one symbol's odd data must not cost the others their result
            log.exception("symbol failed", extra={"symbol": symbol})
            return _failure(symbol, "internal error")

    def _count(self, results: Iterable[Signal | Abstain], as_of: datetime) -> None:
        self._last_as_of = as_of
        for result in results:
            if isinstance(result, Signal):
                self._answered += 1
            elif result.code is AbstainCode.AGENT_FAILED:
                self._failed += 1
            else:
                self._abstained += 1


def complete(symbols: Sequence[Symbol], results: Iterable[Signal | Abstain]) -> list[Signal | Abstain]:
    """Exactly one result per subject: the symbols in the order asked, then sectors and market as they came.

    The first result on a subject counts, and nobody is told about a symbol that was not asked. A symbol without a
    result of its own needs a wider one to stand for it; where there is none the agent has failed it.
    """
    own: dict[str, Signal | Abstain] = {}
    wide: dict[tuple[Scope, str], Signal | Abstain] = {}
    for result in results:
        if result.subject.scope is Scope.SYMBOL:
            own.setdefault(result.subject.id, result)
        else:
            wide.setdefault((result.subject.scope, result.subject.id), result)
    found = [own[symbol] for symbol in symbols if symbol in own]
    missing = [] if wide else [_failure(s, "no result for this symbol") for s in symbols if s not in own]
    return [*found, *missing, *wide.values()]


def analyst_endpoint(agent: type[BaseAgent], read: Reader, card: AgentCard) -> Endpoint:
    """What an analyst's process serves on the bus."""
    analyst = agent(read, instance=card.instance)
    endpoint = Endpoint(card)
    analyst.offer(endpoint)
    return endpoint


def run_analyst(agent: type[BaseAgent], settings_class: type[S]) -> int:
    """The whole of an analyst's `main`: run until stopped, the process's exit code."""

    def build(runtime: Runtime[S]) -> Service:
        card = runtime.card(
            agent.role,
            version=agent.version,
            tools=(ANALYZE.name, STATUS.name, *agent.further_tools),
            default_weight=agent.default_weight,
        )
        return Service(analyst_endpoint(agent, SnapshotReader(runtime.engine), card))

    return run_service(agent.name, settings_class, build)


def _failure(symbol: Symbol, detail: str) -> Abstain:
    return Abstain(about(symbol), AbstainCode.AGENT_FAILED, detail)


def _model(result: Signal | Abstain) -> SignalModel | AbstainModel:
    return SignalModel.from_domain(result) if isinstance(result, Signal) else AbstainModel.from_domain(result)
