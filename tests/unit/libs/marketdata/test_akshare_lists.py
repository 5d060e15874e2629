"""What names and codes say, and which reports a window can hold."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.marketdata.akshare_company import report_periods
from libs.marketdata.akshare_http import Delivery
from libs.marketdata.akshare_lists import is_share, names_special_treatment, plain_name, symbol_of
from libs.marketdata.source import SourceError, Window


@pytest.mark.parametrize(
    ("written", "plain"),
    [("万  科Ａ", "万科A"), ("＊ST雪 发", "*ST雪发"), ("S*ST\u3000云维", "S*ST云维"), ("贵州茅台", "贵州茅台")],
)
def test_names_are_compared_without_blanks_and_full_width_letters(written: str, plain: str) -> None:
    assert plain_name(written) == plain


@pytest.mark.parametrize(
    ("name", "treated"),
    [
        ("ST雪发", True),
        ("*ST雪发", True),
        ("＊ＳＴ雪发", True),
        ("SST中纺", True),
        ("平安银行", False),
        ("腾信退", False),
    ],
)
def test_a_name_says_whether_it_is_under_special_treatment(name: str, treated: bool) -> None:
    assert names_special_treatment(name) is treated


@pytest.mark.parametrize(
    ("code", "symbol"),
    [
        ("600519", "600519.SH"),
        ("688981", "688981.SH"),
        ("900901", "900901.SH"),
        ("920002", "920002.BJ"),
        ("430047", "430047.BJ"),
        ("873833", "873833.BJ"),
        ("000001", "000001.SZ"),
        ("1", "000001.SZ"),
        ("301589", "301589.SZ"),
        ("200002", "200002.SZ"),
    ],
)
def test_a_code_belongs_to_an_exchange(code: str, symbol: str) -> None:
    assert pl.DataFrame({"code": [code]}).select(symbol_of("code")).item() == symbol


def test_lists_keep_shares_only() -> None:
    frame = pl.DataFrame({"symbol": ["600519.SH", "400055.BJ", "920002.BJ"]})
    kept = frame.filter(is_share())["symbol"].to_list()
    assert "600519.SH" in kept
    assert "920002.BJ" in kept


DAYS = st.dates(date(2011, 1, 1), date(2030, 12, 31))


@given(DAYS, DAYS)
def test_the_periods_of_a_window_are_ends_of_quarters_that_can_have_been_announced_in_it(one: date, two: date) -> None:
    window = Window(min(one, two), max(one, two))
    periods = report_periods(window)
    assert periods == sorted(set(periods))
    assert all((period.month, period.day) in {(3, 31), (6, 30), (9, 30), (12, 31)} for period in periods)
    assert all(period <= window.end for period in periods)
    last_year = date(window.start.year - 1, 12, 31)
    assert last_year in periods


def test_pages_are_complete_when_every_promised_row_came_whatever_page_was_asked_for_twice() -> None:
    delivery = Delivery()
    for page, rows in (("1", 500), ("1", 500), ("2", 230)):
        delivery.note("report", page, 730, rows)
    delivery.require_complete()


@pytest.mark.parametrize(("second", "words"), [(229, "729 of 730"), (231, "731 of 730")])
def test_a_page_with_other_rows_than_promised_is_an_error(second: int, words: str) -> None:
    delivery = Delivery()
    delivery.note("report", "1", 730, 500)
    delivery.note("report", "2", 730, second)
    with pytest.raises(SourceError, match=words):
        delivery.require_complete()


def test_a_report_that_changes_between_its_pages_is_an_error() -> None:
    delivery = Delivery()
    delivery.note("report", "1", 730, 500)
    with pytest.raises(SourceError, match="changed while they were read"):
        delivery.note("report", "2", 731, 231)
