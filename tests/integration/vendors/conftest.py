"""What all processes share about vendors, in memory and in PostgreSQL: the same tests run against both."""

from collections.abc import Iterator
from random import Random

import pytest

from libs.marketdata.breaker import BreakerRules, MemoryBreakers
from libs.marketdata.guarded_gate import Guards
from libs.marketdata.quota import MemoryQuota
from libs.marketdata.vendor_cache import MemoryCache
from libs.storage.engine import Engine, make_engine
from libs.storage.roles import ensure_logins, service_url
from libs.storage.vendor_answers import StoredCache
from libs.storage.vendor_breakers import StoredBreakers
from libs.storage.vendor_buckets import StoredQuota

RULES = BreakerRules(jitter=0.0)


@pytest.fixture
def ingestion_url(database: str) -> str:
    """The database as the service sees it, with its own role and no more rights than that."""
    ensure_logins(database, ["ingestion"], "s3cret")
    return service_url(database, "ingestion", "s3cret")


@pytest.fixture
def ingestion(ingestion_url: str) -> Iterator[Engine]:
    engine = make_engine(ingestion_url)
    yield engine
    engine.dispose()


@pytest.fixture(params=["memory", "postgres"])
def guards(request: pytest.FixtureRequest) -> Guards:
    if request.param == "memory":
        return Guards(MemoryQuota(), MemoryBreakers(RULES, Random(1)), MemoryCache())
    return stored_guards(request.getfixturevalue("ingestion"))


def stored_guards(engine: Engine) -> Guards:
    """What a process of the desk works with."""
    return Guards(StoredQuota(engine), StoredBreakers(engine, RULES, Random(1)), StoredCache(engine))
