"""What AkShare gives fits the tables of the store, every kind of it, and the second time changes nothing."""

from collections.abc import Iterator
from datetime import date, datetime, time

import pytest

from libs.domain.clock import SHANGHAI
from libs.marketdata.provider import Ask, Grain
from libs.marketdata.source import Kind, Window
from libs.storage.engine import Engine, make_engine, transaction
from libs.storage.market_writes import Provenance, Written, upsert
from tests.support.akshare_world import SESSIONS, WINDOW, World, akshare_world

AFTER_THE_CLOSE = datetime.combine(SESSIONS[-1], time(18), tzinfo=SHANGHAI)
WINDOWS = {
    Kind.NORTHBOUND: Window(SESSIONS[0], date(2024, 9, 30)),
    Kind.CORPORATE_ACTIONS: Window(SESSIONS[0], SESSIONS[-1]),
    Kind.INSTRUMENT_HISTORY: Window(date(1990, 12, 19), SESSIONS[-1]),
    Kind.SUSPENSIONS: Window(date(2024, 9, 3), date(2024, 9, 3)),
}


@pytest.fixture
def world() -> Iterator[World]:
    with akshare_world() as running:
        yield running


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = make_engine(database)
    yield engine
    engine.dispose()


@pytest.mark.requirement("B6")
def test_every_kind_from_akshare_is_stored_and_again_changes_nothing(engine: Engine, world: World) -> None:
    provider = world.provider(now=AFTER_THE_CLOSE)
    provenance = Provenance(provider.name, synthetic=False, fetched_at=AFTER_THE_CLOSE)
    for kind, capability in provider.capabilities.items():
        symbols = ("600519.SH",) if capability.grain is Grain.SYMBOL else ()
        batch = provider.fetch(Ask(kind, WINDOWS.get(kind, WINDOW), symbols))
        assert batch.frame.height, kind
        with transaction(engine) as tx:
            assert upsert(tx, kind, batch.frame, provenance) == Written(inserted=batch.frame.height), kind
        with transaction(engine) as tx:
            assert upsert(tx, kind, batch.frame, provenance) == Written(unchanged=batch.frame.height), kind
