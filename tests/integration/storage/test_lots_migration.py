"""Holdings from before there were lots: the migration makes them of the fills, first in first out."""

from datetime import date
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from libs.storage import migrate
from libs.storage.engine import make_engine, transaction
from libs.storage.invariants_actions import ACTIONS
from tests.support.servers import Servers

FILLS = [
    ("600519.SH", "2023-06-01", "1", "BUY", 300),
    ("600519.SH", "2024-05-06", "1", "BUY", 200),
    ("600519.SH", "2024-06-03", "1", "SELL", 100),
    ("600519.SH", "2024-06-04", "1", "SELL", 250),
    ("600519.SH", "2024-06-05", "1", "BUY", 400),
    ("000001.SZ", "2024-06-03", "2", "BUY", 500),
    ("000001.SZ", "2024-06-05", "2", "SELL", 500),
]


def _upgrade_to(url: str, revision: str) -> None:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(migrate._SCRIPTS))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


@pytest.fixture
def old_database(servers: Servers) -> Any:
    with servers.empty_database() as url:
        _upgrade_to(url, "0002")
        with psycopg.connect(url) as connection:
            connection.execute(
                "INSERT INTO trading.accounts VALUES ('replay-1', 'replay', 'OPEN', 1000000, false, '2023-06-01')"
            )
            for symbol, day, trade, side, quantity in FILLS:
                connection.execute(
                    "INSERT INTO trading.fills VALUES ('replay-1', %s, %s, NULL, %s, %s, %s, 10, 0, 0, 0, false)",
                    (day, trade, symbol, side, quantity),
                )
            for symbol, quantity in (("600519.SH", 550), ("000001.SZ", 0)):
                connection.execute(
                    "INSERT INTO trading.positions (account_id, symbol, quantity, cost) VALUES ('replay-1', %s, %s, 1)",
                    (symbol, quantity),
                )
        yield url


def test_lots_and_disposals_are_made_of_the_fills_there_are(old_database: str) -> None:
    migrate.upgrade(old_database)
    with psycopg.connect(old_database) as connection:
        lots = connection.execute(
            "SELECT symbol, acquired_on, credited_on, acquired, quantity FROM trading.lots ORDER BY 1, 2"
        ).fetchall()
        taken = connection.execute(
            "SELECT symbol, trading_day, acquired_on, quantity, tax_rate FROM trading.disposals ORDER BY 1, 2, 3"
        ).fetchall()
    early, may, june = date(2023, 6, 1), date(2024, 5, 6), date(2024, 6, 5)
    assert lots == [
        ("000001.SZ", date(2024, 6, 3), date(2024, 6, 3), 500, 0),
        ("600519.SH", early, early, 300, 0),
        ("600519.SH", may, may, 200, 150),
        ("600519.SH", june, june, 400, 400),
    ]
    assert taken == [
        ("000001.SZ", date(2024, 6, 5), date(2024, 6, 3), 500, Decimal("0.20")),
        ("600519.SH", date(2024, 6, 3), early, 100, Decimal("0.00")),
        ("600519.SH", date(2024, 6, 4), early, 200, Decimal("0.00")),
        ("600519.SH", date(2024, 6, 4), may, 50, Decimal("0.20")),
    ]


def test_what_the_migration_makes_keeps_every_promise(old_database: str) -> None:
    migrate.upgrade(old_database)
    engine = make_engine(old_database)
    with transaction(engine, read_only=True) as tx:
        broken = [promise.id for promise in ACTIONS if tx.exec_driver_sql(promise.query.replace("%", "%%")).all()]
    engine.dispose()
    assert broken == []
