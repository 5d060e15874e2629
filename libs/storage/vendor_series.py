"""What is stored of each series and where it came from, for those who continue it; and the switches of source."""

import json
from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl
from sqlalchemy import Connection, Engine, TextClause, text

from libs.marketdata.aggregate_continuity import DAYS, MARKET, OWN_WORDS, SUBJECTS, Switch
from libs.marketdata.frames import INSTANT, KEYS, SCHEMAS
from libs.marketdata.source import Kind, Window
from libs.storage.engine import transaction

_DAYS = {**DAYS, **OWN_WORDS}


class StoredSeries:
    """The `SeriesBook` of the desk, read from the tables of schema `market` themselves."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def sources(self, kind: Kind, subjects: Sequence[str]) -> Mapping[str, str]:
        """The source of the newest row of each series that has rows; no subjects: of every one."""
        values = {"everything": not subjects, "subjects": list(subjects)}
        with transaction(self._engine, read_only=True) as connection:
            return {row.subject: row.source for row in connection.execute(_SOURCES[kind], values)}

    def newest(self, kind: Kind, subjects: Sequence[str], up_to: date, days: int) -> pl.DataFrame:
        """The rows of the last days up to a date of each series; of its first days where all lie later."""
        values = {"subjects": list(subjects), "up_to": up_to, "days": days}
        with transaction(self._engine, read_only=True) as connection:
            found = _frame(connection, _BEFORE[kind], values, kind)
            return found if found.height else _frame(connection, _AFTER[kind], values, kind)

    def stored(self, kind: Kind, subjects: Sequence[str], window: Window) -> pl.DataFrame:
        """The keys of the rows stored in a window, and the source of each."""
        values = {"subjects": list(subjects), "start": window.start, "end": window.end}
        schema = {name: SCHEMAS[kind][name] for name in KEYS[kind]} | {"source": pl.String()}
        with transaction(self._engine, read_only=True) as connection:
            rows = connection.execute(_STORED[kind], values).all()
        return _table([tuple(row) for row in rows], schema)

    def record(self, switch: Switch) -> None:
        """Keep a switch; the same one again changes nothing."""
        values = {
            "kind": switch.kind.value,
            "subject": switch.subject,
            "from_source": switch.from_source,
            "to_source": switch.to_source,
            "first_day": switch.first_day,
            "reason": switch.reason,
            "rows_compared": switch.compared.rows,
            "worst": json.dumps(dict(switch.compared.worst)),
            "at": switch.at,
        }
        with transaction(self._engine) as connection:
            connection.execute(_RECORD, values)


def _frame(connection: Connection, question: TextClause, values: Mapping[str, object], kind: Kind) -> pl.DataFrame:
    rows = connection.execute(question, dict(values)).all()
    return _table([tuple(row) for row in rows], SCHEMAS[kind])


def _table(rows: list[tuple[object, ...]], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Rows as PostgreSQL gave them; instants come in the session's own zone and become Shanghai's."""
    plain = {name: pl.Datetime("us", "UTC") if dtype == INSTANT else dtype for name, dtype in schema.items()}
    frame = pl.DataFrame(rows, schema=plain, orient="row")
    return frame.with_columns(
        pl.col(name).dt.convert_time_zone("Asia/Shanghai") for name, dtype in schema.items() if dtype == INSTANT
    )


def _day(kind: Kind) -> str:
    column = _DAYS[kind]
    return f"({column} AT TIME ZONE 'Asia/Shanghai')::date" if SCHEMAS[kind][column] == INSTANT else column


def _subject(kind: Kind) -> str:
    return SUBJECTS[kind] or f"'{MARKET}'"


def _columns(kind: Kind, names: Sequence[str]) -> str:
    return ", ".join(f"{n}::float8" if SCHEMAS[kind][n] == pl.Float64() else n for n in names)


def _sources(kind: Kind) -> TextClause:
    return text(f"""
        SELECT DISTINCT ON (subject) {_subject(kind)} AS subject, source FROM market.{kind}
        WHERE :everything OR {_subject(kind)} = ANY(CAST(:subjects AS text[]))
        ORDER BY subject, {_DAYS[kind]} DESC
    """)


def _edge(kind: Kind, bound: str, order: str) -> TextClause:
    return text(f"""
        SELECT {_columns(kind, list(SCHEMAS[kind]))} FROM (
            SELECT *, dense_rank() OVER (PARTITION BY {_subject(kind)} ORDER BY {_day(kind)} {order}) AS back
            FROM market.{kind}
            WHERE {_subject(kind)} = ANY(CAST(:subjects AS text[])) AND {_day(kind)} {bound} :up_to
        ) AS ranked
        WHERE back <= :days ORDER BY {", ".join(KEYS[kind])}
    """)


def _stored(kind: Kind) -> TextClause:
    return text(f"""
        SELECT {_columns(kind, KEYS[kind])}, source FROM market.{kind}
        WHERE {_subject(kind)} = ANY(CAST(:subjects AS text[])) AND {_day(kind)} BETWEEN :start AND :end
    """)


_SOURCES = {kind: _sources(kind) for kind in _DAYS}
_BEFORE = {kind: _edge(kind, "<=", "DESC") for kind in DAYS}
_AFTER = {kind: _edge(kind, ">", "ASC") for kind in DAYS}
_STORED = {kind: _stored(kind) for kind in DAYS}
_RECORD = text("""
    INSERT INTO market.source_switches (kind, subject, from_source, to_source, first_day, reason, rows_compared, worst,
                                        at)
    VALUES (:kind, :subject, :from_source, :to_source, :first_day, :reason, :rows_compared, CAST(:worst AS jsonb), :at)
    ON CONFLICT (kind, subject, from_source, to_source, first_day) DO NOTHING
""")
