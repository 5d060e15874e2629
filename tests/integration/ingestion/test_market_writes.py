"""Upserts into a real PostgreSQL: exact values, and no write for what is there already."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest
from sqlalchemy import Connection, text

from libs.marketdata.frames import SCHEMAS
from libs.marketdata.source import Kind
from libs.storage.engine import make_engine, transaction
from libs.storage.factors import derive_factors
from libs.storage.market_writes import Provenance, Unstorable, Written, upsert
from tests.support.market_rows import GOOD, frame_of

FETCHED = datetime(2024, 9, 2, 8, 0, tzinfo=UTC)
PROVENANCE = Provenance("file", synthetic=False, fetched_at=FETCHED)
PUBLIC = datetime(2024, 9, 2, 7, 30, tzinfo=UTC)


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    engine = make_engine(database)
    with transaction(engine) as open_connection:
        yield open_connection
    engine.dispose()


def bar(session: date, close: float, **changes: object) -> dict[str, object]:
    row: dict[str, object] = {
        "symbol": "600519.SH",
        "session": session,
        "open": close,
        "high": 99_999_999.0,
        "low": 0.01,
        "close": close,
        "pre_close": close,
        "volume": 9_000_000_000,
        "amount": 90_037_647_343.97,
        "adj_factor": 1.5,
        "turnover_rate": None,
        "suspended": False,
        "special_treatment": True,
        "published_at": PUBLIC,
    }
    return row | changes


def bars(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SCHEMAS[Kind.BARS], orient="row")


def document(document_id: str, **changes: object) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(SCHEMAS[Kind.DOCUMENTS])
    said = {"kind": "news", "outlet": "Wind", "session_date": DAY_1, "title": "", "published_at": PUBLIC, "symbols": []}
    return row | said | {"document_id": document_id} | changes


def documents(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SCHEMAS[Kind.DOCUMENTS], orient="row")


DAY_1, DAY_2, DAY_3 = date(2024, 9, 2), date(2024, 9, 3), date(2024, 9, 4)


def test_values_arrive_exactly(connection: Connection) -> None:
    upsert(connection, Kind.BARS, bars(bar(DAY_1, 1443.19)), PROVENANCE)
    row = connection.execute(text("SELECT * FROM market.bars")).mappings().one()
    assert (row["close"], row["high"], row["low"]) == (Decimal("1443.19"), Decimal(99_999_999), Decimal("0.01"))
    assert (row["volume"], row["amount"]) == (9_000_000_000, Decimal("90037647343.97"))
    assert (row["adj_factor"], row["turnover_rate"]) == (1.5, None)
    assert (row["suspended"], row["special_treatment"], row["synthetic"]) == (False, True, False)
    assert (row["session"], row["published_at"], row["fetched_at"]) == (DAY_1, PUBLIC, FETCHED)


def test_rows_that_are_there_already_are_not_written_again(connection: Connection) -> None:
    rows = bars(bar(DAY_1, 10.0), bar(DAY_2, 11.0))
    assert upsert(connection, Kind.BARS, rows, PROVENANCE) == Written(inserted=2)
    before = connection.execute(text("SELECT ctid::text, xmin::text FROM market.bars ORDER BY session")).all()
    later = Provenance("file", synthetic=False, fetched_at=datetime(2025, 1, 1, tzinfo=UTC))
    assert upsert(connection, Kind.BARS, rows, later) == Written(unchanged=2)
    assert connection.execute(text("SELECT ctid::text, xmin::text FROM market.bars ORDER BY session")).all() == before


def test_a_row_that_differs_in_one_value_is_the_only_one_written(connection: Connection) -> None:
    upsert(connection, Kind.BARS, bars(bar(DAY_1, 10.0), bar(DAY_2, 11.0)), PROVENANCE)
    again = bars(bar(DAY_1, 10.0), bar(DAY_2, 11.0, turnover_rate=0.01), bar(DAY_3, 12.0))
    assert upsert(connection, Kind.BARS, again, PROVENANCE) == Written(inserted=1, updated=1, unchanged=1)


def test_another_source_makes_a_row_differ(connection: Connection) -> None:
    upsert(connection, Kind.BARS, bars(bar(DAY_1, 10.0)), PROVENANCE)
    other = Provenance("sim", synthetic=True, fetched_at=FETCHED)
    assert upsert(connection, Kind.BARS, bars(bar(DAY_1, 10.0)), other) == Written(updated=1)
    assert connection.execute(text("SELECT synthetic FROM market.bars")).scalar_one() is True


def test_a_price_beyond_the_column_is_refused_and_not_cut(connection: Connection) -> None:
    with pytest.raises(Unstorable, match="high does not fit"):
        upsert(connection, Kind.BARS, bars(bar(DAY_1, 10.0, high=100_000_000.0)), PROVENANCE)


def test_missing_factors_are_derived_from_close_and_reference_price_and_stay(connection: Connection) -> None:
    rows = bars(
        bar(DAY_1, 10.0, adj_factor=None),
        bar(DAY_2, 9.5, pre_close=9.0, adj_factor=None),
        bar(DAY_3, 9.5, adj_factor=None),
    )
    upsert(connection, Kind.BARS, rows, PROVENANCE)
    assert derive_factors(connection, ["600519.SH"]) == 3
    factors = connection.execute(text("SELECT adj_factor FROM market.bars ORDER BY session")).scalars().all()
    assert factors == pytest.approx([1.0, 10 / 9, 10 / 9])
    assert upsert(connection, Kind.BARS, rows, PROVENANCE) == Written(unchanged=3)
    assert derive_factors(connection, ["600519.SH"]) == 0


def test_text_with_every_awkward_character_survives(connection: Connection) -> None:
    body = "制表\t换行\n反斜杠\\ 引号\"' \\N 表情😀 %s"
    frame = documents(document("a" * 64, body=body, symbols=["600519.SH", "000001.SZ"]))
    assert upsert(connection, Kind.DOCUMENTS, frame, PROVENANCE) == Written(inserted=1)
    assert connection.execute(text("SELECT body FROM market.documents")).scalar_one() == body
    assert connection.execute(text("SELECT symbols FROM market.documents")).scalar_one() == ["600519.SH", "000001.SZ"]
    assert upsert(connection, Kind.DOCUMENTS, frame, PROVENANCE) == Written(unchanged=1)


def test_texts_of_every_width_and_nulls_in_every_place_arrive_as_they_were(connection: Connection) -> None:
    rows = [
        document(
            f"{n:064x}", title="长" * (n % 7), body="文" * n + "x", url=None if n % 3 else f"https://x/{n}", symbols=[]
        )
        for n in range(300)
    ]
    assert upsert(connection, Kind.DOCUMENTS, documents(*rows), PROVENANCE) == Written(inserted=300)
    stored = connection.execute(text("SELECT title, body, url, symbols FROM market.documents ORDER BY 1, 2")).all()
    assert sorted(stored) == sorted((r["title"], r["body"], r["url"], []) for r in rows)


def test_nothing_to_store_is_nothing_done(connection: Connection) -> None:
    assert upsert(connection, Kind.BARS, bars(), PROVENANCE) == Written()


@pytest.mark.parametrize("stored_before", [False, True])
def test_what_a_constraint_forbids_is_named_with_its_table_and_nothing_is_stored(
    connection: Connection, *, stored_before: bool
) -> None:
    if stored_before:
        upsert(connection, Kind.BARS, bars(bar(DAY_1, 10.0)), PROVENANCE)
    with pytest.raises(Unstorable, match=r"market\.bars: .*bars_check"), connection.begin_nested():
        upsert(connection, Kind.BARS, bars(bar(DAY_2, 11.0), bar(DAY_1, 10.0, low=10.5)), PROVENANCE)
    assert connection.execute(text("SELECT count(*) FROM market.bars")).scalar_one() == int(stored_before)


@pytest.mark.parametrize(
    ("kind", "wrong", "said"),
    [
        (Kind.SUSPENSIONS, {"reason": "停\x00牌"}, "market.suspensions: .*column reason"),
        (Kind.DOCUMENTS, {"url": "x\x00"}, "market.documents: .*column url"),
        (Kind.DOCUMENTS, {"symbols": ["a\x1fb"]}, "symbols has a text with the character that separates texts"),
        (Kind.VALUATIONS, {"pe_ttm": float("inf")}, "pe_ttm has values that are no numbers"),
        (Kind.MINUTE_BARS, {"amount": float("-inf")}, "amount has values that are no numbers"),
        (Kind.GOODWILL, {"goodwill": 1e17}, "goodwill"),
    ],
)
def test_values_no_column_holds_are_named_by_column(
    connection: Connection, kind: Kind, wrong: dict[str, object], said: str
) -> None:
    with pytest.raises(Unstorable, match=said):
        upsert(connection, kind, frame_of(kind, {**GOOD[kind], **wrong}), PROVENANCE)


def test_a_key_said_twice_is_refused_whichever_way_rows_go_in(connection: Connection) -> None:
    twice = bars(bar(DAY_1, 10.0), bar(DAY_1, 11.0))
    with pytest.raises(Unstorable, match="duplicate key"), connection.begin_nested():
        upsert(connection, Kind.BARS, twice, PROVENANCE)
    upsert(connection, Kind.BARS, bars(bar(DAY_1, 10.0)), PROVENANCE)
    with pytest.raises(Unstorable, match="second time"):
        upsert(connection, Kind.BARS, bars(bar(DAY_1, 12.0), bar(DAY_1, 11.0)), PROVENANCE)


def test_what_is_no_number_is_nothing(connection: Connection) -> None:
    none = float("nan")
    frame = frame_of(Kind.MINUTE_BARS, {**GOOD[Kind.MINUTE_BARS], "amount": none})
    assert upsert(connection, Kind.MINUTE_BARS, frame, PROVENANCE) == Written(inserted=1)
    assert connection.execute(text("SELECT amount FROM market.minute_bars")).scalar_one() is None
    assert upsert(connection, Kind.MINUTE_BARS, frame, PROVENANCE) == Written(unchanged=1)


def test_balances_with_parts_of_a_fen_are_not_written_again(connection: Connection) -> None:
    frame = frame_of(Kind.MARGIN, {**GOOD[Kind.MARGIN], "financing_balance": 1_382_876_543.2109})
    assert upsert(connection, Kind.MARGIN, frame, PROVENANCE) == Written(inserted=1)
    assert upsert(connection, Kind.MARGIN, frame, PROVENANCE) == Written(unchanged=1)


@pytest.mark.parametrize(
    "session", [date(1969, 12, 31), date(1990, 12, 19), date(1991, 7, 1), date(1999, 12, 31), date(2000, 1, 4)]
)
def test_days_before_the_epochs_of_unix_and_postgresql_arrive(connection: Connection, session: date) -> None:
    public = datetime(session.year, session.month, session.day, 7, 30, tzinfo=UTC)
    upsert(connection, Kind.BARS, bars(bar(session, 10.0, published_at=public)), PROVENANCE)
    assert tuple(connection.execute(text("SELECT session, published_at FROM market.bars")).one()) == (session, public)
