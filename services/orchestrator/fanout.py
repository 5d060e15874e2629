"""Ask every live analyst at once; a slow or broken one costs its vote, not the round.

In a replay the round waits for everybody instead: an analyst that is being restarted is asked again until it answers,
so that two runs over the same data decide the same.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from libs.bus.errors import BusError, DeadlineExceeded, HandlerFailed
from libs.bus.port import Bus, CallContext
from libs.contracts.analysis import ANALYZE, AnalyzeRequest, AnalyzeResult
from libs.domain.errors import HiddenGemError
from libs.storage.rounds import Round

log = logging.getLogger(__name__)
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
    results = await bus.fan_out(names, ANALYZE, request, timeout=timeout, context=context)
    elapsed = (time.monotonic() - started) * 1000
    return {name: _answer(results, name, elapsed) for name in names}


def _answer(results: Mapping[str, AnalyzeResult | BusError], name: str, elapsed: float) -> Answer:
    result = results.get(name, DeadlineExceeded())
    if isinstance(result, BusError):
        code = result.remote_code if isinstance(result, HandlerFailed) else result.code
        return Answer(None, code, elapsed)
    return Answer(result, None, elapsed)
