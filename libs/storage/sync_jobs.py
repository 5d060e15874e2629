"""Rows of `market.sync_jobs` and `market.imports`: what was asked of ingestion, how far it is, what it stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """One request to ingestion and its state."""

    job_id: UUID
    request: dict[str, Any]
    status: str
    progress: float
    message: str
    attempts: int
    report: dict[str, Any] | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Import:
    """One file or endpoint that was stored."""

    import_id: UUID
    job_id: UUID
    source: str
    path: str
    kind: str
    sha256: str | None
    rows_read: int
    rows_written: int
    rows_skipped: int
    rejected: int
    conflicts: int
    detail: Json
    started_at: datetime
    finished_at: datetime


def open_job(connection: Connection, job_id: UUID, request: Json, now: datetime) -> None:
    """A new job, running from now on."""
    connection.execute(_OPEN, {"job_id": job_id, "request": request, "now": now})


def find(connection: Connection, job_id: UUID) -> Job | None:
    """The job with this id."""
    row = connection.execute(_FIND, {"job_id": job_id}).one_or_none()
    return Job(*row) if row else None


def unfinished(connection: Connection) -> list[UUID]:
    """Jobs that nobody finished, oldest first."""
    return list(connection.execute(_UNFINISHED).scalars())


def begin_attempt(connection: Connection, job_id: UUID, fingerprint: str | None) -> int:
    """Count one more try to read what has this fingerprint; gives how many tries that makes."""
    attempts: int = connection.execute(_BEGIN, {"job_id": job_id, "fingerprint": fingerprint}).scalar_one()
    return attempts


def show_progress(connection: Connection, job_id: UUID, share: float, message: str) -> None:
    """Tell how far a running job is (0 … 1)."""
    connection.execute(_PROGRESS, {"job_id": job_id, "share": share, "message": message})


def finish(connection: Connection, job_id: UUID, report: Json, now: datetime) -> None:
    """The job is done, with this result."""
    connection.execute(_FINISH, {"job_id": job_id, "report": report, "now": now})


def fail(connection: Connection, job_id: UUID, error: str, now: datetime) -> bool:
    """The job failed for this reason; False where it had ended already."""
    values = {"job_id": job_id, "error": error, "now": now}
    return connection.execute(_FAIL, values).rowcount == 1


def known_sessions(connection: Connection) -> list[date]:
    """The sessions the desk was told of."""
    return list(connection.execute(text("SELECT session FROM market.calendar ORDER BY session")).scalars())


def is_synthetic(connection: Connection) -> bool | None:
    """Whether this database holds a simulated market; None while it holds none."""
    kind: bool | None = connection.execute(_SYNTHETIC).scalar_one()
    return kind


def without_bars(connection: Connection, symbols: Sequence[str]) -> list[str]:
    """Those of `symbols` that have no bar at all."""
    return list(connection.execute(_WITHOUT_BARS, {"symbols": list(symbols)}).scalars())


def stored_span(connection: Connection, source: str) -> tuple[date, date] | None:
    """The first and last session of the bars of a source, None where there are none."""
    first, last = connection.execute(_SPAN, {"source": source}).one()
    return (first, last) if first else None


def report_of_same_files(connection: Connection, fingerprint: str) -> dict[str, Any] | None:
    """The report of the newest finished job if it read exactly these files, else None."""
    report: dict[str, Any] | None = connection.execute(_SAME, {"fingerprint": fingerprint}).scalar_one_or_none()
    return report


def record_import(connection: Connection, done: Import) -> None:
    """One file or endpoint is stored; goes into the transaction that stores its rows."""
    connection.execute(_RECORD, {name: getattr(done, name) for name in Import.__slots__})


def newest_import_of_part(connection: Connection, source: str, part: str) -> list[dict[str, Any]]:
    """The details of the imports that one part was last stored with."""
    return list(connection.execute(_NEWEST, {"source": source, "part": part}).scalars())


_OPEN = text("""
    INSERT INTO market.sync_jobs (job_id, request, status, started_at) VALUES (:job_id, :request, 'RUNNING', :now)
""").bindparams(bindparam("request", type_=JSONB))
_FIND = text("""
    SELECT job_id, request, status, progress, message, attempts, report, error
    FROM market.sync_jobs WHERE job_id = :job_id
""")
_UNFINISHED = text("SELECT job_id FROM market.sync_jobs WHERE status = 'RUNNING' ORDER BY started_at, job_id")
_BEGIN = text(
    "UPDATE market.sync_jobs SET attempts = attempts + 1, progress = 0, fingerprint = :fingerprint"
    " WHERE job_id = :job_id RETURNING attempts"
)
_PROGRESS = text("""
    UPDATE market.sync_jobs SET progress = :share, message = :message WHERE job_id = :job_id AND status = 'RUNNING'
""")
_FINISH = text("""
    UPDATE market.sync_jobs
    SET status = 'DONE', progress = 1, message = '', report = :report, finished_at = :now
    WHERE job_id = :job_id AND status = 'RUNNING'
""").bindparams(bindparam("report", type_=JSONB))
_FAIL = text("""
    UPDATE market.sync_jobs SET status = 'FAILED', error = :error, finished_at = :now
    WHERE job_id = :job_id AND status = 'RUNNING'
""")
_SAME = text("""
    SELECT report FROM (
        SELECT report, fingerprint FROM market.sync_jobs WHERE status = 'DONE' ORDER BY finished_at DESC LIMIT 1
    ) AS newest
    WHERE fingerprint = :fingerprint
""")
_RECORD = text("""
    INSERT INTO market.imports (import_id, job_id, source, path, kind, sha256, status, rows_read, rows_written,
                                rows_skipped, rejected, conflicts, detail, started_at, finished_at)
    VALUES (:import_id, :job_id, :source, :path, :kind, :sha256, 'DONE', :rows_read, :rows_written,
            :rows_skipped, :rejected, :conflicts, :detail, :started_at, :finished_at)
""").bindparams(bindparam("detail", type_=JSONB))
_SYNTHETIC = text("""
    SELECT coalesce((SELECT synthetic FROM market.bars LIMIT 1), (SELECT synthetic FROM market.calendar LIMIT 1))
""")
_WITHOUT_BARS = text("""
    SELECT wanted.symbol FROM unnest(CAST(:symbols AS text[])) AS wanted(symbol)
    WHERE NOT EXISTS (SELECT FROM market.bars WHERE bars.symbol = wanted.symbol)
""")
_SPAN = text("SELECT min(session), max(session) FROM market.bars WHERE source = :source")
_NEWEST = text("""
    SELECT detail FROM market.imports AS i
    WHERE source = :source AND detail ->> 'part' = :part AND finished_at = (
        SELECT max(finished_at) FROM market.imports WHERE source = :source AND detail ->> 'part' = :part
    )
    ORDER BY path, kind
""")
