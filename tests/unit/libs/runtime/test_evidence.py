"""Evidence: what is cited is what is said, and signals do not depend on the last bit of a sum."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.ashare.errors import UnknownRule
from libs.domain.clock import at_shanghai
from libs.domain.market import Symbol
from libs.runtime.evidence import Citations, Origin, Outlook, about, bounded, public_session, weighted

DAY = date(2024, 9, 2)
PUBLIC = at_shanghai(DAY, time(15, 30))
AS_OF = at_shanghai(DAY, time(16))
ORIGIN = Origin("bar", "600519.SH", DAY, "file", PUBLIC)
OUTLOOK = Outlook(AS_OF, "5-10 sessions", 7)
SUBJECT = about(Symbol("600519.SH"))


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (1395.0, "CNY", "1395.00 CNY"),
        (-2.14, "percent", "-2.1 %"),
        (-0.04, "percent", "0.0 %"),
        (-0.001, "score", "0.00"),
        (0.271, "score", "+0.27"),
        (224, "count", "224"),
        ("advance", "text", "advance"),
    ],
)
def test_a_citation_says_its_value_with_its_unit(value: float | str, unit: str, said: str) -> None:
    assert Citations().cite(ORIGIN, "field", value, unit) == said


def test_a_signal_carries_what_was_cited_under_its_datum_id() -> None:
    citations = Citations()
    citations.cite(ORIGIN, "close", 1395.0, "CNY")
    signal = citations.signal(SUBJECT, 2.0, -1.0, "text", OUTLOOK)
    (cited,) = signal.evidence
    assert cited.datum_id == "bar:600519.SH:close:2024-09-02:file"
    assert (signal.score, signal.confidence, signal.data_as_of) == (1.0, 0.0, PUBLIC)
    assert signal.valid_until == AS_OF + timedelta(days=7)
    assert not signal.synthetic


def test_one_synthetic_datum_makes_the_signal_synthetic() -> None:
    citations = Citations()
    citations.cite(Origin("bar", "600519.SH", DAY, "sim", PUBLIC, synthetic=True), "close", 1.0, "CNY")
    citations.cite(ORIGIN, "open", 1.0, "CNY")
    assert citations.signal(SUBJECT, 0.1, 0.5, "text", OUTLOOK).synthetic


def test_inputs_that_differ_beyond_six_decimals_hash_alike() -> None:
    def hashed(value: float) -> str:
        citations = Citations()
        citations.cite(ORIGIN, "close", value, "CNY")
        return citations.signal(SUBJECT, 0.1, 0.5, "text", OUTLOOK).inputs_hash

    assert hashed(0.1 + 0.2) == hashed(0.3)
    assert hashed(0.3) != hashed(0.31)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_bounded_value_is_inside_and_never_negative_zero(value: float) -> None:
    assert -1.0 <= bounded(value) <= 1.0
    assert str(bounded(value)) != "-0.0"


def test_a_weighted_mean_without_weight_is_zero() -> None:
    assert weighted([]) == 0.0
    assert weighted([(3.0, 1.0), (1.0, -1.0)]) == 0.5


def test_the_public_session_changes_when_its_bars_are_public() -> None:
    friday, monday = date(2024, 8, 30), DAY
    assert public_session(at_shanghai(monday, time(15, 29))) == friday
    assert public_session(at_shanghai(monday, time(15, 30))) == monday
    assert public_session(at_shanghai(date(2024, 9, 1), time(20))) == friday
    assert public_session(datetime(2024, 9, 2, 7, 30, tzinfo=UTC)) == monday


def test_beyond_the_calendar_nothing_is_guessed() -> None:
    with pytest.raises(UnknownRule):
        public_session(at_shanghai(date(2031, 1, 2), time(16)))
