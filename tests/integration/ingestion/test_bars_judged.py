"""A bar that cannot be is kept apart, whatever source it comes from; the ones around it are stored."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import text

from libs.contracts.market import SyncRequest
from libs.storage.engine import transaction
from tests.integration.ingestion.conftest import Ingestion, report_of

SHARES = {"ts_code": "600519.SH", "name": "贵州茅台", "industry": "白酒", "list_date": "20010827"}
DAYS = [date(2024, 9, 2), date(2024, 9, 3), date(2024, 9, 4)]


def bar(day: date, **changes: object) -> dict[str, object]:
    prices = dict.fromkeys(("open", "high", "low", "close", "pre_close"), 10.0)
    row = {"ts_code": "600519.SH", "date": day, **prices, "volume": 1000, "amount": 10_000.0}
    return {**row, "trade_status": 1, "is_st": 0, **changes}


@pytest.mark.requirement("B8", "B14")
async def test_a_bar_outside_the_band_of_its_day_goes_into_quarantine(ingestion: Ingestion, tmp_path: Path) -> None:
    pl.DataFrame([SHARES]).write_csv(tmp_path / "shares.csv")
    pl.DataFrame([bar(DAYS[0])]).write_parquet(tmp_path / "bars.parquet")
    report_of(await ingestion.sync(SyncRequest(source="file", path=str(tmp_path))))
    rows = [bar(DAYS[0]), bar(DAYS[1], high=15.0), bar(DAYS[2], pre_close=9.9)]
    pl.DataFrame(rows).write_parquet(tmp_path / "bars.parquet")
    report = report_of(await ingestion.sync(SyncRequest(source="file", path=str(tmp_path))))
    [bars] = [done for done in report.imports if done.kind == "bars"]
    assert bars.rejected == {"outside the price band of its day": 1}
    assert bars.flags == {"reference price below the last close": 1}
    with transaction(ingestion.engine) as connection:
        stored = connection.execute(text("SELECT session FROM market.bars ORDER BY 1")).scalars().all()
        kept = connection.execute(text("SELECT session, reason, row ->> 'high' FROM market.quarantine")).all()
    assert stored == [DAYS[0], DAYS[2]]
    assert [tuple(row) for row in kept] == [(DAYS[1], "outside the price band of its day", "15.0")]
