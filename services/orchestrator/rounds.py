"""A round from question to decision. It is committed before anybody is asked, and concluded in one transaction."""

import logging
from collections.abc import Mapping

from libs.bus.port import Bus
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


class RoundRunner:
    """Runs rounds that are already committed."""

    def __init__(self, engine: Engine, bus: Bus) -> None:
        self._engine = engine
        self._bus = bus

    async def decide(self, opened: Round, timeout: float) -> None:
        """Ask once, decide on what came; the round ends DECIDED, or EXPIRED when it was too late."""
        correlation.set(str(opened.round_id))
        answers = await ask(self._bus, opened, timeout)
        await in_transaction(self._engine, conclude, opened, answers)
        _tell(opened, answers)

    async def decide_with_all(self, opened: Round, patience: float) -> None:
        """Wait for every analyst of the panel; raises `AnalystMissing`, the round then ends ABORTED."""
        correlation.set(str(opened.round_id))
        try:
            answers = await ask_until_all_answer(self._bus, opened, patience)
        except AnalystMissing as e:
            await in_transaction(self._engine, rounds.finish, opened.round_id, "ABORTED", str(e))
            raise
        await in_transaction(self._engine, conclude, opened, answers)

    async def trigger(self, opened: Round, timeout: float) -> Answer:
        """Ask one agent and store what it says; nothing is decided."""
        (agent,) = opened.panel
        answer = (await ask(self._bus, opened, timeout))[agent]
        await in_transaction(self._engine, store_analysis, opened, answer)
        return answer


def conclude(tx: Connection, opened: Round, answers: Mapping[str, Answer]) -> None:
    """Store signals, decisions and intents and end the round, all or nothing; a round that has ended stays as it is."""
    if not rounds.finish(tx, opened.round_id, "DECIDED"):
        return
    _store_answers(tx, opened, answers)
    decided = conclusion.decisions(opened, answers, universe.industries(tx, opened.symbols))
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


def store_analysis(tx: Connection, opened: Round, answer: Answer) -> None:
    """Store one agent's analysis and end its round."""
    if rounds.finish(tx, opened.round_id, "ANSWERED" if answer.result else "EXPIRED", answer.error_code):
        (agent,) = opened.panel
        _store_answers(tx, opened, {agent: answer})


def _store_answers(tx: Connection, opened: Round, answers: Mapping[str, Answer]) -> None:
    analyses = [Analysis(agent, a.error_code, a.latency_ms) for agent, a in sorted(answers.items())]
    rounds.record_analyses(tx, opened.round_id, analyses)
    rounds.store_signals(tx, opened, conclusion.signal_rows(opened, answers))


def _tell(opened: Round, answers: Mapping[str, Answer]) -> None:
    failed = {name: a.error_code for name, a in answers.items() if a.error_code}
    fields = {"round_id": str(opened.round_id), "asked": len(answers), "failed": failed}
    if failed:
        log.warning("round decided without some analysts", extra=fields)
    elif opened.kind is RoundKind.MANUAL:
        log.info("round decided", extra=fields)
