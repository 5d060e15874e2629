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
        ("ts_code datetime open high low close volume amount", Layout.MINUTE_BARS),
        ("ts_code datetime price volume_lots side", Layout.TICKS),
        ("date hgt sgt north_money", Layout.NORTHBOUND),
        ("date 序号 行业 行业指数 行业-涨跌幅 流入资金 流出资金 净额", Layout.SECTOR_FLOWS),
        ("ts_code ann_date float_date float_share float_ratio share_type", Layout.UNLOCKS),
        (
            "ts_code name ex_date bonus_per10 transfer_per10 rights_per10 rights_price cash_per10 total_share_10k",
            Layout.CORPORATE_ACTIONS,
        ),
        ("ts_code name period ann_date eps bvps roe net_profits profits_yoy sheqratio", Layout.QUARTERLY),
        ("ts_code period eps revenue total_profit n_income profit_dedt total_assets total_liab roe_waa", Layout.ANNUAL),
        ("ts_code period eps goodwill total_assets total_liab goodwill_to_equity", Layout.BALANCES),
        ("ts_code name industry area pe pb outstanding totals timeToMarket", Layout.OLD_LIST),
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
        ("ts_code date open high low close pre_close volume amount adj_factor", "trade_status and is_st"),
        ("ts_code date open high low close volume amount", "without pre_close"),
        ("ts_code date open high low close amount", "without pre_close"),
        ("ts_code datetime price volume_lots", "one price a minute"),
        ("序号 行业 行业指数 行业-涨跌幅 流入资金 流出资金 净额 公司家数", "without a date"),
        ("date ts_code company label title", "judging a model"),
        ("label tokens", "judging a model"),
        ("symbol open_time open high low close volume", "near to intraday bars"),
        ("file rows symbols first last bytes sha256", "no known layout"),
        ("", "no known layout"),
    ],
)
def test_other_tables_are_unknown_and_the_reason_says_what_they_lack(columns: str, hint: str) -> None:
    found = recognise("other.parquet", columns.split())
    assert isinstance(found, Unknown)
    assert hint in found.reason
