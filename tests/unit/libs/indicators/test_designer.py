"""Moving averages by their text, and where they cross."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.domain.errors import InvalidInput
from libs.indicators.catalogue import MOVING_AVERAGES
from libs.indicators.designer import Average, crossings, design, parse_average

CLOSE = [float(price) for price in (10, 11, 12, 13, 12, 11, 10, 9, 8, 9, 10, 11, 12, 13, 14)]


@pytest.mark.requirement("D1")
@given(
    kind=st.sampled_from([kind for kind in MOVING_AVERAGES if kind != "MAMA"]),
    period=st.integers(2, 250),
    source=st.sampled_from(["close", "high", "volume"]),
)
def test_an_average_is_its_label(kind: str, period: int, source: str) -> None:
    average = Average(kind, period, source)
    assert parse_average(average.label) == average


@pytest.mark.parametrize(
    "text", ["", "EMA", "EMA(1)", "FOO(5)", "MAMA(5)", "EMA(5,2)", "SMA(5,5)", "SMA(5,0)", "EMA(x)"]
)
def test_a_text_that_is_no_average_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_average(text)
    assert caught.value.field == "average"


def test_several_averages_at_once_and_a_suspended_day_between() -> None:
    made = design([parse_average("SMA(3)"), parse_average("EMA(3)@high")], {"close": CLOSE, "high": CLOSE})
    assert made["SMA(3)"].last["real"] == pytest.approx(13.0)
    assert set(made) == {"SMA(3)", "EMA(3)@high"}
    traded = [True] * len(CLOSE)
    traded[-2] = False
    alone = design([parse_average("SMA(3)")], {"close": CLOSE, "high": CLOSE}, traded=traded)
    assert alone["SMA(3)"].last["real"] == pytest.approx((11 + 12 + 14) / 3)


def test_the_chinese_average_is_the_recursion_of_charting_programs() -> None:
    made = design([parse_average("SMA(4,1)")], {"close": CLOSE})["SMA(4,1)"]
    expected = CLOSE[0]
    for price in CLOSE[1:]:
        expected = (price + 3 * expected) / 4
    assert made.last["real"] == pytest.approx(expected)
    assert made.rows[0] == 3


def test_crossings_are_where_the_order_turns() -> None:
    made = design([Average("SMA", 2), Average("SMA", 4)], {"close": CLOSE})
    found = crossings(made["SMA(2)"], made["SMA(4)"])
    assert [(crossing.row, crossing.direction) for crossing in found] == [(5, -1), (10, 1)]
    flat = design([Average("SMA", 2), Average("SMA", 4)], {"close": np.full(20, 5.0)})
    assert crossings(flat["SMA(2)"], flat["SMA(4)"]) == ()
