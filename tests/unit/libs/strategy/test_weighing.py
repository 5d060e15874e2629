"""Weighing: quorum, shares, wide signals, the cap on language models, and records to the byte."""

import json
import math
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.domain.market import Symbol
from libs.domain.signals import (
    Abstain,
    AbstainCode,
    Evidence,
    NoDecisionReason,
    Scope,
    Signal,
    Subject,
    datum_id,
    inputs_hash,
)
from libs.strategy.ballot import AgentAnswer, ballots
from libs.strategy.record import UnreadableRecord, canonical, recompute, to_record
from libs.strategy.weighing import Decision, WeighingRules, decide

MOUTAI = Symbol("600519.SH")
BANK = Symbol("000001.SZ")
NOW = datetime(2024, 9, 2, 8, tzinfo=UTC)
RULES = WeighingRules()


def _signal(subject: Subject, score: float, confidence: float = 0.5, *, llm: bool = False) -> Signal:
    day = date(2024, 9, 2)
    cited = (Evidence(datum_id("bar", subject.id, "close", day, "file"), "file", "close", 1.0, "CNY", day, NOW),)
    return Signal(
        subject,
        score,
        confidence,
        "7-14 sessions",
        cited,
        "made",
        NOW,
        NOW + timedelta(days=1),
        inputs_hash(cited),
        llm,
    )


def _about(symbol: Symbol) -> Subject:
    return Subject(Scope.SYMBOL, symbol)


def _answer(agent: str, *results: Signal | Abstain, weight: float = 1.0) -> AgentAnswer:
    return AgentAnswer(agent, "1", weight, results)


def _decide(answers: list[AgentAnswer], symbol: Symbol = MOUTAI, industry: str | None = "白酒") -> Decision:
    (ballot,) = ballots([symbol], answers, {symbol: industry})
    return decide(ballot, RULES)


def test_the_score_is_the_mean_weighted_by_default_earned_and_confidence() -> None:
    answers = [
        AgentAnswer("a", "1", 2.0, (_signal(_about(MOUTAI), 0.5, 0.5),), earned_weight=1.5),
        _answer("b", _signal(_about(MOUTAI), -0.5, 0.5)),
        _answer("c", _signal(_about(MOUTAI), 0.0, 1.0)),
    ]
    decision = _decide(answers)
    assert decision.score == pytest.approx((1.5 * 0.5 - 0.5 * 0.5) / 3.0)
    assert [share.weight for share in decision.shares] == [1.5, 0.5, 1.0]
    assert sum(share.share for share in decision.shares) == pytest.approx(1.0)


def test_disagreement_is_the_weighted_standard_deviation() -> None:
    decision = _decide(
        [
            _answer("a", _signal(_about(MOUTAI), 0.6)),
            _answer("b", _signal(_about(MOUTAI), 0.6)),
            _answer("c", _signal(_about(MOUTAI), -0.6)),
        ]
    )
    assert decision.score == pytest.approx(0.2)
    assert decision.disagreement == pytest.approx(math.sqrt((2 * 0.4**2 + 0.8**2) / 3))


def test_two_answers_are_below_the_quorum_however_many_abstain() -> None:
    silent = Abstain(_about(MOUTAI), AbstainCode.NO_DOCUMENTS)
    decision = _decide(
        [
            _answer("a", _signal(_about(MOUTAI), 0.9)),
            _answer("b", _signal(_about(MOUTAI), 0.9)),
            _answer("c", silent),
            _answer("d", silent),
            _answer("e"),
        ]
    )
    assert decision.score is None
    assert decision.reasons == (NoDecisionReason.BELOW_QUORUM,)
    assert [(a.agent, a.code) for a in decision.abstentions] == [
        ("c", AbstainCode.NO_DOCUMENTS),
        ("d", AbstainCode.NO_DOCUMENTS),
        ("e", AbstainCode.NO_DATA),
    ]


def test_at_least_two_agents_must_answer_without_a_language_model() -> None:
    decision = _decide(
        [
            _answer("a", _signal(_about(MOUTAI), 0.9)),
            _answer("b", _signal(_about(MOUTAI), 0.9, llm=True)),
            _answer("c", _signal(_about(MOUTAI), 0.9, llm=True)),
        ]
    )
    assert decision.score is None
    assert decision.reasons == (NoDecisionReason.TOO_FEW_WITHOUT_LLM,)


def test_answers_without_any_confidence_decide_nothing() -> None:
    decision = _decide([_answer(name, _signal(_about(MOUTAI), 0.9, 0.0)) for name in "abc"])
    assert decision.reasons == (NoDecisionReason.NO_WEIGHT,)


