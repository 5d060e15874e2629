"""Factors follow from closes and reference prices, from whatever was known before."""

from datetime import date, timedelta

import polars as pl
import pytest

from libs.marketdata.bar_factors import chained
from libs.marketdata.source import Tail

MAOTAI, PINGAN = "600519.SH", "000001.SZ"


def bars(symbol: str, *days: tuple[float, float, float | None]) -> pl.DataFrame:
    """Close, reference price and factor, day by day."""
    rows = [(symbol, date(2024, 9, 2) + timedelta(days=n), *day) for n, day in enumerate(days)]
    names = {"symbol": pl.String, "session": pl.Date, **dict.fromkeys(("close", "pre_close", "adj_factor"), pl.Float64)}
    return pl.DataFrame(rows, schema=names, orient="row")


def test_the_first_bar_of_all_has_one_and_an_ex_date_multiplies() -> None:
    frame = bars(MAOTAI, (10.0, 10.0, None), (9.5, 9.0, None), (9.6, 9.5, None))
    assert chained(frame, {MAOTAI: None})["adj_factor"].to_list() == pytest.approx([1.0, 10 / 9, 10 / 9], rel=1e-14)


def test_later_bars_go_on_from_the_one_that_is_stored() -> None:
    frame = bars(MAOTAI, (10.0, 9.0, None), (9.0, 10.0, None))
    assert chained(frame, {MAOTAI: Tail(18.0, 2.5)})["adj_factor"].to_list() == pytest.approx([5.0, 5.0])


def test_a_factor_that_is_given_stays_and_those_after_it_follow() -> None:
    frame = bars(MAOTAI, (10.0, 10.0, None), (10.0, 10.0, 8.0), (4.0, 5.0, None))
    assert chained(frame, {MAOTAI: None})["adj_factor"].to_list() == pytest.approx([1.0, 8.0, 16.0])


def test_each_share_goes_its_own_way_and_one_that_is_stored_further_on_is_left_alone() -> None:
    both = pl.concat([bars(PINGAN, (5.0, 5.0, None)), bars(MAOTAI, (10.0, 10.0, None), (9.5, 5.0, None))])
    found = chained(both, {MAOTAI: None})
    assert found.filter(symbol=PINGAN)["adj_factor"].to_list() == [None]
    assert found.filter(symbol=MAOTAI)["adj_factor"].to_list() == pytest.approx([1.0, 2.0])
    assert found.schema == both.schema
