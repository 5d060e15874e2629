"""Tushare and AkShare themselves as one chain, each against its own stub on loopback."""

from collections.abc import Iterator
from datetime import date
from random import Random

import pytest

from libs.ashare.calendar import CALENDAR
from libs.domain.clock import ManualClock
from libs.marketdata.aggregate import Aggregator, AllSourcesFailed
from libs.marketdata.aggregate_slices import Wanted
from libs.marketdata.akshare_provider import AkshareProvider
from libs.marketdata.guarded_gate import GateRules, GuardedGate
from libs.marketdata.provider import Provider, ProviderContext
from libs.marketdata.source import Batch, Kind, Window
from libs.marketdata.tushare_provider import TushareProvider
from libs.storage.engine import Engine
from libs.storage.vendor_breakers import StoredBreakers
from libs.storage.vendor_series import StoredSeries
from tests.integration.vendors.conftest import stored_guards
from tests.support.akshare_world import NOW, SESSIONS, World, akshare_world
from tests.support.tushare_market import tables
from tests.support.tushare_stub import Fault, TushareStub, serving

SEPTEMBER = Window(date(2024, 9, 2), date(2024, 9, 6))
DAYS = list(CALENDAR.sessions_between(SEPTEMBER.start, SEPTEMBER.end))
MOUTAI = "600519.SH"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with akshare_world() as running:
        yield running


@pytest.fixture
def tushare() -> Iterator[TushareStub]:
    with serving(TushareStub(tables([d for d in SESSIONS if d >= SEPTEMBER.start]))) as running:
        yield running


def read(world: World, tushare: TushareStub, engine: Engine, clock: ManualClock, *symbols: str) -> list[Batch]:
    gate = GuardedGate(stored_guards(engine), clock, clock.advance, rules=GateRules(hurry=100.0), random=Random(1))
    context = ProviderContext(CALENDAR.sessions, NOW, 20.0, gate)
    first = TushareProvider("a-very-secret-token", context, url=tushare.url)
    chain: list[Provider] = [first, AkshareProvider(context, worker=world.worker)]
    wanted = Wanted((Kind.BARS,), SEPTEMBER, symbols, CALENDAR.sessions)
    job = Aggregator(chain, wanted, book=StoredSeries(engine), clock=clock, gate=gate)
    try:
        return [batch for part in job.parts() for batch in job.read(part)]
    finally:
        first.close()


@pytest.mark.requirement("B6")
def test_in_good_times_the_first_vendor_gives_the_bars(world: World, tushare: TushareStub, ingestion: Engine) -> None:
    (batch,) = read(world, tushare, ingestion, ManualClock(NOW), MOUTAI)
    assert (batch.source, batch.frame["session"].to_list()) == ("tushare", DAYS)


@pytest.mark.requirement("B6", "B7")
@pytest.mark.parametrize("fault", [Fault.STATUS_403, Fault.CAPTCHA, Fault.STATUS_500, Fault.RENAMED, Fault.WRONG_UNITS])
def test_whatever_happens_to_the_first_vendor_the_second_gives_the_same_days(
    world: World, tushare: TushareStub, ingestion: Engine, fault: Fault
) -> None:
    tushare.fault = fault
    (batch,) = read(world, tushare, ingestion, ManualClock(NOW), MOUTAI)
    assert batch.source == "akshare"
    assert batch.frame["session"].to_list() == DAYS


def test_a_ban_of_the_first_vendor_is_learnt_over_jobs(world: World, tushare: TushareStub, ingestion: Engine) -> None:
    tushare.fault = Fault.STATUS_403
    clock = ManualClock(NOW)
    for symbol in (MOUTAI, "000001.SZ", MOUTAI):
        read(world, tushare, ingestion, clock, symbol)
    (standing,) = StoredBreakers(ingestion).standing(clock.utc_now())
    assert "403" in standing.cause
    asked = len(tushare.asked)
    read(world, tushare, ingestion, clock, "000001.SZ")
    assert len(tushare.asked) == asked


def test_a_symbol_neither_knows_is_named_by_both(world: World, tushare: TushareStub, ingestion: Engine) -> None:
    with pytest.raises(AllSourcesFailed, match=r"tushare: .*688999.*akshare: .*688999"):
        read(world, tushare, ingestion, ManualClock(NOW), "688999.SH")
