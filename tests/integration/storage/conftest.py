"""Engines on a fresh, migrated database: the owner's, and one for each service's own role."""

from collections.abc import Callable, Iterator

import pytest

from libs.storage.engine import Engine, make_engine
from libs.storage.roles import ensure_logins, service_url

AsService = Callable[[str], Engine]


@pytest.fixture
def owner(database: str) -> Iterator[Engine]:
    engine = make_engine(database)
    yield engine
    engine.dispose()


@pytest.fixture
def as_service(database: str) -> Iterator[AsService]:
    engines: list[Engine] = []

    def connect(service: str) -> Engine:
        ensure_logins(database, [service], "s3cret")
        engines.append(make_engine(service_url(database, service, "s3cret")))
        return engines[-1]

    yield connect
    for engine in engines:
        engine.dispose()
