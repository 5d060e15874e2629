"""The real files, through a job into the real schema."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text

from libs.contracts.market import SyncRequest
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
}


async def test_the_whole_folder_is_imported_with_every_row_accounted_for(ingestion: Ingestion) -> None:
    request = SyncRequest(source="file", path=str(DATA))
    report = report_of(await ingestion.sync(request))
    assert {f"{i.path} {i.kind}": i.inserted for i in report.imports} == ROWS
    assert {i.path: i.rejected for i in report.imports if i.rejected} == {
        "cn_stock_list_20260304.csv.gz": {"malformed symbol": 1}
    }
    assert sum(i.conflicts for i in report.imports) == 0
    skipped = {s.path for s in report.skipped}
    assert {"reserved.bin", "README.md", "manifest.csv", "cn_daily_2013_2016.parquet"} <= skipped
    assert len(skipped) == 27
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
