"""Every kind that Tushare and Baostock give fits its table, and the second time changes nothing."""

from collections.abc import Iterator
from datetime import date, datetime

import pytest

from libs.ashare.calendar import CALENDAR
from libs.domain.clock import SHANGHAI
from libs.marketdata.baostock_provider import BaostockProvider
from libs.marketdata.gate import OpenGate
from libs.marketdata.provider import Ask, Grain, Provider, ProviderContext
from libs.marketdata.source import Kind, Window
from libs.marketdata.tushare_provider import TushareProvider
from libs.storage.engine import Engine, make_engine, transaction
from libs.storage.market_writes import Provenance, Written, upsert
from tests.support import baostock_market, baostock_stub, tushare_market, tushare_stub

SESSIONS = CALENDAR.sessions_between(date(2024, 9, 2), date(2024, 9, 30))
NOW = datetime(2025, 6, 2, 18, 0, tzinfo=SHANGHAI)
CONTEXT = ProviderContext(CALENDAR.sessions, NOW, 10, OpenGate())
WINDOWS = {
    Kind.STATEMENTS: Window(date(2024, 8, 1), date(2024, 12, 31)),
    Kind.GOODWILL: Window(date(2024, 8, 1), date(2024, 12, 31)),
    Kind.NORTHBOUND: Window(date(2024, 8, 16), date(2024, 8, 16)),
    Kind.DOCUMENTS: Window(SESSIONS[0], SESSIONS[0]),
    Kind.SECTOR_FLOWS: Window(SESSIONS[0], SESSIONS[0]),
}
SUBJECTS = {Kind.INDEX_BARS: ("000300.SH",), Kind.LIMIT_PRICES: ("000001.SZ",)}


@pytest.fixture
def tushare() -> Iterator[TushareProvider]:
    tables = tushare_market.tables(SESSIONS)
    tables["moneyflow_hsgt"] = [{"trade_date": "20240816", "hgt": "10.0", "sgt": "20.0", "north_money": "30.0"}]
    with tushare_stub.serving(tushare_stub.TushareStub(tables)) as stub:
        provider = TushareProvider("a-token", CONTEXT, url=stub.url)
        yield provider
        provider.close()


@pytest.fixture
def baostock() -> Iterator[BaostockProvider]:
    with baostock_stub.serving(baostock_stub.BaostockStub(baostock_market.tables(SESSIONS))) as stub:
        provider = BaostockProvider(CONTEXT, address=stub.address)
        yield provider
        provider.close()


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = make_engine(database)
    yield engine
    engine.dispose()


def store_everything(engine: Engine, provider: Provider) -> None:
    provenance = Provenance(provider.name, synthetic=False, fetched_at=NOW)
    for kind, capability in provider.capabilities.items():
        symbols = ("600519.SH",) if capability.grain is Grain.SYMBOL else ()
        ask = Ask(kind, WINDOWS.get(kind, Window(SESSIONS[0], SESSIONS[9])), SUBJECTS.get(kind, symbols))
        batch = provider.fetch(ask)
        assert batch.frame.height, kind
        with transaction(engine) as tx:
            assert upsert(tx, kind, batch.frame, provenance) == Written(inserted=batch.frame.height), kind
        with transaction(engine) as tx:
            assert upsert(tx, kind, batch.frame, provenance) == Written(unchanged=batch.frame.height), kind


def test_every_kind_from_tushare_is_stored_and_again_changes_nothing(engine: Engine, tushare: TushareProvider) -> None:
    store_everything(engine, tushare)


def test_every_kind_from_baostock_is_stored_and_again_changes_nothing(
    engine: Engine, baostock: BaostockProvider
) -> None:
    store_everything(engine, baostock)
