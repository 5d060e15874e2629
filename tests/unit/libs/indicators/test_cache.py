"""The memory of results: same inputs, same object; any other byte, another result."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.indicators.cache import IndicatorCache, input_hash

CLOSE = list(np.linspace(10, 20, 60))


@pytest.mark.requirement("D1")
def test_the_same_question_is_computed_once() -> None:
    cache = IndicatorCache()
    first = cache.compute("sma", {"close": CLOSE}, {"timeperiod": 5})
    assert cache.compute("SMA", {"close": np.array(CLOSE)}, {"timeperiod": 5}) is first
    assert (cache.hits, cache.misses) == (1, 1)


@given(row=st.integers(0, 59), change=st.floats(1e-9, 5))
def test_one_changed_bar_is_another_question(row: int, change: float) -> None:
    other = list(CLOSE)
    other[row] += change
    assert input_hash("SMA", {"close": CLOSE}, {}, None, "close") != input_hash(
        "SMA", {"close": other}, {}, None, "close"
    )


def test_parameters_suspensions_columns_and_source_are_part_of_the_question() -> None:
    columns = {"close": CLOSE, "volume": CLOSE}
    keys = {
        input_hash("SMA", columns, {}, None, "close"),
        input_hash("EMA", columns, {}, None, "close"),
        input_hash("SMA", columns, {"timeperiod": 5}, None, "close"),
        input_hash("SMA", columns, {}, [True] * 60, "close"),
        input_hash("SMA", columns, {}, [False] + [True] * 59, "close"),
        input_hash("SMA", columns, {}, None, "volume"),
        input_hash("SMA", {"close": CLOSE, "high": CLOSE}, {}, None, "close"),
    }
    assert len(keys) == 7


def test_a_shared_result_cannot_be_written_to() -> None:
    made = IndicatorCache().compute("SMA", {"close": CLOSE}, {"timeperiod": 5})
    with pytest.raises(ValueError, match="read-only"):
        made.outputs["real"][0] = 1.0


def test_the_memory_is_bounded_and_the_least_used_goes_first() -> None:
    cache = IndicatorCache(limit_bytes=4_000)
    asked = [{"timeperiod": period} for period in range(2, 8)]
    for parameters in asked:
        cache.compute("SMA", {"close": CLOSE}, parameters)
    assert cache.used_bytes <= 4_000
    cache.compute("SMA", {"close": CLOSE}, asked[-1])
    assert cache.hits == 1
    cache.compute("SMA", {"close": CLOSE}, asked[0])
    assert cache.hits == 1
