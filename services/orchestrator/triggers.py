"""Ask risk or execution alone: they answer with tools of their own, and their answer is stored as it came."""

import time

from libs.bus.errors import BusError
from libs.bus.port import Bus, CallContext
from libs.contracts.desk import AgentAnalysis
from libs.contracts.execution import PLAN, PlanRequest
from libs.contracts.risk import ASSESS, AssessRequest
from libs.domain.errors import HiddenGemError
from libs.storage import rounds
from libs.storage.engine import Connection, Engine, in_transaction
from libs.storage.rounds import Analysis, Round

NEVER_VOTE = frozenset({"risk", "execution"})
"""Agents that answer triggers and take no part in a round."""


class AgentFailed(HiddenGemError):
    """The agent gave no answer; what it said of the reason follows."""

    code = "desk.agent_failed"
    retryable = True


async def ask_one(engine: Engine, bus: Bus, opened: Round, timeout: float) -> AgentAnalysis:
    """Ask the one agent of the round, store what came, and answer it; raises `AgentFailed`."""
    (agent,) = opened.panel
    started = time.monotonic()
    context = CallContext(now=opened.as_of, round_id=str(opened.round_id))
    symbols = list(opened.symbols)
    answer, code = None, None
    try:
        if agent == "risk":
            wanted = AssessRequest(symbols=symbols, as_of=opened.as_of)
            said = (await bus.call(agent, ASSESS, wanted, timeout=timeout, context=context)).model_dump(mode="json")
        else:
            asked = PlanRequest(symbols=symbols, as_of=opened.as_of)
            said = (await bus.call(agent, PLAN, asked, timeout=timeout, context=context)).model_dump(mode="json")
        answer = said
    except BusError as e:
        code = e.code
    analysis = Analysis(agent, code, (time.monotonic() - started) * 1000, answer)
    await in_transaction(engine, _store, opened, analysis)
    if answer is None:
        raise AgentFailed(code or "no answer")
    return AgentAnalysis(
        round_id=opened.round_id, agent=agent, as_of=opened.as_of, synthetic=opened.synthetic, answer=answer
    )


def _store(tx: Connection, opened: Round, analysis: Analysis) -> None:
    ended = "ANSWERED" if analysis.answer is not None else "EXPIRED"
    if rounds.finish(tx, opened.round_id, ended, analysis.error_code):
        rounds.record_analyses(tx, opened.round_id, [analysis])
