"""The real files, through a job into the real schema."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text

from libs.contracts.market import SyncRequest
from libs.marketdata.files import DATED_BY_DEADLINE
from libs.storage.engine import transaction
from tests.integration.ingestion.conftest import Ingestion, report_of
from tests.support.real_data import real_data_dir

DATA = real_data_dir()
pytestmark = pytest.mark.skipif(DATA is None, reason="the real market data is not here (HIDDENGEM_TEST_DATA)")

ROWS = {
    "cn_trade_calendar.csv.gz calendar": 8797,
    "cn_stock_list_20260304.csv.gz instruments": 5805,
    "cn_daily_2020_2025.parquet bars": 276_301,
    "cn_daily_2020_2025.parquet valuations": 276_076,
    "cn_index_daily.parquet index_bars": 30_828,
    "cn_margin_balance_2012_2026.csv.gz margin": 3373,
    "policy_news_cctv.jsonl.gz documents": 419,
    "financial_news_2024.jsonl.gz documents": 3097,
    "cn_bar15m_2025_2026.parquet minute_bars": 100_736,
    "cn_ticks_20190201_20190211.parquet ticks": 34_089,
    "cn_northbound_flow_202312_202408.csv.gz northbound": 166,
    "cn_share_float_sample.csv.gz unlocks": 29,
    "cn_corporate_actions_1990_2011.parquet corporate_actions": 14_470,
    "cn_fundamentals_quarterly_2014_2016.parquet statements": 212_603,
    "cn_fundamentals_annual_2007_2019.parquet statements": 463_777,
    "cn_fundamentals_2011q3_goodwill.parquet statements": 44_387,
    "cn_fundamentals_2011q3_goodwill.parquet goodwill": 776,
    "cn_stock_basics_20160913.csv.gz instruments": 4,
}
SAID_TWICE = 1299, 286
"""Items announced on the last lawful day that both files of reports have: with other digits, and equal ones."""
DATED = {
    "cn_fundamentals_quarterly_2014_2016.parquet": 31_617,
    "cn_fundamentals_annual_2007_2019.parquet": 465_362,
    "cn_fundamentals_2011q3_goodwill.parquet": 44_387,
}
"""Items whose announcement no file dates."""
REJECTED = {
    "cn_stock_list_20260304.csv.gz instruments": {"malformed symbol": 1},
    "cn_stock_basics_20160913.csv.gz instruments": {"malformed listing date": 15},
    "cn_ticks_20190201_20190211.parquet ticks": {"volume not positive": 11},
    "cn_northbound_flow_202312_202408.csv.gz northbound": {"the two halves do not make the whole": 1},
    "cn_corporate_actions_1990_2011.parquet corporate_actions": {"rights without a price": 1},
    "cn_fundamentals_2011q3_goodwill.parquet goodwill": {"goodwill negative": 1},
}


async def test_the_whole_folder_is_imported_with_every_row_accounted_for(ingestion: Ingestion) -> None:
    request = SyncRequest(source="file", path=str(DATA))
    report = report_of(await ingestion.sync(request))
    assert {f"{i.path} {i.kind}": i.inserted for i in report.imports} == ROWS
    assert {f"{i.path} {i.kind}": i.rejected for i in report.imports if i.rejected} == REJECTED
    assert sum(i.updated + i.unchanged for i in report.imports if i.kind == "statements") == 0
    assert (sum(i.conflicts for i in report.imports), sum(i.duplicates for i in report.imports)) == SAID_TWICE
    dated = {i.path: i.flags.get(DATED_BY_DEADLINE, 0) for i in report.imports if i.kind == "statements"}
    assert dated == DATED
    skipped = {s.path for s in report.skipped}
    assert {"reserved.bin", "README.md", "manifest.csv", "cn_daily_2013_2016.parquet"} <= skipped
    assert len(skipped) == 18
    check_values(ingestion)
    again = report_of(await ingestion.sync(request))
    assert all(i.already_imported for i in again.imports)


def check_values(ingestion: Ingestion) -> None:
    """One day of one share, known by heart: units, reference price, valuations, instants."""
    with transaction(ingestion.engine) as connection:
        bar = connection.execute(text(f"SELECT * FROM market.bars {_MOUTAI}")).mappings().one()
        valuation = connection.execute(text(f"SELECT * FROM market.valuations {_MOUTAI}")).mappings().one()
        margin = connection.execute(text("SELECT * FROM market.margin WHERE session = '2024-09-02'")).mappings().one()
        suspended = connection.execute(text("SELECT count(*) FROM market.bars WHERE suspended")).scalar_one()
    assert (bar["close"], bar["pre_close"]) == (Decimal("1395.0000"), Decimal("1443.1900"))
    assert (bar["volume"], bar["amount"], bar["turnover_rate"]) == (3_413_459, Decimal("4801049927.2000"), 0.002717)
    assert bar["published_at"] == datetime(2024, 9, 2, 7, 30, tzinfo=UTC)
    assert (valuation["pe_ttm"], valuation["session"]) == (21.782621, date(2024, 9, 2))
    assert margin["financing_balance"] == Decimal("1382876000000.00")
    assert margin["published_at"] == datetime(2024, 9, 3, 1, 0, tzinfo=UTC)
    assert suspended == 671


_MOUTAI = "WHERE symbol = '600519.SH' AND session = '2024-09-02'"
