"""Signals and abstentions cross the wire unchanged, and nothing else does."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from libs.contracts.analysis import AbstainModel, AnalyzeRequest, AnalyzeResult, SignalModel
from libs.contracts.card import AgentCard
from libs.contracts.desk import OpenRound, StartReplay
from libs.contracts.orders import OrderHint
from libs.domain.signals import Abstain, AbstainCode, DatumId, Evidence, Scope, Signal, Subject

NOW = datetime(2024, 9, 2, 8, tzinfo=UTC)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
INSTANTS = st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (the zone is given beside)
SUBJECTS = st.builds(Subject, st.sampled_from(Scope), TEXT)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
EVIDENCE = st.builds(
    Evidence, TEXT.map(DatumId), TEXT, TEXT, NUMBERS | TEXT, TEXT, st.dates(date(2000, 1, 1)), INSTANTS
)
SIGNALS = st.builds(
    Signal,
    SUBJECTS,
    st.floats(-1, 1),
    st.floats(0, 1),
    TEXT,
    st.lists(EVIDENCE, min_size=1, max_size=3).map(tuple),
    TEXT,
    INSTANTS,
    INSTANTS,
    TEXT,
    st.booleans(),
    st.booleans(),
)
ABSTENTIONS = st.builds(Abstain, SUBJECTS, st.sampled_from(AbstainCode), TEXT)


@given(SIGNALS)
def test_a_signal_comes_back_as_it_went(signal: Signal) -> None:
    wire = SignalModel.from_domain(signal).model_dump_json()
    assert SignalModel.model_validate_json(wire).to_domain() == signal


@given(ABSTENTIONS)
def test_an_abstention_comes_back_as_it_went(abstain: Abstain) -> None:
    wire = AnalyzeResult(results=[AbstainModel.from_domain(abstain)]).model_dump_json()
    (result,) = AnalyzeResult.model_validate_json(wire).results
    assert result.to_domain() == abstain


def a_signal() -> dict[str, Any]:
    cited = Evidence(DatumId("d"), "file", "close", 1.0, "CNY", date(2024, 9, 2), NOW)
    signal = Signal(Subject(Scope.SYMBOL, "600519.SH"), 0.5, 0.5, "5", (cited,), "why", NOW, NOW, "h")
    wire: dict[str, Any] = json.loads(SignalModel.from_domain(signal).model_dump_json())
    return wire


@pytest.mark.parametrize(
    "change",
    [
        {"score": float("nan")},
        {"score": 1.5},
        {"confidence": float("inf")},
        {"confidence": -0.1},
        {"evidence": []},
        {"mood": "good"},
        {"data_as_of": "2024-09-02T08:00:00"},
        {"rationale": "a\x00b"},
        {"subject": {"scope": "symbol", "id": "600519.SH", "name": "x"}},
        {"subject": {"scope": "galaxy", "id": "x"}},
    ],
)
def test_a_signal_that_says_too_much_or_nonsense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SignalModel.model_validate_json(json.dumps(a_signal() | change))


def test_evidence_is_a_finite_number_or_a_text() -> None:
    wire = a_signal()
    wire["evidence"][0]["value"] = float("nan")
    with pytest.raises(ValidationError):
        SignalModel.model_validate_json(json.dumps(wire))


@pytest.mark.parametrize("symbols", [[], ["600519"], ["600519.sh"], ["600519.SH\n"], ["600519.SH"] * 5001])
def test_a_question_names_symbols(symbols: list[str]) -> None:
    with pytest.raises(ValidationError):
        AnalyzeRequest(symbols=symbols, as_of=NOW)


@pytest.mark.parametrize(
    ("command", "fields"),
    [
        (OpenRound, {"requested_by": "x"}),
        (StartReplay, {"requested_by": "x"}),
        (OrderHint, {"order_id": "00000000-0000-0000-0000-000000000001"}),
        (AnalyzeRequest, {"symbols": ["600519.SH"], "as_of": NOW}),
    ],
)
def test_a_command_forbids_what_it_does_not_know_and_does_not_change(
    command: type[BaseModel], fields: dict[str, Any]
) -> None:
    told = command(**fields)
    with pytest.raises(ValidationError):
        command(**fields, surprise=1)
    with pytest.raises(ValidationError):
        setattr(told, next(iter(fields)), "other")


def test_an_event_tolerates_what_it_does_not_know() -> None:
    card = AgentCard.model_validate({"name": "a", "instance": "a-1", "role": "analyst", "version": "1", "mood": "good"})
    assert card.default_weight == 0.0
    with pytest.raises(ValidationError):
        AgentCard(name="a", instance="a-1", role="analyst", version="1", default_weight=float("inf"))
