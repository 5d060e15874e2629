"""A door with the technical analyst alive behind it, over a small made market."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx2
import psycopg
import pytest

from libs.bus.memory import MemoryServer
from libs.storage.api_keys import Role
from tests.integration.analysts import made_market
from tests.integration.api.desk_of_one import technical_alive
from tests.support.door import opened

LIQUOR = made_market.LIQUOR


@pytest.fixture
async def viewer(database: str) -> AsyncIterator[httpx2.AsyncClient]:
    """What a viewer's key opens."""
    made_market.fill(database)
    _add_rows(database)
    async with (
        technical_alive(MemoryServer(), database) as bus,
        opened(bus, database) as door,
        door.client(Role.VIEWER) as client,
    ):
        yield client


def _add_rows(url: str) -> None:
    """Initials, an ex-date on 2024-08-01, and quarter-hour bars of one session."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE market.instruments SET name = '贵州茅台', initials = 'GZMT', list_date = '2001-08-27' "
            "WHERE symbol = %s",
            [LIQUOR],
        )
        connection.execute(
            "UPDATE market.bars SET adj_factor = CASE WHEN session < '2024-08-01' THEN 1 ELSE 2 END WHERE symbol = %s",
            [LIQUOR],
        )
        connection.execute(
            "SELECT market.ensure_partitions('minute_bars', '2024-09-01+08', '2024-09-03+08') "
            "WHERE market.timescale_edition() = 'none'"
        )
        start = datetime(2024, 9, 2, 1, 45, tzinfo=UTC)
        for number in range(8):
            ends_at = start + timedelta(minutes=15 * number)
            connection.execute(
                "INSERT INTO market.minute_bars "
                "VALUES (%s, 15, %s, 10, 11, 9, 10.5, 1000, 10500, 'made', false, %s, %s)",
                [LIQUOR, ends_at, ends_at, ends_at],
            )
