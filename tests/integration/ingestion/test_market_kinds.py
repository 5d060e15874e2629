"""Every kind of row goes into its table and comes out as it went in."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from libs.marketdata.frames import SCHEMAS
from libs.marketdata.source import Kind
from libs.storage.engine import Engine, make_engine, transaction
from libs.storage.market_writes import Provenance, Unstorable, Written, upsert
from tests.support.market_rows import DAY, GOOD, MORNING, SHANGHAI, frame_of

PROVENANCE = Provenance("file", synthetic=False, fetched_at=datetime(2024, 9, 2, 16, tzinfo=SHANGHAI))
CHANGES: dict[Kind, dict[str, Any]] = {
    Kind.INSTRUMENTS: {"industry": "白酒"},
    Kind.INSTRUMENT_HISTORY: {"reason": "被出具非标意见"},
    Kind.BARS: {"turnover_rate": 0.01},
    Kind.MINUTE_BARS: {"amount": 999.5},
    Kind.TICKS: {"side": "neutral"},
    Kind.INDEX_BARS: {"amount": 1.0},
    Kind.VALUATIONS: {"market_value": 1.75e12},
    Kind.STATEMENTS: {"value": -2.5},
    Kind.CORPORATE_ACTIONS: {"bonus_per_share": 0.12345678},
    Kind.MARGIN: {"maintenance_ratio": 2.5},
    Kind.NORTHBOUND: {"turnover": 1e11},
    Kind.SECTOR_FLOWS: {"change": -0.01},
    Kind.PLEDGES: {"contracts": 12},
    Kind.UNLOCKS: {"ratio": None},
    Kind.GOODWILL: {"impairment": -3e8},
    Kind.SUSPENSIONS: {"reason": "重大事项"},
    Kind.LIMIT_PRICES: {"limit_up": 12.0},
    Kind.DOCUMENTS: {"symbols": []},
}


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = make_engine(database)
    yield engine
    engine.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with transaction(engine) as open_connection:
        yield open_connection


def stored(connection: Connection, kind: Kind) -> list[dict[str, Any]]:
    names = ", ".join(SCHEMAS[kind])
    rows = connection.execute(text(f"SELECT {names} FROM market.{kind.value}")).mappings().all()
    return [{name: float(v) if isinstance(v, Decimal) else v for name, v in row.items()} for row in rows]


@pytest.mark.parametrize("kind", GOOD)
def test_a_row_arrives_as_it_was_and_is_written_once(connection: Connection, kind: Kind) -> None:
    frame = frame_of(kind, GOOD[kind])
    assert upsert(connection, kind, frame, PROVENANCE) == Written(inserted=1)
    assert stored(connection, kind) == frame.rows(named=True)
    assert upsert(connection, kind, frame, PROVENANCE) == Written(unchanged=1)
    if kind in CHANGES:
        changed = frame_of(kind, GOOD[kind] | CHANGES[kind])
        assert upsert(connection, kind, changed, PROVENANCE) == Written(updated=1)
        assert stored(connection, kind) == changed.rows(named=True)


def test_every_kind_was_tried() -> None:
    assert set(GOOD) == set(Kind)
    assert set(CHANGES) == set(Kind) - {Kind.CALENDAR}


_MAYBE_FLOAT = st.none() | st.floats(-1e6, 1e6, width=32)
_VALUATION = st.fixed_dictionaries(
    {
        "pe_ttm": _MAYBE_FLOAT,
        "pb_mrq": _MAYBE_FLOAT,
        "total_shares": st.none() | st.integers(1, 10**12),
        "market_value": st.none() | st.integers(1, 10**14).map(lambda fen: fen / 100),
    }
)


@pytest.mark.requirement("B8")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(_VALUATION, min_size=1, max_size=40), again=st.lists(_VALUATION, min_size=1, max_size=40))
def test_nulls_in_any_places_arrive_and_only_rows_that_differ_are_written(
    engine: Engine, rows: list[dict[str, Any]], again: list[dict[str, Any]]
) -> None:
    first, second = (
        frame_of(
            Kind.VALUATIONS, *({**GOOD[Kind.VALUATIONS], "session": DAY + timedelta(n), **r} for n, r in enumerate(x))
        )
        for x in (rows, again)
    )
    with transaction(engine) as connection:
        connection.execute(text("DELETE FROM market.valuations"))
        assert upsert(connection, Kind.VALUATIONS, first, PROVENANCE) == Written(inserted=first.height)
        written = upsert(connection, Kind.VALUATIONS, second, PROVENANCE)
        kept = {row["session"]: row for row in stored(connection, Kind.VALUATIONS)}
    shared = min(first.height, second.height)
    differing = sum(a != b for a, b in zip(first.rows(), second.rows(), strict=False))
    assert written == Written(max(0, second.height - first.height), differing, shared - differing)
    expected = {row["session"]: row for row in (*first.rows(named=True), *second.rows(named=True))}
    assert kept == expected


def test_a_list_of_an_earlier_day_replaces_nothing_and_adds_what_is_missing(connection: Connection) -> None:
    share = GOOD[Kind.INSTRUMENTS]
    upsert(connection, Kind.INSTRUMENTS, frame_of(Kind.INSTRUMENTS, share), PROVENANCE)
    older = {**share, "name": "茅台", "as_of": DAY - timedelta(days=1)}
    frame = frame_of(Kind.INSTRUMENTS, older, {**older, "symbol": "600001.SH"})
    assert upsert(connection, Kind.INSTRUMENTS, frame, PROVENANCE) == Written(inserted=1, unchanged=1)
    later = frame_of(Kind.INSTRUMENTS, {**older, "as_of": DAY + timedelta(days=1)})
    assert upsert(connection, Kind.INSTRUMENTS, later, PROVENANCE) == Written(updated=1)


def test_intraday_rows_of_several_months_find_their_partitions(connection: Connection) -> None:
    days = [datetime(2019, month, 1, 10, 0, tzinfo=SHANGHAI) for month in (1, 2, 12)]
    rows = [{**GOOD[Kind.TICKS], "traded_at": day, "published_at": day} for day in days]
    frame = frame_of(Kind.TICKS, *rows)
    assert upsert(connection, Kind.TICKS, frame, PROVENANCE) == Written(inserted=3)
    later = frame_of(Kind.TICKS, *rows, {**rows[1], "sequence": 2}, {**rows[2], "volume": 7})
    assert upsert(connection, Kind.TICKS, later[:4], PROVENANCE) == Written(inserted=1, unchanged=3)
    assert upsert(connection, Kind.TICKS, later[4:], PROVENANCE) == Written(updated=1)


def test_net_purchases_after_the_exchanges_ended_them_cannot_be_stored(connection: Connection) -> None:
    row = {**GOOD[Kind.NORTHBOUND], "session": date(2024, 8, 19)}
    with pytest.raises(Unstorable, match="northbound_net_buy_ended"):
        upsert(connection, Kind.NORTHBOUND, frame_of(Kind.NORTHBOUND, row), PROVENANCE)


def test_a_name_that_is_no_symbol_is_not_cut_to_fit(connection: Connection) -> None:
    frame = frame_of(Kind.SUSPENSIONS, {**GOOD[Kind.SUSPENSIONS], "symbol": "600519.SHX"})
    with pytest.raises(Unstorable, match="symbol has values that are no symbols"):
        upsert(connection, Kind.SUSPENSIONS, frame, PROVENANCE)


def test_new_sessions_beside_stored_ones_are_copied_and_an_earlier_factor_stays(connection: Connection) -> None:
    days = [date(2024, 8, 15), date(2024, 8, 16), date(2024, 8, 19)]
    rows = [{**GOOD[Kind.BARS], "session": day, "published_at": MORNING} for day in days]
    assert upsert(connection, Kind.BARS, frame_of(Kind.BARS, *rows[:2]), PROVENANCE) == Written(inserted=2)
    assert upsert(connection, Kind.BARS, frame_of(Kind.BARS, rows[2]), PROVENANCE) == Written(inserted=1)
    nameless = frame_of(Kind.BARS, {**rows[0], "adj_factor": None})
    assert upsert(connection, Kind.BARS, nameless, PROVENANCE) == Written(unchanged=1)
    provenance = connection.execute(text("SELECT DISTINCT source, synthetic, fetched_at FROM market.bars")).one()
    assert tuple(provenance) == ("file", False, PROVENANCE.fetched_at)


def test_the_writers_of_one_table_take_turns(engine: Engine) -> None:
    frame: pl.DataFrame = frame_of(Kind.BARS, GOOD[Kind.BARS])
    with engine.connect() as first, engine.connect() as second:
        first.begin()
        upsert(first, Kind.BARS, frame, PROVENANCE)
        lock = "SELECT pg_try_advisory_xact_lock(hashtextextended('market.bars', 0))"
        with second.begin():
            assert second.execute(text(lock)).scalar_one() is False
        first.commit()
        with second.begin():
            assert upsert(second, Kind.BARS, frame, PROVENANCE) == Written(unchanged=1)


def test_writers_of_bars_and_of_trades_never_wait_for_each_other(engine: Engine) -> None:
    bar_, trade = (frame_of(kind, GOOD[kind]) for kind in (Kind.MINUTE_BARS, Kind.TICKS))
    with engine.connect() as first, engine.connect() as second, first.begin(), second.begin():
        for connection in (first, second):
            connection.execute(text("SET LOCAL statement_timeout = '2s'"))
        assert upsert(first, Kind.MINUTE_BARS, bar_, PROVENANCE) == Written(inserted=1)
        assert upsert(second, Kind.TICKS, trade, PROVENANCE) == Written(inserted=1)


def test_a_writer_waits_longer_for_its_turn_than_for_any_other_lock(engine: Engine) -> None:
    frame = frame_of(Kind.BARS, GOOD[Kind.BARS])
    with engine.connect() as first, engine.connect() as second:
        first.begin()
        upsert(first, Kind.BARS, frame, PROVENANCE)
        with second.begin(), ThreadPoolExecutor(1) as waiting:
            second.execute(text("SET LOCAL lock_timeout = '1ms'"))
            turn = waiting.submit(upsert, second, Kind.BARS, frame, PROVENANCE)
            until_waiting(first)
            first.commit()
            assert turn.result(timeout=20) == Written(unchanged=1)
            assert second.execute(text("SHOW lock_timeout")).scalar_one() == "1ms"


def until_waiting(connection: Connection) -> None:
    """Come back once somebody stands in a queue for an advisory lock."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    for _ in range(10_000):
        if connection.execute(waiting).scalar_one():
            return
    pytest.fail("nobody waits")
