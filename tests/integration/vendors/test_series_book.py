"""What is stored of a series and where it came from: one behaviour in memory and in PostgreSQL."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import polars as pl
import pytest

from libs.marketdata.aggregate_continuity import DAYS, SeriesBook, Switch
from libs.marketdata.frames import KEYS, SCHEMAS
from libs.marketdata.source import Kind, Window
from libs.marketdata.tolerance import Comparison
from libs.storage.engine import Engine, transaction
from libs.storage.market_writes import Provenance, upsert
from libs.storage.vendor_series import StoredSeries
from tests.support.made_vendors import SESSIONS, MemoryBook, bars, unlocks

NOW = datetime(2024, 10, 8, 2, 0, tzinfo=UTC)
Store = Callable[[Kind, str, pl.DataFrame], None]


@pytest.fixture(params=["memory", "postgres"])
def book(request: pytest.FixtureRequest) -> tuple[SeriesBook, Store]:
    if request.param == "memory":
        memory = MemoryBook()
        return memory, memory.store
    engine: Engine = request.getfixturevalue("ingestion")

    def store(kind: Kind, source: str, frame: pl.DataFrame) -> None:
        with transaction(engine) as connection:
            upsert(connection, kind, frame, Provenance(source, synthetic=False, fetched_at=NOW))

    return StoredSeries(engine), store


def margin(days: tuple[date, ...]) -> pl.DataFrame:
    rows = {
        "session": days,
        "financing_balance": [1.5e12] * len(days),
        "lending_balance": [1e10] * len(days),
        "financing_bought": [1e11] * len(days),
        "maintenance_ratio": [None] * len(days),
        "published_at": [NOW] * len(days),
    }
    return pl.DataFrame(rows, schema_overrides={"maintenance_ratio": pl.Float64}).with_columns(
        pl.col("published_at").dt.convert_time_zone("Asia/Shanghai")
    )


def test_the_source_of_a_series_is_that_of_its_newest_row(book: tuple[SeriesBook, Store]) -> None:
    found, store = book
    store(Kind.BARS, "file", bars("600519.SH", SESSIONS[:10]))
    store(Kind.BARS, "tushare", bars("600519.SH", SESSIONS[10:12]))
    store(Kind.BARS, "akshare", bars("000001.SZ", SESSIONS[:3]))
    assert found.sources(Kind.BARS, ["600519.SH", "600000.SH"]) == {"600519.SH": "tushare"}
    assert found.sources(Kind.BARS, []) == {"600519.SH": "tushare", "000001.SZ": "akshare"}


def test_it_is_known_whose_words_the_unlocks_of_a_share_are_told_in(book: tuple[SeriesBook, Store]) -> None:
    found, store = book
    store(Kind.UNLOCKS, "tushare", unlocks("600519.SH", "首发原股东限售股份"))
    assert found.sources(Kind.UNLOCKS, ["600519.SH", "000001.SZ"]) == {"600519.SH": "tushare"}


def test_a_series_of_the_whole_market_has_one_subject(book: tuple[SeriesBook, Store]) -> None:
    found, store = book
    assert found.sources(Kind.MARGIN, ["CN_A"]) == {}
    store(Kind.MARGIN, "tushare", margin(SESSIONS[:4]))
    assert found.sources(Kind.MARGIN, ["CN_A"]) == {"CN_A": "tushare"}
    assert found.newest(Kind.MARGIN, ["CN_A"], SESSIONS[-1], 2)["session"].to_list() == list(SESSIONS[2:4])


def test_the_newest_rows_up_to_a_day_come_in_the_columns_of_their_kind(book: tuple[SeriesBook, Store]) -> None:
    found, store = book
    rows = bars("600519.SH", SESSIONS[:10])
    store(Kind.BARS, "file", rows)
    newest = found.newest(Kind.BARS, ["600519.SH"], SESSIONS[5], 3)
    assert newest.equals(rows[3:6])
    earlier = found.newest(Kind.BARS, ["600519.SH"], date(2020, 1, 2), 3)
    assert earlier["session"].to_list() == list(SESSIONS[:3])
    assert found.newest(Kind.BARS, ["000001.SZ"], SESSIONS[5], 3).is_empty()


def test_the_keys_stored_in_a_window_come_with_their_source(book: tuple[SeriesBook, Store]) -> None:
    found, store = book
    store(Kind.BARS, "file", bars("600519.SH", SESSIONS[:10]))
    inside = found.stored(Kind.BARS, ["600519.SH"], Window(SESSIONS[8], SESSIONS[20])).sort("session")
    assert inside.columns == [*KEYS[Kind.BARS], "source"]
    assert inside.rows() == [("600519.SH", day, "file") for day in SESSIONS[8:10]]


def test_a_switch_is_kept_once(book: tuple[SeriesBook, Store], request: pytest.FixtureRequest) -> None:
    found, _ = book
    compared = Comparison(5, (), {"close": 0.0001})
    switch = Switch(Kind.BARS, "600519.SH", "tushare", "akshare", date(2024, 9, 2), "HTTP 403", compared, NOW)
    found.record(switch)
    found.record(switch)
    if isinstance(found, StoredSeries):
        engine: Engine = request.getfixturevalue("ingestion")
        with transaction(engine) as connection:
            kept = connection.exec_driver_sql(
                "SELECT kind, subject, from_source, to_source, reason, rows_compared, worst FROM market.source_switches"
            ).all()
        assert [tuple(row) for row in kept] == [
            ("bars", "600519.SH", "tushare", "akshare", "HTTP 403", 5, {"close": 0.0001})
        ]


def test_every_kind_of_series_can_be_asked_for(ingestion: Engine) -> None:
    stored = StoredSeries(ingestion)
    for kind in DAYS:
        assert stored.sources(kind, []) == {}
        assert stored.newest(kind, ["600519.SH"], SESSIONS[0], 5).schema == SCHEMAS[kind]
        assert stored.stored(kind, ["600519.SH"], Window(SESSIONS[0], SESSIONS[1])).is_empty()
