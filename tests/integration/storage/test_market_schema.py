"""Schema `market` after revision 0002: what was stored stays, what is impossible is refused, old months can go."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from libs.marketdata.source import Kind
from libs.runtime import binaries, postgres
from libs.storage.engine import Engine, make_engine, transaction
from libs.storage.market_retention import drop_older
from libs.storage.market_writes import Provenance, Written, upsert
from libs.storage.migrate import NewerSchema, newest_revision, revision, upgrade
from tests.integration.storage.conftest import AsService
from tests.support.market_rows import GOOD, SHANGHAI, frame_of
from tests.support.servers import Servers, running_servers

PROVENANCE = Provenance("file", synthetic=False, fetched_at=datetime(2024, 9, 2, 16, tzinfo=UTC))
OLD_ROWS = """
    INSERT INTO market.instruments VALUES
        ('600519.SH', '贵州茅台', 'main', '白酒', '2001-08-27', NULL, false, '2024-09-02', 'file', false, now());
    INSERT INTO market.documents VALUES
        (repeat('a', 64), 'news', 'Wind', '2024-09-02', '', '央行。', '宏观', 'file', false, now(), now());
    INSERT INTO market.valuations VALUES
        ('600519.SH', '2024-09-02', 21.78, 7, 10, NULL, 'file', false, now(), now());
