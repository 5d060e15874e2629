"""The calendar of a running process: the operator's file, the stored calendar, and what it says of its horizon."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from libs.ashare import calendar
from libs.ashare.calendar import open_days
from libs.domain.clock import SystemClock, exchange_date
from libs.domain.errors import ConfigurationError
from libs.marketdata.source import Kind
from libs.runtime.desk_calendar import CalendarKeeper, apply_overlay
from libs.runtime.processes import wait_until
from libs.storage.engine import Engine, make_engine, transaction
from libs.storage.market_writes import Provenance, upsert
from libs.storage.roles import ensure_logins, service_url

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 12, 20, 1, tzinfo=UTC)
OVERLAY = """
source = "SSE and SZSE closure notice for 2027"
known_until = 2027-01-31
closure = [{ first = 2027-01-01, last = 2027-01-01, holiday = "New Year" }]
"""
LATER = open_days(date(2027, 1, 1), date(2027, 3, 31), frozenset({date(2027, 1, 1)}))
"""What a vendor says; beyond the overlay, and the same where both speak."""


class At:
    """A clock that stands."""

    def utc_now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    made = make_engine(database)
    yield made
    made.dispose()


def _store(engine: Engine, sessions: tuple[date, ...], *, synthetic: bool = False) -> None:
    with transaction(engine) as connection:
        frame = pl.DataFrame({"session": sessions}, schema={"session": pl.Date})
        upsert(connection, Kind.CALENDAR, frame, Provenance("tushare", synthetic, NOW))


@contextmanager
def _service(module: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        cwd=ROOT,
        env=kept | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _get(port: int, path: str) -> str | None:
    """What the operator port answers; None while it does not, or says that something is missing."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return str(answer.read().decode())
    except OSError:
        return None


def _horizon(port: int) -> float | None:
    """The gauge as Prometheus reads it."""
    lines = (_get(port, "/metrics") or "").splitlines()
    return next(
        (float(line.split()[-1]) for line in lines if line.startswith("hiddengem_calendar_horizon_days{")), None
    )


def test_the_stored_calendar_is_learnt_and_the_warning_ends(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    mine = calendar.load()
    keeper = CalendarKeeper(engine, At(), mine)
    keeper.look()
    keeper.look()
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert [record.message for record in warnings] == ["the trading calendar ends soon"]
    assert keeper.horizon_days() == 11
    _store(engine, (*mine.sessions[-40:], *LATER))
    keeper.look()
    assert mine.last == date(2027, 3, 31)
    assert keeper.horizon_days() == 101


def test_a_simulated_calendar_teaches_nothing(engine: Engine) -> None:
    mine = calendar.load()
    _store(engine, LATER, synthetic=True)
    CalendarKeeper(engine, At(), mine).look()
    assert mine.last == date(2026, 12, 31)


def test_a_calendar_of_mere_weekdays_is_told_once_and_not_believed(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    mine = calendar.load()
    _store(engine, open_days(date(2027, 1, 1), date(2027, 3, 31), frozenset()))
    keeper = CalendarKeeper(engine, At(), mine)
    keeper.look()
    keeper.look()
    refusals = [record for record in caplog.records if record.message == "the stored calendar is not believed"]
    assert len(refusals) == 1
    assert mine.last == date(2026, 12, 31)


def test_without_a_database_the_horizon_stays_and_the_keeper_lives(caplog: pytest.LogCaptureFixture) -> None:
    nobody = make_engine("postgresql://hg@127.0.0.1:1/desk")
    mine = calendar.load()
    CalendarKeeper(nobody, At(), mine).look()
    assert mine.last == date(2026, 12, 31)
    assert "the stored calendar cannot be read" in caplog.messages


def test_a_wrong_file_is_refused_under_the_name_of_the_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"HIDDENGEM_CALENDAR_OVERLAY: .*none\.toml"):
        apply_overlay(tmp_path / "none.toml", calendar=calendar.load())


@pytest.mark.parametrize(
    ("module", "name"), [("services.risk", "risk"), ("services.broker_gateway.venues.paper", "paper_venue")]
)
def test_a_service_shows_the_horizon_that_its_overlay_and_the_stored_calendar_give(
    database: str, engine: Engine, redis_url: str, tmp_path: Path, module: str, name: str
) -> None:
    ensure_logins(database, [name], "s3cret")
    overlay = tmp_path / "overlay.toml"
    overlay.write_text(OVERLAY, encoding="utf-8")
    _store(engine, LATER)
    port = _free_port()
    settings = {
        "HIDDENGEM_DATABASE_URL": service_url(database, name, "s3cret"),
        "HIDDENGEM_REDIS_URL": redis_url,
        "HIDDENGEM_METRICS_PORT": str(port),
        "HIDDENGEM_VENUE_PORT": "0",
        "HIDDENGEM_CALENDAR_OVERLAY": str(overlay),
    }
    with _service(module, **settings) as process:
        assert wait_until(lambda: _get(port, "/health/ready") is not None, patience_seconds=15.0), process.poll()
        expected = (date(2027, 3, 31) - exchange_date(SystemClock().utc_now())).days
        assert _horizon(port) == expected
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


@pytest.mark.parametrize("module", ["services.risk", "services.broker_gateway.venues.paper"])
def test_a_wrong_overlay_stops_a_service_with_one_line_and_78(module: str, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.toml"
    overlay.write_text(OVERLAY.replace("2027-01-01", "2026-12-28"), encoding="utf-8")
    settings = {
        "HIDDENGEM_DATABASE_URL": "postgresql://hg@127.0.0.1:1/desk",
        "HIDDENGEM_REDIS_URL": "redis://127.0.0.1:1/0",
        "HIDDENGEM_CALENDAR_OVERLAY": str(overlay),
    }
    with _service(module, **settings) as process:
        said, _ = process.communicate(timeout=20)
    assert process.returncode == 78
    assert "HIDDENGEM_CALENDAR_OVERLAY: calendar overlay: 2026-12-28 is a session" in said
    assert said.count("\n") == 1
