"""One rich market for all tests here; each looks at it through a transaction that is rolled back."""

from collections.abc import Iterator

import pytest

from libs.storage.engine import Engine, make_engine
from tests.integration.lookahead import rich_market
from tests.support.servers import Servers


@pytest.fixture(scope="session")
def engine(servers: Servers) -> Iterator[Engine]:
    with servers.migrated_database() as url:
        rich_market.fill(url)
        found = make_engine(url, pool_size=1)
        yield found
        found.dispose()