"""


@pytest.fixture
def old_database(servers: Servers) -> Iterator[str]:
    with servers.empty_database() as url:
        upgrade(url, "0001")
        yield url


@pytest.mark.requirement("B2")
def test_a_desk_of_the_first_revision_keeps_its_rows(old_database: str) -> None:
    with psycopg.connect(old_database, autocommit=True) as connection:
        connection.execute(OLD_ROWS.encode())
        upgrade(old_database)
        upgrade(old_database)
        named = connection.execute("SELECT name, initials FROM market.instruments").fetchall()
        said = connection.execute("SELECT body, symbols, url FROM market.documents").fetchall()
        valued = connection.execute("SELECT pe_ttm, market_value FROM market.valuations").fetchall()
    assert (named, said, valued) == ([("贵州茅台", None)], [("央行。", [], None)], [(21.78, None)])
    engine = make_engine(old_database)
    try:
        assert revision(engine) == newest_revision()
    finally:
        engine.dispose()


@pytest.mark.requirement("B2")
def test_the_same_migration_runs_on_postgresql_16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_PG_HOME", "pginstall")
    monkeypatch.setattr(postgres, "_CLUSTER", ("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"))
    monkeypatch.delitem(postgres._ALWAYS, "io_method")
    with running_servers() as servers, servers.migrated_database() as url, psycopg.connect(url) as connection:
        assert connection.info.server_version // 10_000 == 16
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'market'").fetchone()
        assert tables is not None
        assert tables[0] >= len(Kind)


@pytest.mark.parametrize("kind", [Kind.TICKS, Kind.STATEMENTS, Kind.DOCUMENTS])
def test_ingestion_writes_analysts_read_and_nobody_else_may(as_service: AsService, kind: Kind) -> None:
    frame = frame_of(kind, GOOD[kind])
    with transaction(as_service("ingestion")) as connection:
        assert upsert(connection, kind, frame, PROVENANCE) == Written(inserted=1)
    with transaction(as_service("technical")) as connection:
        assert connection.execute(text(f"SELECT count(*) FROM market.{kind.value}")).scalar_one() == 1
    with pytest.raises(ProgrammingError, match="permission denied"), transaction(as_service("technical")) as connection:
        connection.execute(text(f"DELETE FROM market.{kind.value}"))


def test_only_ingestion_makes_and_drops_partitions(as_service: AsService) -> None:
    for call in ("ensure_partitions('ticks', now(), now())", "drop_before('ticks', '2019-01-01')"):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            transaction(as_service("technical")) as connection,
        ):
            connection.execute(text(f"SELECT market.{call}"))


def test_a_partition_is_a_month_of_shanghai_and_is_made_once(owner: Engine) -> None:
    ensure = text("SELECT market.ensure_partitions('ticks', CAST(:first AS timestamptz), CAST(:last AS timestamptz))")
    month = {"first": "2024-01-31 16:00+00", "last": "2024-03-31 15:59:59+00"}
    with transaction(owner) as connection:
        assert connection.execute(ensure, month).scalar_one() == 2
        assert connection.execute(ensure, month).scalar_one() == 0
        names = connection.execute(text("SELECT inhrelid::regclass::text FROM pg_inherits ORDER BY 1")).scalars().all()
    assert [name for name in names if "pkey" not in name] == ["market.ticks_202402", "market.ticks_202403"]


def test_who_waited_for_the_maker_of_a_partition_finds_it_made(owner: Engine) -> None:
    ensure = text("SELECT market.ensure_partitions('ticks', '2024-02-01 02:00+00', '2024-03-01 02:00+00')")
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    with owner.connect() as first, owner.connect() as second, ThreadPoolExecutor(1) as thread:
        assert first.execute(ensure).scalar_one() == 2
        late = thread.submit(lambda: second.execute(ensure).scalar_one())
        while not first.execute(waiting).scalar_one():
            assert not late.done()
        first.commit()
        assert late.result(timeout=20) == 0


@pytest.mark.requirement("B4")
def test_old_months_are_dropped_whole_and_the_month_of_the_day_stays(owner: Engine) -> None:
    days = [datetime(2024, month, 28, 10, 0, tzinfo=SHANGHAI) for month in (1, 2, 3)]
    rows = [{**GOOD[Kind.TICKS], "traded_at": day, "published_at": day} for day in days]
    with transaction(owner) as connection:
        upsert(connection, Kind.TICKS, frame_of(Kind.TICKS, *rows), PROVENANCE)
        assert drop_older(connection, Kind.TICKS, today=datetime(2024, 5, 1, tzinfo=SHANGHAI).date(), keep_days=90) == 1
        left = connection.execute(text("SELECT traded_at FROM market.ticks ORDER BY 1")).scalars().all()
        assert left == days[1:]
        upsert(connection, Kind.TICKS, frame_of(Kind.TICKS, *rows), PROVENANCE)
        assert connection.execute(text("SELECT count(*) FROM market.ticks")).scalar_one() == 3


def test_what_is_kept_for_ever_cannot_be_dropped(owner: Engine) -> None:
    day = datetime(2024, 5, 1, tzinfo=SHANGHAI).date()
    with transaction(owner) as connection, pytest.raises(ValueError, match="bars are kept for ever"):
        drop_older(connection, Kind.BARS, today=day, keep_days=60)
    with transaction(owner) as connection, pytest.raises(ValueError, match="at least 30 days"):
        drop_older(connection, Kind.TICKS, today=day, keep_days=29)


def test_daily_bars_can_be_made_of_intraday_ones(owner: Engine) -> None:
    row = GOOD[Kind.MINUTE_BARS]
    prices = [(10.0, 10.5, 9.9, 10.2), (10.2, 10.3, 10.1, 10.1), (10.1, 11.0, 10.0, 10.9)]
    rows = [
        {**row, "ends_at": row["ends_at"].replace(minute=45 + n), "open": o, "high": h, "low": low, "close": c}
        for n, (o, h, low, c) in enumerate(prices)
    ]
    with transaction(owner) as connection:
        upsert(connection, Kind.MINUTE_BARS, frame_of(Kind.MINUTE_BARS, *rows), PROVENANCE)
        prices_of_the_day = "open::float, high::float, low::float, close::float"
        query = f"SELECT session::text, {prices_of_the_day}, volume, bars FROM market.minute_daily"
        assert tuple(connection.execute(text(query)).one()) == ("2024-08-16", 10.0, 11.0, 9.9, 10.9, 300, 3)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Kind.MINUTE_BARS, {"high": 9.0}),
        (Kind.LIMIT_PRICES, {"limit_up": None}),
        (Kind.STATEMENTS, {"announced_on": GOOD[Kind.STATEMENTS]["period"].replace(day=1)}),
        (Kind.CORPORATE_ACTIONS, {"cash_per_share": 0.0}),
        (Kind.INSTRUMENT_HISTORY, {"value": "XST"}),
        (Kind.PLEDGES, {"pledged_ratio": 20.0}),
    ],
)
def test_the_tables_themselves_refuse_what_cannot_be(owner: Engine, kind: Kind, wrong: dict[str, object]) -> None:
    with transaction(owner) as connection:
        upsert(connection, kind, frame_of(kind, GOOD[kind]), PROVENANCE)
        damage = text(f"UPDATE market.{kind.value} SET {', '.join(f'{name} = :{name}' for name in wrong)}")
        with pytest.raises(IntegrityError, match="check constraint"):
            connection.execute(damage, wrong)


def test_a_database_of_a_newer_version_is_left_as_it_is(servers: Servers) -> None:
    with servers.migrated_database() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(NewerSchema, match="revision 9999, which this version does not know"):
            upgrade(url)
