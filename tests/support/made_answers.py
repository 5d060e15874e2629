"""Answers of analysts, as a round would have got them."""

from collections.abc import Iterable

from libs.contracts.analysis import AnalyzeResult
from libs.storage.rounds import Round
from services.orchestrator.fanout import Answer
from tests.support.desk_world import Analyst


def said(analysts: Iterable[Analyst], opened: Round, score: float) -> dict[str, Answer]:
    """Every analyst says the same of every symbol."""
    answers: dict[str, Answer] = {}
    for analyst in analysts:
        analyst.score = lambda _symbol, _as_of: score
        results = [analyst.signal(symbol, opened.as_of) for symbol in opened.symbols]
        answers[analyst.name] = Answer(AnalyzeResult(results=results), None, 1.0)
    return answers
