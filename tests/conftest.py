"""Fixtures for every test: real servers, started on first use, one pair per test process."""

from collections.abc import Iterator

import pytest

from tests.support.servers import Servers, running_servers


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """A real PostgreSQL and a real Redis."""
    with running_servers() as pair:
        yield pair


@pytest.fixture
def database(servers: Servers) -> Iterator[str]:
    """The superuser's URL of a fresh, migrated database."""
    with servers.migrated_database() as url:
        yield url


@pytest.fixture
def redis_url(servers: Servers) -> str:
    """The URL of an empty Redis database."""
    return servers.fresh_redis()
