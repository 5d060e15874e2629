"""Old intraday rows go when the operator says so, on a live desk alone."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import text

from libs.domain.clock import ManualClock
from libs.marketdata.source import Kind
from libs.storage.engine import Engine, transaction
from libs.storage.market_writes import Provenance, upsert
from services.ingestion.retention import Retention, kept_days
from services.ingestion.retention_settings import RetentionSettings
from tests.integration.ingestion.conftest import Ingestion
from tests.support.market_rows import GOOD, MORNING, frame_of

PROVENANCE = Provenance("file", synthetic=False, fetched_at=datetime(2024, 9, 2, 16, tzinfo=UTC))
CLOCK = ManualClock(MORNING + timedelta(days=100))


@pytest.fixture
def stored(ingestion: Ingestion) -> Ingestion:
    with transaction(ingestion.engine) as connection:
        upsert(connection, Kind.TICKS, frame_of(Kind.TICKS, GOOD[Kind.TICKS]), PROVENANCE)
    return ingestion


def set_mode(owner: Engine, mode: str) -> None:
    with transaction(owner) as connection:
        connection.execute(text("UPDATE desk.clock SET mode = :mode"), {"mode": mode})


@pytest.mark.requirement("B4")
@pytest.mark.parametrize(("mode", "days", "left"), [("live", 60, 0), ("live", 101, 1), ("replay", 60, 1)])
async def test_what_is_old_goes_from_a_live_desk(
    stored: Ingestion, owner: Engine, mode: str, days: int, left: int
) -> None:
    set_mode(owner, mode)
    dropped = await Retention(stored.engine, CLOCK, {Kind.TICKS: days}).look()
    assert dropped == {Kind.TICKS: 1 - left}
    assert stored.count("ticks") == left


async def test_where_everything_is_kept_there_is_nothing_to_look_for(ingestion: Ingestion) -> None:
    await Retention(ingestion.engine, CLOCK, kept_days(RetentionSettings())).run()


def test_nobody_throws_the_last_month_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIDDENGEM_KEEP_TICKS_DAYS", "29")
    with pytest.raises(ValidationError, match="keep_ticks_days"):
        RetentionSettings()
    monkeypatch.setenv("HIDDENGEM_KEEP_TICKS_DAYS", "400")
    monkeypatch.setenv("HIDDENGEM_KEEP_MINUTE_BARS_DAYS", "")
    assert kept_days(RetentionSettings()) == {Kind.TICKS: 400}
