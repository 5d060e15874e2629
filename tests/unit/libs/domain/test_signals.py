"""What a signal may say."""

import math
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from libs.domain.signals import DatumId, Evidence, Scope, Signal, Subject, datum_id, inputs_hash

NOW = datetime(2024, 9, 2, 8, tzinfo=UTC)
CLOSE = Evidence(DatumId("bar:600519.SH:close:2024-09-02:file"), "file", "close", 1.5, "CNY", date(2024, 9, 2), NOW)


def a_signal(**changes: Any) -> Signal:
    values: dict[str, Any] = {"score": 0.5, "confidence": 0.5, "evidence": (CLOSE,)} | changes
    return Signal(
        subject=Subject(Scope.SYMBOL, "600519.SH"),
        horizon="5 sessions",
        rationale="",
        data_as_of=NOW,
        valid_until=NOW,
        inputs_hash="",
        **values,
    )


@pytest.mark.parametrize("bad", [{"score": 1.01}, {"score": math.nan}, {"confidence": -0.1}, {"evidence": ()}])
def test_a_signal_is_bounded_and_cites_something(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"outside|evidence"):
        a_signal(**bad)


def test_a_datum_id_says_what_of_whom_when_and_from_where() -> None:
    assert datum_id("bar", "600519.SH", "close", date(2024, 9, 2), "file") == CLOSE.datum_id


def test_equal_inputs_have_equal_hashes_and_any_change_shows() -> None:
    assert inputs_hash((CLOSE,)) == inputs_hash((replace(CLOSE),))
    assert inputs_hash((CLOSE,)) != inputs_hash((replace(CLOSE, value=1.6),))
    assert inputs_hash((CLOSE, CLOSE)) != inputs_hash((CLOSE,))
