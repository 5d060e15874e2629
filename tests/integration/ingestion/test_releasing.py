"""A row that a person releases comes in by the rules of every other row: nothing newer is lost, nothing is left out."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import text

from libs.contracts.market import DecideQuarantine, SyncRequest
from libs.domain.clock import SystemClock
from libs.domain.errors import InvalidInput
from libs.marketdata.source import Kind
from libs.storage import quarantine
from libs.storage.engine import transaction
from services.ingestion.deciding import decide
from tests.integration.ingestion.conftest import Ingestion, WriteBars, report_of

pytestmark = pytest.mark.requirement("B11")


async def imported(ingestion: Ingestion, path: Path) -> list[quarantine.Held]:
    """What lies in quarantine after an import."""
    report_of(await ingestion.sync(SyncRequest(source="file", path=str(path))))
    with transaction(ingestion.engine) as connection:
        return quarantine.listed(connection)


def release(ingestion: Ingestion, row: quarantine.Held) -> None:
    asked = DecideQuarantine(decision="release", ids=(row.quarantine_id,), who="an operator", why="it is right")
    with transaction(ingestion.engine) as connection:
        assert decide(connection, asked, SystemClock().utc_now()) == 1


def stored(ingestion: Ingestion, question: str) -> list[tuple[object, ...]]:
    with transaction(ingestion.engine) as connection:
        return [tuple(row) for row in connection.execute(text(question))]


def write_list(path: Path, **shares: str) -> Path:
    """A list of shares by their listing dates; it is as of the newest of them."""
    symbols = [f"{code.removeprefix('s')}.SH" for code in shares]
    frame = {"ts_code": symbols, "name": ["名"] * len(symbols), "industry": ["白酒"] * len(symbols)}
    pl.DataFrame({**frame, "list_date": list(shares.values())}).write_csv(path)
    return path


async def test_a_row_of_an_old_list_replaces_nothing_of_a_newer_one(ingestion: Ingestion, tmp_path: Path) -> None:
    [old] = await imported(ingestion, write_list(tmp_path / "old.csv", s600000="20160905", s600036="0"))
    await imported(ingestion, write_list(tmp_path / "new.csv", s600036="20020409", s600519="20260304"))
    with pytest.raises(InvalidInput, match="a later row"):
        release(ingestion, old)
    kept = stored(ingestion, "SELECT list_date, as_of FROM market.instruments WHERE symbol = '600036.SH'")
    assert kept == [(date(2002, 4, 9), date(2026, 3, 4))]


async def test_what_came_in_after_a_row_was_refused_is_not_replaced_by_it(
    ingestion: Ingestion, write_bars: WriteBars
) -> None:
    path = write_bars("bars.csv", {"2024-09-02": 10.0, "2024-09-07": 10.5})
    [saturday] = await imported(ingestion, path)
    release(ingestion, saturday)
    [again] = await imported(ingestion, write_bars("bars.csv", {"2024-09-02": 10.0, "2024-09-07": 10.6}))
    with transaction(ingestion.engine) as connection:
        connection.execute(text("UPDATE market.bars SET fetched_at = now() WHERE session = '2024-09-07'"))
    with pytest.raises(InvalidInput, match=f"row {again.quarantine_id}: a later row"):
        release(ingestion, again)
    assert stored(ingestion, "SELECT close::float FROM market.bars WHERE session = '2024-09-07'") == [(10.5,)]


async def test_a_released_row_says_when_it_was_fetched_not_when_somebody_decided(
    ingestion: Ingestion, write_bars: WriteBars
) -> None:
    [saturday] = await imported(ingestion, write_bars("bars.csv", {"2024-09-02": 10.0, "2024-09-07": 10.5}))
    release(ingestion, saturday)
    fetched = stored(ingestion, "SELECT fetched_at FROM market.bars WHERE session = '2024-09-07'")
    assert fetched == [(saturday.last_seen_at,)]


async def test_a_released_bar_has_a_factor_like_its_neighbours(ingestion: Ingestion, write_bars: WriteBars) -> None:
    closes = {"2024-09-06": 10.0, "2024-09-07": 10.5, "2024-09-09": 10.5}
    [saturday] = await imported(ingestion, write_bars("bars.csv", closes))
    release(ingestion, saturday)
    factors = stored(ingestion, "SELECT adj_factor::float FROM market.bars ORDER BY session")
    assert len(factors) == 3
    assert all(factor is not None for (factor,) in factors)


async def test_a_released_trade_of_another_month_finds_its_place(ingestion: Ingestion, tmp_path: Path) -> None:
    moments = ["2019-02-11 09:45:00", "2019-03-04 20:00:00"]
    trades = {"ts_code": ["600519.SH"] * 2, "datetime": moments, "price": [10.0] * 2, "volume_lots": [1] * 2}
    pl.DataFrame({**trades, "side": [0, 0]}).write_csv(tmp_path / "trades.csv")
    [late] = await imported(ingestion, tmp_path / "trades.csv")
    assert (late.kind, late.reason) == (Kind.TICKS.value, "outside trading hours")
    release(ingestion, late)
    assert ingestion.count("ticks") == 2
