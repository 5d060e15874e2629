"""The same migration where TimescaleDB is: against the real thing where one is given, and a stand-in for its names.

`HIDDENGEM_TEST_TIMESCALE` is the URL of a PostgreSQL with the library preloaded; a database is made there and dropped.
The Apache edition proves the hypertables. What only the Timescale edition does (compression, continuous aggregates) is
proved to be well-formed, not to work: no free distribution carries it.
"""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from libs.marketdata.source import Kind
from libs.storage.engine import make_engine, transaction
from libs.storage.market_retention import drop_older
from libs.storage.market_writes import Provenance, Written, upsert
from libs.storage.migrate import upgrade
from libs.storage.roles import ensure_logins, service_url
from tests.support.market_rows import GOOD, SHANGHAI, frame_of
from tests.support.servers import Servers

REAL = os.environ.get("HIDDENGEM_TEST_TIMESCALE")
PROVENANCE = Provenance("file", synthetic=False, fetched_at=datetime(2024, 9, 2, 16, tzinfo=SHANGHAI))
STAND_IN = Path(__file__).with_name("timescale_standin.sql")
_NAME = "hiddengem_test_timescale"


@pytest.fixture
def real() -> Iterator[str]:
    """A migrated database on a real TimescaleDB."""
    if REAL is None:
        pytest.skip("no TimescaleDB is given (HIDDENGEM_TEST_TIMESCALE)")
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(_NAME))
    with psycopg.connect(REAL, autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_NAME)))
    url = f"{REAL.rpartition('/')[0]}/{_NAME}"
    upgrade(url)
    yield url
    with psycopg.connect(REAL, autocommit=True) as connection:
        connection.execute(drop)


@pytest.fixture
def stood_in(servers: Servers, tmp_path: Path) -> Iterator[str]:
    """An empty database in which the stand-in is installed as the extension `timescaledb`."""
    folder = tmp_path / "extension"
    folder.mkdir()
    for parent in (folder, *folder.parents[:3]):
        parent.chmod(0o755)
    (folder / "timescaledb.control").write_text("default_version = '0'\n", encoding="utf-8")
    (folder / "timescaledb--0.sql").write_text(STAND_IN.read_text(encoding="utf-8"), encoding="utf-8")
    with servers.empty_database() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL("SET extension_control_path = {}").format(sql.Literal(f"{tmp_path}:$system")))
            connection.execute("CREATE EXTENSION timescaledb")
        yield url


@pytest.mark.requirement("B1")
def test_intraday_tables_are_hypertables_and_are_written_like_any_other(real: str) -> None:
    ensure_logins(real, ["ingestion"], "s3cret")
    engine = make_engine(service_url(real, "ingestion", "s3cret"))
    days = [datetime(2024, month, 28, 10, 0, tzinfo=SHANGHAI) for month in (1, 2, 3)]
    rows = [{**GOOD[Kind.TICKS], "traded_at": day, "published_at": day} for day in days]
    frame = frame_of(Kind.TICKS, *rows)
    try:
        with transaction(engine) as connection:
            assert upsert(connection, Kind.TICKS, frame, PROVENANCE) == Written(inserted=3)
            assert upsert(connection, Kind.TICKS, frame, PROVENANCE) == Written(unchanged=3)
            changed = frame_of(Kind.TICKS, {**rows[0], "volume": 7})
            assert upsert(connection, Kind.TICKS, changed, PROVENANCE) == Written(updated=1)
            minutes = frame_of(Kind.MINUTE_BARS, GOOD[Kind.MINUTE_BARS])
            assert upsert(connection, Kind.MINUTE_BARS, minutes, PROVENANCE) == Written(inserted=1)
            assert connection.execute(text("SELECT volume FROM market.minute_daily")).scalar_one() == 100
            assert drop_older(connection, Kind.TICKS, today=days[2].date(), keep_days=40) == 1
            assert connection.execute(text("SELECT min(traded_at) FROM market.ticks")).scalar_one() == days[1]
    finally:
        engine.dispose()
    with psycopg.connect(real) as connection:
        found = connection.execute(
            "SELECT hypertable_name FROM timescaledb_information.hypertables ORDER BY 1"
        ).fetchall()
        assert found == [("minute_bars",), ("ticks",)]
        assert connection.execute("SELECT market.timescale_edition()").fetchone() == ("apache",)


def test_the_apache_edition_refuses_each_feature_for_its_licence_alone(real: str) -> None:
    with psycopg.connect(real, autocommit=True) as connection:
        refused = {}
        for statement in _features(connection):
            try:
                connection.execute(statement.encode())
            except psycopg.Error as e:
                refused[statement] = e.sqlstate
        assert set(refused.values()) <= {"0A000", "42P01"}, refused
        assert list(refused.values())[:3] == ["0A000"] * 3


def test_the_extension_is_found_and_asked_for_hypertables(stood_in: str) -> None:
    upgrade(stood_in)
    with psycopg.connect(stood_in, autocommit=True) as connection:
        calls = connection.execute("SELECT call FROM timescale_calls ORDER BY number").fetchall()
        kinds = connection.execute(
            "SELECT relkind FROM pg_class WHERE oid IN ('market.ticks'::regclass, 'market.minute_bars'::regclass)"
        ).fetchall()
        assert calls == [("hypertable market.minute_bars by ends_at",), ("hypertable market.ticks by traded_at",)]
        assert kinds == [("r",), ("r",)]
        assert connection.execute("SELECT market.ensure_partitions('ticks', now(), now())").fetchone() == (0,)
        assert connection.execute("SELECT market.drop_before('ticks', '2019-01-01')").fetchone() == (1,)


@pytest.mark.requirement("B4")
def test_what_the_timescale_edition_is_asked_is_well_formed(stood_in: str) -> None:
    """Everything of the features that plain PostgreSQL can judge: grammar, names, and the aggregate's query."""
    upgrade(stood_in)
    with psycopg.connect(stood_in, autocommit=True) as connection:
        compress_bars, compress_ticks, policies, aggregate, refresh = _features(connection)
        connection.execute("DROP VIEW market.minute_daily, market.minute_days")
        for statement in (compress_bars, compress_ticks, aggregate):
            with pytest.raises(psycopg.Error, match='unrecognized parameter namespace "timescaledb"'):
                connection.execute(statement.encode())
        query = aggregate[aggregate.index("SELECT") :]
        connection.execute(f"CREATE MATERIALIZED VIEW market.minute_days AS {query}".encode())
        connection.execute(policies.encode())
        connection.execute(refresh.encode())
        said = [row[0] for row in connection.execute("SELECT call FROM timescale_calls ORDER BY number").fetchall()]
        assert said[2:] == [
            "compress market.minute_bars after 30 days",
            "compress market.ticks after 7 days",
            "refresh market.minute_days",
        ]


def _features(connection: "psycopg.Connection[tuple[object, ...]]") -> list[str]:
    row = connection.execute("SELECT market.timescale_features('public')").fetchone()
    assert row is not None
    assert isinstance(row[0], list)
    return row[0]
