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


async def test_bars_without_factors_go_on_from_the_factor_before_and_are_written_once(
    ingestion: Ingestion, tmp_path: Path
) -> None:
    pl.DataFrame([bar(DAYS[0], adj_factor=8.0)]).write_parquet(tmp_path / "a.parquet")
    request = SyncRequest(source="file", path=str(tmp_path))
    report_of(await ingestion.sync(request))
    rows = [bar(DAYS[1], pre_close=9.5, adj_factor=None), bar(DAYS[2], adj_factor=None)]
    pl.DataFrame(rows, schema_overrides={"adj_factor": pl.Float64}).write_parquet(tmp_path / "b.parquet")
    report_of(await ingestion.sync(request))
    stored = text("SELECT adj_factor, xmin::text, ctid::text FROM market.bars ORDER BY session")
    with transaction(ingestion.engine) as connection:
        found = connection.execute(stored).all()
    assert [row[0] for row in found] == pytest.approx([8.0, 8.0 * 10 / 9.5, 8.0 * 10 / 9.5])
    assert [row[2] for row in found] == ["(0,1)", "(0,2)", "(0,3)"]
    pl.DataFrame([*rows, bar(date(2024, 9, 5), adj_factor=None)]).write_parquet(tmp_path / "c.parquet")
    report_of(await ingestion.sync(request))
    with transaction(ingestion.engine) as connection:
        assert connection.execute(stored).all()[:3] == found
