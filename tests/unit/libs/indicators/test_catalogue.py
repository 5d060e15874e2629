"""Every function of TA-Lib is reachable by name, sees only the past, and is never given a hole."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from libs.domain.errors import InvalidInput
from libs.indicators.catalogue import catalogue, compute, definition
from libs.indicators.errors import UnusableSeries
from libs.indicators.talib_door import function_names, talib

Floats = NDArray[np.float64]
ROWS = 260


def made_columns(seed: int = 0, rows: int = ROWS) -> dict[str, Floats]:
    random = np.random.default_rng(seed)
    close = 20 * np.exp(np.cumsum(random.normal(0, 0.02, rows)))
    opened = close * (1 + random.normal(0, 0.005, rows))
    return {
        "open": opened,
        "high": np.maximum(opened, close) * 1.01,
        "low": np.minimum(opened, close) * 0.99,
        "close": close,
        "volume": random.integers(100_000, 1_000_000, rows).astype(float),
        "periods": np.full(rows, 10.0),
    }


COLUMNS = made_columns()


@pytest.mark.requirement("D1")
def test_the_catalogue_is_the_whole_of_talib() -> None:
    assert set(catalogue()) == set(function_names())
    assert {"SMA", "KDJ", "CDLHAMMER", "OBV", "HT_SINE", "CORREL"} <= set(catalogue())
    bands = definition("bbands")
    assert bands.title == "Bollinger Bands"
    assert bands.inputs == ("close",)
    assert dict(bands.parameters) == {"timeperiod": 20, "nbdevup": 2.0, "nbdevdn": 2.0, "matype": 0}
    assert bands.outputs == ("upperband", "middleband", "lowerband")


@pytest.mark.requirement("D1")
@pytest.mark.parametrize("name", sorted(catalogue()))
def test_a_value_never_changes_when_later_bars_become_known(name: str) -> None:
    whole = compute(name, COLUMNS)
    cut = compute(name, {column: values[:200] for column, values in COLUMNS.items()})
    known = whole.rows < 200
    assert whole.rows[known].tolist() == cut.rows.tolist()
    for output, values in whole.outputs.items():
        np.testing.assert_allclose(values[known], cut.outputs[output], rtol=1e-9, atol=1e-9)
        assert np.isfinite(values).all()


def test_the_values_are_talibs() -> None:
    found = compute("KDJ", COLUMNS, {"fastk_period": 5})
    expected = talib.KDJ(COLUMNS["high"], COLUMNS["low"], COLUMNS["close"], fastk_period=5)
    for output, values in zip(("k", "d", "j"), expected, strict=True):
        np.testing.assert_array_equal(found.outputs[output], values[found.rows])
    assert found.last["j"] == expected[2][-1]


def test_any_one_series_may_be_averaged() -> None:
    found = compute("SMA", COLUMNS, {"timeperiod": 5}, source="volume")
    assert found.last["real"] == pytest.approx(COLUMNS["volume"][-5:].mean())


@given(gone=st.sets(st.integers(0, ROWS - 1), max_size=150), name=st.sampled_from(["RSI", "MACD", "ATR", "OBV"]))
@settings(max_examples=30, deadline=None)
def test_a_suspended_day_takes_no_part(gone: set[int], name: str) -> None:
    traded = np.array([row not in gone for row in range(ROWS)])
    holed = {column: np.where(traded, values, np.nan) for column, values in COLUMNS.items()}
    found = compute(name, holed, traded=traded)
    alone = compute(name, {column: values[traded] for column, values in COLUMNS.items()})
    assert found.rows.tolist() == np.flatnonzero(traded)[alone.rows].tolist()
    for output, values in found.outputs.items():
        np.testing.assert_array_equal(values, alone.outputs[output])


def test_a_row_number_is_one_of_the_callers_rows() -> None:
    traded = np.ones(ROWS, dtype=bool)
    traded[[3, 50, 200]] = False
    found = compute("MAXINDEX", COLUMNS, {"timeperiod": 40}, traded=traded)
    last = int(found.last["integer"])
    newest = np.flatnonzero(traded)[-40:]
    assert last == newest[np.argmax(COLUMNS["close"][newest])]


def test_a_history_too_short_gives_no_values_and_no_last_one() -> None:
    found = compute("SMA", {"close": [1.0, 2.0]}, {"timeperiod": 5})
    assert found.rows.size == 0
    with pytest.raises(UnusableSeries, match="no row has a value"):
        _ = found.last


def test_undefined_arithmetic_gives_no_value_at_that_row() -> None:
    found = compute("LN", {"close": [1.0, -1.0, 2.0]})
    assert found.rows.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("name", "parameters", "field"),
    [
        ("NOSUCH", {}, "indicator"),
        ("SMA", {"period": 3}, "period"),
        ("SMA", {"timeperiod": 2.5}, "timeperiod"),
        ("SMA", {"timeperiod": True}, "timeperiod"),
        ("SMA", {"timeperiod": "EMA"}, "timeperiod"),
        ("SMA", {"timeperiod": 0}, "parameters"),
        ("SMA", {"timeperiod": float("nan")}, "timeperiod"),
        ("SMA", {"timeperiod": 10**400}, "timeperiod"),
        ("BBANDS", {"nbdevup": float("inf")}, "nbdevup"),
        ("BBANDS", {"matype": "NOSUCH"}, "matype"),
    ],
)
def test_what_is_wrong_is_named(name: str, parameters: Mapping[str, int | float | str], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        compute(name, COLUMNS, parameters)
    assert caught.value.field == field


def test_a_kind_of_average_may_be_named() -> None:
    by_name = compute("BBANDS", COLUMNS, {"matype": "ema"})
    by_number = compute("BBANDS", COLUMNS, {"matype": 1})
    np.testing.assert_array_equal(by_name.outputs["middleband"], by_number.outputs["middleband"])


def test_a_missing_column_a_hole_and_a_short_column_are_refused() -> None:
    with pytest.raises(InvalidInput, match="high, low missing"):
        compute("ATR", {"close": [1.0]})
    with pytest.raises(UnusableSeries, match="column close holds NaN"):
        compute("RSI", {"close": [1.0, float("nan"), 2.0]})
    with pytest.raises(UnusableSeries, match="differ in length"):
        compute("ATR", {"high": [1.0, 2.0], "low": [1.0], "close": [1.0, 2.0]})