def test_sector_and_market_signals_reach_each_symbol_and_count_once() -> None:
    answers = [
        _answer("market", _signal(Subject(Scope.MARKET, "CN_A"), 0.3)),
        _answer(
            "policy",
            _signal(Subject(Scope.SECTOR, "白酒"), 0.2),
            _signal(Subject(Scope.SECTOR, "银行"), -0.2),
        ),
        _answer("technical", _signal(_about(MOUTAI), 0.1), _signal(_about(BANK), 0.1)),
    ]
    first, second = (
        decide(ballot, RULES) for ballot in ballots([MOUTAI, BANK], answers, {MOUTAI: "白酒", BANK: "银行"})
    )
    assert [share.vote.score for share in first.shares] == [0.3, 0.2, 0.1]
    assert [share.vote.score for share in second.shares] == [0.3, -0.2, 0.1]
    assert first.shares[1].vote.subject == Subject(Scope.SECTOR, "白酒")


def test_the_most_specific_statement_of_an_agent_counts_even_if_it_abstains() -> None:
    market = _signal(Subject(Scope.MARKET, "CN_A"), 0.3)
    (ballot,) = ballots(
        [MOUTAI], [_answer("a", market, Abstain(_about(MOUTAI), AbstainCode.SUSPENDED))], {MOUTAI: None}
    )
    assert ballot.votes == ()
    assert ballot.abstentions[0].code is AbstainCode.SUSPENDED


def test_an_agent_may_answer_a_round_only_once() -> None:
    with pytest.raises(ValueError, match="once"):
        ballots([MOUTAI], [_answer("a"), _answer("a")], {})


def test_language_models_together_weigh_at_most_their_cap() -> None:
    decision = _decide(
        [
            _answer("a", _signal(_about(MOUTAI), 0.1, 0.2)),
            _answer("b", _signal(_about(MOUTAI), 0.1, 0.2)),
            _answer("c", _signal(_about(MOUTAI), 1.0, 1.0, llm=True), weight=5.0),
            _answer("d", _signal(_about(MOUTAI), 1.0, 1.0, llm=True), weight=5.0),
        ]
    )
    assert sum(share.share for share in decision.shares if share.vote.llm_derived) == pytest.approx(0.30)


def test_language_models_cannot_turn_the_sign_of_the_rest() -> None:
    decision = _decide(
        [
            _answer("a", _signal(_about(MOUTAI), -0.1, 0.5)),
            _answer("b", _signal(_about(MOUTAI), -0.1, 0.5)),
            _answer("c", _signal(_about(MOUTAI), 1.0, 1.0, llm=True)),
        ]
    )
    assert decision.score == 0.0


_UNIT = st.floats(-1, 1)
_VOTES = st.lists(st.tuples(_UNIT, st.floats(0, 1), st.floats(0, 3), st.booleans()), min_size=0, max_size=7)


@given(_VOTES, st.randoms())
def test_a_decision_is_bounded_independent_of_order_and_recomputed_to_the_byte(
    votes: list[tuple[float, float, float, bool]], random: object
) -> None:
    answers = [
        _answer(f"agent{i}", _signal(_about(MOUTAI), score, confidence, llm=llm), weight=weight)
        for i, (score, confidence, weight, llm) in enumerate(votes)
    ]
    decision = _decide(answers)
    stored = canonical(to_record(decision))
    assert canonical(to_record(_decide(answers[::-1]))) == stored
    assert canonical(recompute(json.loads(stored))) == stored
    if decision.score is not None:
        assert -1.0 <= decision.score <= 1.0
        assert decision.disagreement is not None
        assert 0.0 <= decision.disagreement <= 1.0 + 1e-9
        llm = sum(share.share for share in decision.shares if share.vote.llm_derived)
        assert llm <= RULES.llm_cap + 1e-9 or all(
            share.weight == 0 for share in decision.shares if not share.vote.llm_derived
        )


def test_a_changed_record_does_not_recompute_to_itself() -> None:
    decision = _decide([_answer(name, _signal(_about(MOUTAI), 0.5)) for name in "abc"])
    record = json.loads(canonical(to_record(decision)))
    record["votes"][0]["score"] = 0.9
    assert canonical(recompute(record)) != canonical(record)


@pytest.mark.parametrize("broken", [{}, {"record_version": 99}, {"record_version": 1, "symbol": "600519.SH"}])
def test_a_record_of_another_shape_is_refused_by_name(broken: dict[str, object]) -> None:
    with pytest.raises(UnreadableRecord):
        recompute(broken)
