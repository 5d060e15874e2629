"""The chain of vendors under fault, as a sync job runs it: gate, breakers, cache and book in PostgreSQL."""

import signal
import subprocess
import sys
from datetime import date, time
from pathlib import Path
from random import Random

import pytest

from libs.domain.clock import ManualClock, at_shanghai
from libs.marketdata.aggregate import Aggregator
from libs.marketdata.aggregate_slices import Wanted
from libs.marketdata.findings import Canary, CanaryOutcome, CrossCheck, Disagreement
from libs.marketdata.guarded_gate import GateRules, GuardedGate, HostPace
from libs.marketdata.retry import Backoff
from libs.marketdata.source import (
    Batch,
    Kind,
    SchemaDrift,
    SourceBanned,
    SourceError,
    SourceLimited,
    SourceTimeout,
    Window,
)
from libs.storage.engine import Engine, transaction
from libs.storage.market_writes import Provenance, upsert
from libs.storage.vendor_health import canaries, feed_health, keep_canary, keep_check
from libs.storage.vendor_series import StoredSeries
from tests.integration.vendors.conftest import stored_guards
from tests.support.made_vendors import SESSIONS, SYMBOLS, MadeVendor, bars

ROOT = Path(__file__).resolve().parents[3]
SEPTEMBER = Window(date(2024, 9, 2), date(2024, 9, 30))
RULES = GateRules(other_hosts=HostPace(6000, 100), backoff=Backoff(attempts=3))


