"""What a daily bar costs on its way into the real schema: processor time, the database server included.

    python -m benchmarks.ingest [--rows 1000000] [--rounds 5]

Ours is the whole upsert: a checked frame in, rows with their provenance committed; the dearest of its cases counts. The
peers are SQLAlchemy's ORM on the same table: its bulk insert, and its INSERT … ON CONFLICT, both given ready
dictionaries and an empty table. They get fewer rows, which is to their favour: a smaller index is cheaper. Rounds are
interleaved; a figure is the median of the rounds' ratios.
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.metadata import version
from typing import Any

import numpy as np
import polars as pl
from sqlalchemy import Engine, Numeric, text
from sqlalchemy import insert as orm_insert
from sqlalchemy.dialects.postgresql import insert as conflict_insert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from benchmarks.support.goals import goal
from benchmarks.support.postgres import BenchPostgres, postgres_server, scheduled_ms
from libs.ashare.calendar import CALENDAR
from libs.marketdata.frames import conform, published
from libs.marketdata.sessions import AFTER_CLOSE
from libs.marketdata.source import Kind
from libs.storage.engine import make_engine, transaction
from libs.storage.market_writes import Provenance, Written, upsert

SYMBOLS = 5000
PEER_ROWS = {"orm insert": 20_000, "orm on conflict": 2_500}
PEER_BATCH = 1000
FETCHED = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
PROVENANCE = Provenance("bench", synthetic=True, fetched_at=FETCHED)


class Base(DeclarativeBase):
    """The peers' mapping."""


class OrmBar(Base):
    """Table `market.bars` as an ORM maps it."""

    __tablename__ = "bars"
    __table_args__ = {"schema": "market"}  # noqa: RUF012 - SQLAlchemy reads it from the class

    symbol: Mapped[str] = mapped_column(primary_key=True)
    session: Mapped[date] = mapped_column(primary_key=True)
    open: Mapped[Decimal] = mapped_column(Numeric(14, 4))
    high: Mapped[Decimal] = mapped_column(Numeric(14, 4))
    low: Mapped[Decimal] = mapped_column(Numeric(14, 4))
    close: Mapped[Decimal] = mapped_column(Numeric(14, 4))
    pre_close: Mapped[Decimal] = mapped_column(Numeric(14, 4))
    volume: Mapped[int]
    amount: Mapped[Decimal] = mapped_column(Numeric(20, 4))
    adj_factor: Mapped[float | None]
    turnover_rate: Mapped[float | None]
    suspended: Mapped[bool]
    special_treatment: Mapped[bool]
    source: Mapped[str]
    synthetic: Mapped[bool]
    fetched_at: Mapped[datetime]
    published_at: Mapped[datetime]


@dataclass(slots=True)
class Measured:
    """What one way of writing cost: processor microseconds and seconds for a row, round by round."""

    name: str
    rows: int
    cpu_us: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def line(self) -> str:
        """For the table."""
        cpu, wall = statistics.median(self.cpu_us), statistics.median(self.seconds)
        spread = f"{min(self.cpu_us):9.2f}{max(self.cpu_us):9.2f}"
        return f"{self.name:26}{self.rows:>10,}{cpu:12.2f}{spread}{self.rows / wall:14,.0f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="daily bars in our load (default: 1,000,000)")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (default: 5)")
    chosen = parser.parse_args()
    with postgres_server() as server:
        engine = make_engine(server.url)
        try:
            _measure(server, engine, chosen.rows, chosen.rounds)
        finally:
            engine.dispose()


