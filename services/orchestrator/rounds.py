"""A round from question to decision. It is committed before anybody is asked, and concluded in one transaction."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from libs.bus.port import Bus
from libs.domain.errors import HiddenGemError
from libs.domain.trading import ReasonCode
from libs.storage import decisions as stored
from libs.storage import rounds, universe
from libs.storage.engine import Connection, Engine, in_transaction
from libs.storage.portfolio_read import holdings
from libs.storage.rounds import Analysis, Round, RoundKind
from libs.telemetry.logs import correlation
from services.orchestrator import conclusion
from services.orchestrator.fanout import AnalystMissing, Answer, ask, ask_until_all_answer

log = logging.getLogger(__name__)


class RoundOver(HiddenGemError):
    """The round had ended before its answers could be stored."""

    code = "desk.round_over"
    retryable = True


Abstained = Callable[[str, str, int], None]
"""Is told which agent abstained, by which code, on how many subjects."""


class RoundRunner:
    """Runs rounds that are already committed."""

    def __init__(self, engine: Engine, bus: Bus, abstained: Abstained) -> None:
        self._engine = engine
        self._bus = bus
        self._abstained = abstained

    async def decide(self, opened: Round, timeout: float) -> None:
        """Ask once and decide on what came; raises `RoundOver` when the round had ended by then."""
        with _correlated(opened):
            await self._conclude(opened, await ask(self._bus, opened, timeout))

    async def decide_with_all(self, opened: Round, patience: float) -> None:
        """Wait for every analyst of the panel; raises `AnalystMissing`, the round then ends ABORTED."""
        with _correlated(opened):
            try:
                answers = await ask_until_all_answer(self._bus, opened, patience)
            except AnalystMissing as e:
                await in_transaction(self._engine, rounds.finish, opened.round_id, "ABORTED", str(e))
                raise
            await self._conclude(opened, answers)

    async def trigger(self, opened: Round, timeout: float) -> Answer:
        """Ask one agent and store what it says; nothing is decided."""
        (agent,) = opened.panel
        with _correlated(opened):
            answer = (await ask(self._bus, opened, timeout))[agent]
            if await in_transaction(self._engine, store_analysis, opened, answer):
                self._count({agent: answer})
        return answer

    async def _conclude(self, opened: Round, answers: Mapping[str, Answer]) -> None:
        if not await in_transaction(self._engine, conclude, opened, answers):
            raise RoundOver(f"round {opened.round_id} had ended before its answers came")
        self._count(answers)
        _tell(opened, answers)

    def _count(self, answers: Mapping[str, Answer]) -> None:
        for agent, answer in answers.items():
            codes = Counter(result.code.value for result in conclusion.results(answer) if result.kind == "abstain")
            for code, count in codes.items():
                self._abstained(agent, code, count)


def conclude(tx: Connection, opened: Round, answers: Mapping[str, Answer]) -> bool:
    """Store signals, decisions and intents and end the round, all or nothing; False when it had ended before."""
    if not rounds.finish(tx, opened.round_id, "DECIDED"):
        return False
    _store_answers(tx, opened, answers)
    decided = conclusion.decisions(opened, answers, universe.industries(tx, opened.symbols, opened.as_of))
    rows = conclusion.decision_rows(opened, decided)
    stored.store_decisions(tx, opened.round_id, rows, synthetic=opened.synthetic)
    if opened.trade and opened.account_id is not None:
        held = holdings(tx, opened.account_id)
        symbols = sorted({*opened.symbols, *held.positions})
        portfolio = conclusion.Portfolio(
            held.positions, held.equity, universe.marks(tx, symbols, opened.session, opened.as_of)
        )
        stored.lapse_resting(tx, opened.account_id, ReasonCode.SUPERSEDED)
        intents = conclusion.intent_rows(opened, decided, portfolio)
        stored.store_intents(tx, opened.round_id, opened.account_id, intents, synthetic=opened.synthetic)
    return True


def store_analysis(tx: Connection, opened: Round, answer: Answer) -> bool:
    """Store one agent's analysis and end its round; False when it had ended before."""
    if not rounds.finish(tx, opened.round_id, "ANSWERED" if answer.result else "EXPIRED", answer.error_code):
        return False
    (agent,) = opened.panel
    _store_answers(tx, opened, {agent: answer})
    return True


def _store_answers(tx: Connection, opened: Round, answers: Mapping[str, Answer]) -> None:
    analyses = [Analysis(agent, a.error_code, a.latency_ms) for agent, a in sorted(answers.items())]
    rounds.record_analyses(tx, opened.round_id, analyses)
    rounds.store_signals(tx, opened, conclusion.signal_rows(opened, answers))


@contextmanager
def _correlated(opened: Round) -> Iterator[None]:
    """Every line logged inside carries the round."""
    token = correlation.set(str(opened.round_id))
    try:
        yield
    finally:
        correlation.reset(token)


def _tell(opened: Round, answers: Mapping[str, Answer]) -> None:
    failed = {name: a.error_code for name, a in answers.items() if a.error_code}
    fields = {"round_id": str(opened.round_id), "asked": len(answers), "failed": failed}
    if failed:
        log.warning("round decided without some analysts", extra=fields)
    elif opened.kind is RoundKind.MANUAL:
        log.info("round decided", extra=fields)