class Desk:
    """One sync job after the other over the same database; time passes only when told to."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.clock = ManualClock(at_shanghai(date(2024, 10, 8), time(20)))

    def job(self, *vendors: MadeVendor) -> Aggregator:
        """A new job with a gate of its own, as a new process has."""
        gate = GuardedGate(stored_guards(self.engine), self.clock, self.clock.advance, rules=RULES, random=Random(3))
        for vendor in vendors:
            vendor.gate = gate
        wanted = Wanted((Kind.BARS,), SEPTEMBER, SYMBOLS, SESSIONS)
        return Aggregator(vendors, wanted, book=StoredSeries(self.engine), clock=self.clock, gate=gate)

    def sync(self, *vendors: MadeVendor) -> tuple[dict[str, str | None], dict[str, str]]:
        """Store what a job gives; the source of each part, and the failures."""
        job, served, failed = self.job(*vendors), dict[str, str | None](), dict[str, str]()
        for part in job.parts():
            symbol = part.name.split("/")[1]
            try:
                batches = job.read(part)
            except SourceError as e:
                failed[symbol] = str(e)
                continue
            self.store(*batches)
            served[symbol] = batches[0].source
        return served, failed

    def store(self, *batches: Batch) -> None:
        with transaction(self.engine) as connection:
            for batch in batches:
                provenance = Provenance(batch.source or "", synthetic=False, fetched_at=self.clock.utc_now())
                upsert(connection, batch.kind, batch.frame, provenance)

    def troubles(self) -> list[tuple[str, str, str]]:
        with transaction(self.engine) as connection:
            health = feed_health(connection, self.clock.utc_now())
        assert health.status == ("degraded" if health.troubles else "ok")
        return [(t.what, t.name, t.cause) for t in health.troubles if t.what != "series"]


@pytest.fixture
def desk(ingestion: Engine) -> Desk:
    return Desk(ingestion)


def banned() -> MadeVendor:
    return MadeVendor("first", trouble=lambda _ask: SourceBanned("HTTP 403: 验证码"))


@pytest.mark.requirement("B6", "B7")
def test_a_ban_opens_the_breaker_the_next_vendor_answers_and_health_says_why(desk: Desk) -> None:
    first, second = banned(), MadeVendor("second")
    served, failed = desk.sync(first, second)
    assert (served, failed) == (dict.fromkeys(SYMBOLS, "second"), {})
    assert first.calls == 3
    ((what, name, cause),) = desk.troubles()
    assert (what, name) == ("breaker", "host:first.example")
    assert cause.startswith("open until 2024-10-08")
    assert cause.endswith("HTTP 403: 验证码")


def test_the_next_job_does_not_even_ask_a_host_that_is_left_alone(desk: Desk) -> None:
    desk.sync(banned(), MadeVendor("second"))
    again = banned()
    desk.sync(again, MadeVendor("third"))
    assert again.calls == 0


def test_after_the_ban_one_probe_brings_the_host_back(desk: Desk) -> None:
    desk.sync(banned(), MadeVendor("second"))
    desk.clock.advance(301)
    well = MadeVendor("first")
    served, _ = desk.sync(well)
    assert set(served.values()) == {"first"}
    assert desk.troubles() == []


@pytest.mark.requirement("B7")
def test_a_storm_of_429_does_not_crash_the_job_and_the_next_vendor_serves(desk: Desk) -> None:
    first = MadeVendor("first", trouble=lambda _ask: SourceLimited("HTTP 429", retry_after_seconds=30))
    began = desk.clock.monotonic()
    served, failed = desk.sync(first, MadeVendor("second"))
    assert (set(served.values()), failed) == ({"second"}, {})
    assert desk.clock.monotonic() - began >= 30 * (first.calls - 1) - 1


def test_one_429_is_waited_out_and_the_first_vendor_serves_after_all(desk: Desk) -> None:
    limits = [SourceLimited("HTTP 429", retry_after_seconds=30)]
    served, _ = desk.sync(MadeVendor("first", trouble=lambda _ask: limits.pop() if limits else None))
    assert set(served.values()) == {"first"}


def test_a_second_job_over_the_same_sessions_asks_nobody(desk: Desk) -> None:
    desk.sync(MadeVendor("first"))
    again = MadeVendor("first")
    served, _ = desk.sync(again)
    assert (again.calls, set(served.values())) == (0, {"first"})


def test_an_answer_whose_shape_has_drifted_is_not_kept_and_the_next_vendor_serves(desk: Desk) -> None:
    first = MadeVendor("first", trouble_after_the_gate=lambda _ask: SchemaDrift("the column 收盘 is missing"))
    served, _ = desk.sync(first, MadeVendor("second"))
    assert set(served.values()) == {"second"}
    assert desk.troubles() == []
    with transaction(desk.engine) as connection:
        kept = connection.exec_driver_sql("SELECT DISTINCT vendor FROM market.vendor_cache").scalars().all()
    assert kept == ["second"]


def test_a_series_is_not_continued_by_a_vendor_that_tells_another_story(desk: Desk) -> None:
    august = [day for day in SESSIONS if day < SEPTEMBER.start]
    desk.store(*(Batch(Kind.BARS, bars(s, august), "made", rows_read=1, source="first") for s in SYMBOLS))
    served, failed = desk.sync(banned(), MadeVendor("second", off=0.02))
    assert served == {}
    assert set(failed) == set(SYMBOLS)
    assert "first: HTTP 403: 验证码" in failed["600519.SH"]
    assert "the series stays with first" in failed["600519.SH"]


def test_a_switch_of_source_is_a_row_with_its_reason(desk: Desk) -> None:
    august = [day for day in SESSIONS if day < SEPTEMBER.start]
    desk.store(*(Batch(Kind.BARS, bars(s, august), "made", rows_read=1, source="first") for s in SYMBOLS))
    desk.sync(banned(), MadeVendor("second"))
    with transaction(desk.engine) as connection:
        rows = connection.exec_driver_sql(
            "SELECT subject, from_source, to_source, first_day, reason FROM market.source_switches ORDER BY subject"
        ).all()
    assert [tuple(row) for row in rows] == [
        (s, "first", "second", date(2024, 9, 2), "HTTP 403: 验证码") for s in SYMBOLS
    ]


def test_when_everybody_fails_nothing_is_stored_and_each_is_named(desk: Desk) -> None:
    second = MadeVendor("second", trouble=lambda _ask: SourceTimeout("no answer within 20 s"))
    served, failed = desk.sync(banned(), second)
    assert served == {}
    assert "first: " in failed["600519.SH"]
    assert "second: " in failed["600519.SH"]
    with transaction(desk.engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM market.bars").scalar_one() == 0


def test_a_symbol_nobody_knows_leaves_the_others_stored(desk: Desk) -> None:
    one = MadeVendor("first", listed=SYMBOLS[:2])
    served, failed = desk.sync(one)
    assert served == dict.fromkeys(SYMBOLS[:2], "first")
    assert "first knows no 600519.SH" in failed["600519.SH"]


def test_a_job_killed_half_way_leaves_its_answers_to_the_next_one(ingestion_url: str, desk: Desk) -> None:
    arguments = [sys.executable, "-m", "tests.integration.vendors.killed_job", ingestion_url]
    killed = subprocess.run(arguments, cwd=ROOT, check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    again = MadeVendor("first")
    served, failed = desk.sync(again)
    assert (set(served.values()), failed) == ({"first"}, {})
    assert again.calls == 1, "two of three answers were kept before the kill"


def test_canaries_and_cross_checks_that_go_wrong_show_in_health(desk: Desk) -> None:
    now = desk.clock.utc_now()
    bad = Canary("first", Kind.BARS, "daily", CanaryOutcome.FAILED, "marketdata.schema_drift", "renamed", 0.2, now)
    well = Canary("first", Kind.MARGIN, "margin", CanaryOutcome.OK, "", "", 0.1, now)
    differs = (Disagreement("600519.SH 2024-09-02", "close", 1.0, 2.0),)
    check = CrossCheck(Kind.BARS, "first", "second", SYMBOLS, 15, differs, {"close": 0.5}, {}, now)
    with transaction(desk.engine) as connection:
        for canary in (bad, well):
            keep_canary(connection, canary)
        keep_check(connection, check)
        assert canaries(connection) == [bad, well]
    assert desk.troubles() == [
        ("canary", "first daily", "marketdata.schema_drift: renamed"),
        ("tolerance", "bars: first, second", "1 differences in 15 rows"),
    ]
    with transaction(desk.engine) as connection:
        keep_canary(connection, Canary("first", Kind.BARS, "daily", CanaryOutcome.OK, "", "", 0.2, now))
    assert [what for what, _, _ in desk.troubles()] == ["tolerance"]


def test_usage_tells_calls_hits_waits_and_retries_of_every_endpoint(desk: Desk) -> None:
    troubles: list[SourceError] = [SourceTimeout("20 s")]
    job = desk.job(MadeVendor("first", trouble=lambda _ask: troubles.pop() if troubles else None))
    for part in (*job.parts(), job.parts()[0]):
        job.read(part)
    used = job.usage()["first", "bars_of"]
    assert (used.calls, used.cache_hits, used.retries, used.failures) == (4, 1, 1, 1)