def _measure(server: BenchPostgres, engine: Engine, rows: int, rounds: int) -> None:
    with engine.connect() as connection:
        shown = connection.execute(text("SHOW server_version")).scalar_one()
    print(
        f"Python {platform.python_version()}, SQLAlchemy {version('sqlalchemy')}, psycopg {version('psycopg')}, ",
        end="",
    )
    print(f"polars {version('polars')}, PostgreSQL {shown}; every row is made up")
    frame = made_bars(rows)
    fresh, same, mixed = (
        Measured("ours, new rows", rows),
        Measured("ours, same rows", rows),
        Measured("ours, a tenth new values", rows),
    )
    peers = {name: Measured(name, min(count, rows)) for name, count in PEER_ROWS.items()}
    dictionaries = _dictionaries(frame.head(max(PEER_ROWS.values())))
    changed = frame.with_columns(
        pl.when(pl.int_range(pl.len()) % 10 == 0).then(pl.col("volume") + 100).otherwise("volume").alias("volume")
    )
    touched = 0
    for _ in range(rounds):
        for peer in peers.values():
            with _round(server, engine, peer):
                _PEERS[peer.name](engine, dictionaries[: peer.rows])
        with _round(server, engine, fresh):
            _upsert(engine, frame, Written(inserted=rows))
        before = _versions(engine)
        with _round(server, engine, same, empty=False):
            _upsert(engine, frame, Written(unchanged=rows))
        touched += _versions(engine) != before
        with _round(server, engine, mixed, empty=False):
            _upsert(engine, changed, Written(updated=-(-rows // 10), unchanged=rows - -(-rows // 10)))
    _report([fresh, same, mixed, *peers.values()], touched)


def made_bars(rows: int) -> pl.DataFrame:
    """Daily bars of `SYMBOLS` shares over as many sessions as it takes, in the order a vendor gives them: by share."""
    sessions = CALENDAR.sessions[: -(-rows // SYMBOLS)]
    rng = np.random.default_rng(7)
    count = SYMBOLS * len(sessions)
    close = np.round(np.exp(rng.normal(2.5, 0.8, count)), 2) + 1
    volume = np.round(np.exp(rng.normal(15, 1.2, count))).astype(np.int64) + 100
    frame = pl.DataFrame(
        {
            "symbol": np.repeat([f"{600000 + n:06d}.SH" for n in range(SYMBOLS)], len(sessions)),
            "session": pl.Series(list(sessions) * SYMBOLS, dtype=pl.Date),
            "open": np.round(close * 0.995, 2),
            "high": np.round(close * 1.02, 2),
            "low": np.round(close * 0.98, 2),
            "close": close,
            "pre_close": np.round(close * 0.99, 2),
            "volume": volume,
            "amount": np.round(close * volume, 2),
            "adj_factor": np.exp(rng.normal(0, 0.1, count)),
            "turnover_rate": pl.Series(rng.random(count) / 20).set(pl.Series(rng.random(count) < 0.01), None),
            "suspended": np.zeros(count, dtype=np.bool_),
            "special_treatment": np.zeros(count, dtype=np.bool_),
        }
    )
    return conform(Kind.BARS, frame.head(rows).with_columns(published("session", AFTER_CLOSE)))


def _dictionaries(frame: pl.DataFrame) -> list[dict[str, Any]]:
    provenance = {"source": "bench", "synthetic": True, "fetched_at": FETCHED}
    return [row | provenance for row in frame.iter_rows(named=True)]


def _upsert(engine: Engine, frame: pl.DataFrame, expected: Written) -> None:
    with transaction(engine) as connection:
        done = upsert(connection, Kind.BARS, frame, PROVENANCE)
    if done != expected:
        raise RuntimeError(f"{done} where {expected} was expected")


def _orm_insert(engine: Engine, rows: list[dict[str, Any]]) -> None:
    with Session(engine) as session:
        session.execute(orm_insert(OrmBar), rows)
        session.commit()


def _orm_on_conflict(engine: Engine, rows: list[dict[str, Any]]) -> None:
    values = [name for name in OrmBar.__table__.columns.keys() if name not in ("symbol", "session")]  # noqa: SIM118
    with Session(engine) as session:
        for at in range(0, len(rows), PEER_BATCH):
            statement = conflict_insert(OrmBar).values(rows[at : at + PEER_BATCH])
            changes = {name: statement.excluded[name] for name in values}
            session.execute(statement.on_conflict_do_update(index_elements=["symbol", "session"], set_=changes))
        session.commit()


_PEERS: dict[str, Callable[[Engine, list[dict[str, Any]]], None]] = {
    "orm insert": _orm_insert,
    "orm on conflict": _orm_on_conflict,
}


@contextmanager
def _round(server: BenchPostgres, engine: Engine, measured: Measured, *, empty: bool = True) -> Iterator[None]:
    """One round of one way: what client and server spend on it, until their background writers have rested, too."""
    if empty:
        _execute(engine, "TRUNCATE market.bars")
    _execute(engine, "CHECKPOINT")
    began, spent = time.monotonic(), _spent(server)
    yield
    measured.seconds.append(time.monotonic() - began)
    measured.cpu_us.append((_spent(server) - spent) * 1000 / measured.rows)


def _spent(server: BenchPostgres) -> float:
    return server.cpu_ms() + scheduled_ms(os.getpid())


def _execute(engine: Engine, statement: str) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))


def _versions(engine: Engine) -> tuple[object, ...]:
    """Whether any row got a new version: the sum over all of them of where they lie and who wrote them."""
    with engine.connect() as connection:
        query = "SELECT count(*), sum(hashtid(ctid)::bigint), sum(xmin::text::bigint) FROM market.bars"
        return tuple(connection.execute(text(query)).one())


def _report(all_ways: list[Measured], touched: int) -> None:
    print(f"\n{'':26}{'rows':>10}{'CPU µs/row':>12}{'lowest':>9}{'highest':>9}{'rows/s':>14}")
    for measured in all_ways:
        print(measured.line())
    print()
    fresh, same, mixed, insert, conflict = all_ways
    dearest = [max(round_) for round_ in zip(fresh.cpu_us, same.cpu_us, mixed.cpu_us, strict=True)]
    for name, peer, bound in (("orm_insert", insert, 4.0), ("orm_on_conflict", conflict, 30.0)):
        ratios = [theirs / ours for ours, theirs in zip(dearest, peer.cpu_us, strict=True)]
        print(goal(f"ingest.upsert_vs_{name}", statistics.median(ratios), ">=", bound))
    print(goal("ingest.unchanged_rows_written", touched, "=", 0))


if __name__ == "__main__":
    main()
