"""When two sources mean the same, and when not."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.marketdata.frames import KEYS, SCHEMAS
from libs.marketdata.source import Kind
from libs.marketdata.tolerance import TOLERANCES, compare
from tests.support.made_vendors import SESSIONS, bars

DAYS = SESSIONS[:10]
LEFT = bars("600519.SH", DAYS)


def changed(column: str, value: float, *, row: int = 0) -> pl.DataFrame:
    values = LEFT[column].to_list()
    values[row] = value
    return LEFT.with_columns(pl.Series(column, values, dtype=LEFT.schema[column]))


def test_equal_rows_agree() -> None:
    found = compare(Kind.BARS, LEFT, LEFT)
    assert (found.agree, found.rows, set(found.worst.values())) == (True, len(DAYS), {0.0})


@pytest.mark.parametrize(
    ("column", "factor", "agree"),
    [
        ("close", 1.0003, True),  # 12 CNY: below half a fen
        ("close", 1.001, False),
        ("volume", 1.0099, True),
        ("volume", 1.02, False),
        ("volume", 100.0, False),
        ("amount", 0.991, True),
        ("amount", 0.001, False),
    ],
)
def test_prices_may_differ_by_half_a_fen_and_volumes_by_a_hundredth(column: str, factor: float, *, agree: bool) -> None:
    other = LEFT.with_columns((pl.col(column) * factor).cast(LEFT.schema[column]))
    assert compare(Kind.BARS, LEFT, other).agree is agree


def test_a_disagreement_names_row_column_and_both_values() -> None:
    found = compare(Kind.BARS, LEFT, changed("close", 99.0, row=3))
    (one,) = found.disagreements
    assert (one.key, one.column, one.right) == (f"600519.SH {DAYS[3]}", "close", 99.0)
    assert found.said() == f"1 differences in 10 rows: 600519.SH {DAYS[3]} close {one.left:g} ≠ 99"


def test_what_only_one_side_says_is_not_compared() -> None:
    other = LEFT.with_columns(pl.lit(None, dtype=pl.Float64).alias("close"), pl.lit(float("nan")).alias("amount"))
    found = compare(Kind.BARS, LEFT, other)
    assert found.agree
    assert "close" not in found.worst


def test_nothing_in_common_is_no_agreement() -> None:
    found = compare(Kind.BARS, LEFT[:5], LEFT[5:])
    assert (found.agree, found.said()) == (False, "no row that both have")


@given(factor=st.floats(min_value=0.5, max_value=2.0), row=st.integers(min_value=0, max_value=9))
def test_which_side_is_left_makes_no_difference(factor: float, row: int) -> None:
    other = changed("high", LEFT["high"][row] * factor, row=row)
    there, back = compare(Kind.BARS, LEFT, other), compare(Kind.BARS, other, LEFT)
    assert there.agree is back.agree
    assert [(d.key, d.left, d.right) for d in there.disagreements] == [
        (d.key, d.right, d.left) for d in back.disagreements
    ]


def test_every_tolerance_is_of_a_column_that_exists() -> None:
    for kind, columns in TOLERANCES.items():
        assert set(columns) <= set(SCHEMAS[kind]) - set(KEYS[kind])


def test_a_sector_is_compared_within_its_own_taxonomy_alone() -> None:
    def flows(taxonomy: str, net: float) -> pl.DataFrame:
        return pl.DataFrame(
            {"session": [date(2024, 9, 2)], "taxonomy": [taxonomy], "sector": ["银行"], "net_inflow": [net]}
        )

    assert compare(Kind.SECTOR_FLOWS, flows("ths", 1e9), flows("eastmoney", -1e9)).rows == 0
