"""What a file is follows from its columns alone."""

import pytest

from libs.marketdata.recognition import LAYOUTS, Layout, Unknown, recognise
from libs.marketdata.source import BadFile

DAILY_2020 = (
    "ts_code date open high low close pre_close volume amount turnover_rate trade_status pct_chg is_st "
    "pe_ttm pb_mrq ps_ttm pcf_ncf_ttm adj_factor"
)


@pytest.mark.parametrize(
    ("columns", "layout"),
    [
        (DAILY_2020, Layout.DAILY),
        ("ts_code date open high low close pre_close change pct_chg volume_lots amount", Layout.INDEX),
        (
            "ts_code symbol name area industry list_date delist_date status is_st is_delisting",
            Layout.INSTRUMENTS,
        ),
        ("date rzye rqye rzmre maintenance_ratio_pct", Layout.MARGIN),
        ("date", Layout.CALENDAR),
        ("date title content", Layout.POLICY),
        ("date section text", Layout.BRIEFING),
    ],
)
def test_each_layout_is_told_by_its_columns(columns: str, layout: Layout) -> None:
    assert recognise("any.name", columns.split()) is layout


@pytest.mark.parametrize("column", sorted(LAYOUTS[Layout.DAILY].needed))
def test_daily_bars_without_any_one_needed_column_are_an_error_that_names_file_and_column(column: str) -> None:
    columns = [name for name in DAILY_2020.split() if name != column]
    with pytest.raises(BadFile, match=rf"main\.parquet: .*\b{column}\b"):
        recognise("main.parquet", columns)


def test_all_missing_columns_are_named_at_once() -> None:
    with pytest.raises(BadFile, match="close, volume"):
        recognise("main.parquet", [name for name in DAILY_2020.split() if name not in {"close", "volume"}])


@pytest.mark.parametrize(
    ("columns", "hint"),
    [
        ("ts_code date open high low close pre_close volume amount adj_factor", "is_st, trade_status"),
        ("ts_code datetime open high low close volume amount", "trade_status"),
        ("ts_code datetime price volume_lots", "no known layout"),
        ("ts_code date open high low close amount", "volume"),
        ("date ts_code company label title", "content"),
        ("file rows symbols first last bytes sha256", "no known layout"),
        ("", "no known layout"),
    ],
)
def test_other_tables_are_unknown_and_the_reason_says_what_they_lack(columns: str, hint: str) -> None:
    found = recognise("other.parquet", columns.split())
    assert isinstance(found, Unknown)
    assert hint in found.reason
