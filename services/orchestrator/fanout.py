"""Ask every live analyst at once; a slow or broken one costs its vote, not the round.

In a replay the round waits for everybody instead: an analyst that is being restarted is asked again until it answers,
so that two runs over the same data decide the same.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from libs.bus.errors import BusError, DeadlineExceeded, HandlerFailed
from libs.bus.port import Bus, CallContext
from libs.contracts.analysis import ANALYZE, AnalyzeRequest, AnalyzeResult, SignalModel
from libs.domain.errors import HiddenGemError
from libs.storage.rounds import Round

log = logging.getLogger(__name__)
LOOK_AHEAD = "desk.look_ahead"
_PAUSE_SECONDS = 0.1


class AnalystMissing(HiddenGemError):
    """An analyst that took part at the start of a replay did not answer in time."""

    code = "desk.analyst_missing"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of the question to one agent: a result, or a stable code."""

    result: AnalyzeResult | None
    error_code: str | None
    latency_ms: float


async def ask(bus: Bus, opened: Round, timeout: float) -> dict[str, Answer]:
    """One question to all, with one deadline; one answer or failure for each."""
    return await _ask(bus, opened, sorted(opened.panel), timeout)


async def ask_until_all_answer(bus: Bus, opened: Round, patience: float) -> dict[str, Answer]:
    """Ask again whoever failed, until all have answered; raises `AnalystMissing` naming who did not."""
    answers: dict[str, Answer] = {}
    missing: Sequence[str] = sorted(opened.panel)
    until = time.monotonic() + patience
    while missing:
        left = until - time.monotonic()
        if left <= 0:
            reasons = ", ".join(f"{name} ({answers[name].error_code})" for name in missing)
            raise AnalystMissing(f"no answer within {patience:g} s from {reasons}")
        answers |= await _ask(bus, opened, missing, left)
        missing = [name for name in missing if answers[name].result is None]
        if missing:
            log.warning("waiting for analysts", extra={"analysts": list(missing)})
            await asyncio.sleep(_PAUSE_SECONDS)
    return answers


async def _ask(bus: Bus, opened: Round, names: Sequence[str], timeout: float) -> dict[str, Answer]:
    started = time.monotonic()
    request = AnalyzeRequest(symbols=list(opened.symbols), as_of=opened.as_of)
    context = CallContext(now=opened.as_of, round_id=str(opened.round_id))
    came: dict[str, float] = {}

    def heard(name: str) -> None:
        came[name] = (time.monotonic() - started) * 1000

    results = await bus.fan_out(names, ANALYZE, request, timeout=timeout, context=context, heard=heard)
    whole = (time.monotonic() - started) * 1000
    return {name: _answer(results.get(name, DeadlineExceeded()), opened.as_of, came.get(name, whole)) for name in names}


def _answer(result: AnalyzeResult | BusError, as_of: datetime, latency_ms: float) -> Answer:
    if isinstance(result, BusError):
        code = result.remote_code if isinstance(result, HandlerFailed) else result.code
        return Answer(None, code, latency_ms)
    if looks_ahead(result, as_of):
        return Answer(None, LOOK_AHEAD, latency_ms)
    return Answer(result, None, latency_ms)


def looks_ahead(result: AnalyzeResult, as_of: datetime) -> bool:
    """Whether any signal cites what was not public yet; such an answer is no answer."""
    return any(
        evidence.published_at > as_of
        for said in result.results
        if isinstance(said, SignalModel)
        for evidence in said.evidence
    )
