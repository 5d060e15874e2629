"""Reports become one row per item, and none of them is public before it can have been."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from libs.marketdata.read_reports import deadline, read_annual, read_balances, read_quarterly
from libs.marketdata.source import Kind

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("period", "lawful"),
    [
        (date(2014, 3, 31), date(2014, 4, 30)),
        (date(2014, 6, 30), date(2014, 8, 31)),
        (date(2014, 9, 30), date(2014, 10, 31)),
        (date(2014, 12, 31), date(2015, 4, 30)),
        (date(2019, 12, 31), date(2020, 6, 30)),
        (date(2020, 3, 31), date(2020, 6, 30)),
        (date(2014, 5, 31), None),
    ],
)
def test_a_report_is_due_by_law(period: date, lawful: date | None) -> None:
    assert pl.DataFrame({"period": [period]}).select(deadline("period")).item() == lawful


def quarterly(**changes: Any) -> pl.DataFrame:
    row = {"ts_code": "000001.SZ", "period": "20140331", "ann_date": date(2014, 4, 24), "eps": 0.53, "roe": 4.41}
    return pl.DataFrame([row | {"net_profits": 505_400.0, "business_income": 16_100.0, "sheqratio": 5.5934} | changes])


def test_a_quarterly_report_is_public_at_the_end_of_its_day_of_announcement_and_in_cny_and_fractions() -> None:
    frame = read_quarterly(quarterly())[Kind.STATEMENTS]
    assert dict(frame.select("item", "value").rows()) == {
        "eps": 0.53,
        "roe": 0.0441,
        "net_profit": 5_054_000_000.0,
        "revenue": 16_100_000_000.0,
        "debt_to_assets": pytest.approx(0.944066),
    }
    assert frame["announced_on"].unique().to_list() == [date(2014, 4, 24)]
    assert frame["published_at"].unique().to_list() == [datetime(2014, 4, 24, 23, 59, tzinfo=SHANGHAI)]


def test_a_report_whose_announcement_nobody_dated_counts_from_the_deadline() -> None:
    frame = read_quarterly(quarterly(ann_date=None).with_columns(pl.col("ann_date").cast(pl.Date)))[Kind.STATEMENTS]
    assert frame["announced_on"].unique().to_list() == [date(2014, 4, 30)]


def test_what_a_report_does_not_say_is_no_row() -> None:
    frame = read_quarterly(quarterly(eps=None, roe=float("nan")).with_columns(pl.col("eps").cast(pl.Float64)))
    assert set(frame[Kind.STATEMENTS]["item"]) == {"net_profit", "revenue", "debt_to_assets"}


def test_annual_reports_without_dates_count_from_the_end_of_april() -> None:
    raw = pl.DataFrame(
        [{"ts_code": "000001.SZ", "period": "20081231", "revenue": 1.45e10, "roe_waa": 4.32, "debt_to_assets": 96.5}]
    )
    frame = read_annual(raw)[Kind.STATEMENTS]
    assert frame["announced_on"].unique().to_list() == [date(2009, 4, 30)]
    assert dict(frame.select("item", "value").rows()) == {
        "revenue": 1.45e10, "roe": 0.0432, "debt_to_assets": 0.965,
    }  # fmt: skip


def test_a_zero_in_a_file_of_balances_is_an_empty_field_and_says_nothing() -> None:
    rows = [
        {
            "ts_code": "000504.SZ",
            "period": "20110930",
            "goodwill": 1e8,
            "total_assets": 5e8,
            "goodwill_to_equity": 60.0,
        },
        {
            "ts_code": "000001.SZ",
            "period": "20110930",
            "goodwill": 0.0,
            "total_assets": 1e12,
            "goodwill_to_equity": 0.0,
        },
    ]
    found = read_balances(pl.DataFrame(rows))
    assert found[Kind.GOODWILL].select("symbol", "goodwill", "ratio_of_equity").rows() == [("000504.SZ", 1e8, 0.6)]
    assert found[Kind.GOODWILL]["announced_on"].to_list() == [date(2011, 10, 31)]
    said = set(found[Kind.STATEMENTS].select("symbol", "item").rows())
    assert said == {("000504.SZ", "goodwill"), ("000504.SZ", "total_assets"), ("000001.SZ", "total_assets")}
