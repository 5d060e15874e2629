"""Rows of `market.sync_jobs` and `market.imports`: what was asked of ingestion, how far it is, what it stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from libs.domain.errors import HiddenGemError

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
    origin: str
    """Who wanted it: asked, schedule, repair."""
    plan: dict[str, Any] | None
    parts_total: int | None
    parts_done: int
    eta_seconds: float | None
    stalled: int
    """Attempts since the last part was stored."""
    started_at: datetime


class JobEnded(HiddenGemError):
    """The job was cancelled, or another process does it now; what this one has in hand must not be stored."""

    code = "market.job_ended"


@dataclass(frozen=True, slots=True)
class Import:
    """One file or endpoint that was stored."""

    import_id: UUID
    job_id: UUID | None
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


def open_job(connection: Connection, job_id: UUID, request: Json, now: datetime, *, origin: str = "asked") -> None:
    """A new job, running from now on; it belongs to whoever takes it first."""
    connection.execute(_OPEN, {"job_id": job_id, "request": request, "now": now, "origin": origin})


def find(connection: Connection, job_id: UUID) -> Job | None:
    """The job with this id."""
    row = connection.execute(_FIND, {"job_id": job_id}).one_or_none()
    return Job(*row) if row else None


def counts(connection: Connection, since: datetime) -> list[tuple[str, int]]:
    """How many jobs stand where: RUNNING, and how those ended that ended since then."""
    return [(status, count) for status, count in connection.execute(_COUNTS, {"since": since})]


def unfinished(connection: Connection) -> list[UUID]:
    """Jobs that nobody finished, oldest first."""
    return list(connection.execute(_UNFINISHED).scalars())


def free(connection: Connection, holder: str, now: datetime) -> list[UUID]:
    """Unfinished jobs that `holder` may take up, its own and those nobody holds: the schedule's first, then by age."""
    return list(connection.execute(_FREE, {"holder": holder, "now": now}).scalars())


def begin_attempt(
    connection: Connection, job_id: UUID, fingerprint: str | None, *, holder: str, now: datetime, until: datetime
) -> int | None:
    """Take a job and count one more try to read what has this fingerprint: how many tries that makes.

    None where the job is not to be had: it has ended, or another living instance holds it.
    """
    values = {"job_id": job_id, "fingerprint": fingerprint, "holder": holder, "now": now, "until": until}
    attempts: int | None = connection.execute(_BEGIN, values).scalar_one_or_none()
    return attempts


def is_urgent(connection: Connection) -> bool:
    """Whether a job of the schedule waits, for which others step aside between two parts."""
    urgent: bool = connection.execute(_URGENT).scalar_one()
    return urgent


def put_back(connection: Connection, job_id: UUID, holder: str) -> None:
    """Let go of a job that stepped aside, which is no sign of stalling. Numbers of attempts are never used twice."""
    connection.execute(_PUT_BACK, {"job_id": job_id, "holder": holder})


def hold(connection: Connection, job_id: UUID, holder: str, until: datetime) -> tuple[int, float, str] | None:
    """Go on holding a job: how far it is (parts stored, share, what it does). None when it has ended or passed on."""
    row = connection.execute(_HOLD, {"job_id": job_id, "holder": holder, "until": until}).one_or_none()
    return None if row is None else (row.parts_done, row.progress, row.message)


def settle_plan(connection: Connection, job_id: UUID, plan: Json) -> dict[str, Any]:
    """Keep what the first attempt has settled on; gives what is kept, which is an earlier attempt's where one was."""
    kept: dict[str, Any] = connection.execute(_SETTLE, {"job_id": job_id, "plan": plan}).scalar_one()
    return kept


def stored_parts(connection: Connection, job_id: UUID) -> set[str]:
    """The parts that this job has stored, in whichever attempt."""
    return set(connection.execute(_PARTS, {"job_id": job_id}).scalars())


def count_parts(connection: Connection, job_id: UUID, total: int) -> None:
    """How many parts the job has."""
    connection.execute(_COUNT, {"job_id": job_id, "total": total})


def part_stored(
    connection: Connection, job_id: UUID, part: str, *, attempt: int, seconds: float, now: datetime
) -> None:
    """A part is done; stands at the end of the transaction that stores its rows.

    Raises `JobEnded` when the job was cancelled or another attempt has begun, so that nothing of the part is stored.
    """
    values = {"job_id": job_id, "part": part, "attempt": attempt, "seconds": seconds, "now": now}
    if connection.execute(_ADVANCE, values).rowcount != 1:
        raise JobEnded(f"job {job_id} has been ended or taken over")
    connection.execute(_PART, values)


def show_progress(
    connection: Connection, job_id: UUID, share: float, message: str, eta_seconds: float | None = None
) -> bool:
    """Tell how far a running job is (0 … 1); False when it does not run any more."""
    values = {"job_id": job_id, "share": share, "message": message, "eta": eta_seconds}
    return connection.execute(_PROGRESS, values).rowcount == 1


def cancel(connection: Connection, job_id: UUID, now: datetime) -> bool:
    """End a running job where it stands; False where it had ended already."""
    return connection.execute(_CANCEL, {"job_id": job_id, "now": now}).rowcount == 1


def resume(connection: Connection, job_id: UUID) -> bool:
    """Let a job that failed or was cancelled go on behind its last part; False where there is nothing to resume."""
    return connection.execute(_RESUME, {"job_id": job_id}).rowcount == 1


def newest_not_done(connection: Connection) -> UUID | None:
    """The newest job that is not done: running, failed or cancelled."""
    job_id: UUID | None = connection.execute(_NOT_DONE).scalar_one_or_none()
    return job_id


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


def symbols_with_bars(connection: Connection) -> list[str]:
    """Every symbol that has a bar: what a desk follows once it has data."""
    return list(connection.execute(_SYMBOLS).scalars())


def stored_span(connection: Connection, sources: Sequence[str]) -> tuple[date, date] | None:
    """The first and last session of the bars of these sources, None where there are none."""
    first, last = connection.execute(_SPAN, {"sources": list(sources)}).one()
    return (first, last) if first else None


def report_of_same_files(connection: Connection, fingerprint: str) -> dict[str, Any] | None:
    """The report of the newest finished job if it read exactly these files, else None."""
    report: dict[str, Any] | None = connection.execute(_SAME, {"fingerprint": fingerprint}).scalar_one_or_none()
    return report


def record_import(connection: Connection, done: Import) -> None:
    """One file or endpoint is stored; goes into the transaction that stores its rows."""
    connection.execute(_RECORD, {name: getattr(done, name) for name in Import.__slots__})


def imports_of_job(connection: Connection, job_id: UUID) -> list[dict[str, Any]]:
    """The details of what a job has stored so far, in the order it was stored."""
    return list(connection.execute(_OF_JOB, {"job_id": job_id}).scalars())


def stored_before(connection: Connection, source: str, part: str, fingerprint: str) -> list[dict[str, Any]]:
    """The details of the imports that a part was last stored with; none where it had another content then."""
    newest = list(connection.execute(_NEWEST, {"source": source, "part": part}).scalars())
    return newest if all(detail["fingerprint"] == fingerprint for detail in newest) else []


_OF_JOB = text("SELECT detail FROM market.imports WHERE job_id = :job_id ORDER BY finished_at, path, kind")
_OPEN = text("""
    INSERT INTO market.sync_jobs (job_id, request, status, started_at, origin)
    VALUES (:job_id, :request, 'RUNNING', :now, :origin)
""").bindparams(bindparam("request", type_=JSONB))
_FIND = text("""
    SELECT job_id, request, status, progress, message, attempts, report, error, origin, plan, parts_total, parts_done,
           eta_seconds, stalled, started_at
    FROM market.sync_jobs WHERE job_id = :job_id
""")
_COUNTS = text("""
    SELECT standing, count(job_id) FROM unnest(ARRAY['RUNNING', 'DONE', 'FAILED', 'CANCELLED']) AS standing
    LEFT JOIN market.sync_jobs AS j ON status = standing AND (finished_at IS NULL OR finished_at >= :since)
    GROUP BY standing
""")
_UNFINISHED = text("SELECT job_id FROM market.sync_jobs WHERE status = 'RUNNING' ORDER BY started_at, job_id")
_FREE = text("""
    SELECT job_id FROM market.sync_jobs
    WHERE status = 'RUNNING' AND (holder IS NULL OR holder = :holder OR held_until < :now)
    ORDER BY (origin = 'schedule') DESC, started_at, job_id
""")
_URGENT = text("""
    SELECT EXISTS (SELECT FROM market.sync_jobs WHERE status = 'RUNNING' AND origin = 'schedule' AND holder IS NULL)
""")
_PUT_BACK = text("""
    UPDATE market.sync_jobs
    SET holder = NULL, held_until = NULL, stalled = GREATEST(stalled - 1, 0)
    WHERE job_id = :job_id AND status = 'RUNNING' AND holder = :holder
""")
_BEGIN = text("""
    UPDATE market.sync_jobs
    SET attempts = attempts + 1, stalled = stalled + 1, fingerprint = :fingerprint, holder = :holder,
        held_until = :until
    WHERE job_id = :job_id AND status = 'RUNNING' AND (holder IS NULL OR holder = :holder OR held_until < :now)
    RETURNING attempts
""")
_HOLD = text("""
    UPDATE market.sync_jobs SET held_until = :until
    WHERE job_id = :job_id AND status = 'RUNNING' AND holder = :holder
    RETURNING parts_done, progress, message
""")
_SETTLE = text("""
    UPDATE market.sync_jobs SET plan = COALESCE(plan, :plan) WHERE job_id = :job_id RETURNING plan
""").bindparams(bindparam("plan", type_=JSONB))
_PARTS = text("SELECT part FROM market.job_parts WHERE job_id = :job_id")
_COUNT = text("UPDATE market.sync_jobs SET parts_total = :total WHERE job_id = :job_id")
_ADVANCE = text("""
    UPDATE market.sync_jobs SET parts_done = parts_done + 1, stalled = 0
    WHERE job_id = :job_id AND status = 'RUNNING' AND attempts = :attempt
""")
_PART = text("""
    INSERT INTO market.job_parts (job_id, part, seconds, stored_at) VALUES (:job_id, :part, :seconds, :now)
""")
_PROGRESS = text("""
    UPDATE market.sync_jobs SET progress = :share, message = :message, eta_seconds = :eta
    WHERE job_id = :job_id AND status = 'RUNNING'
""")
_CANCEL = text("""
    UPDATE market.sync_jobs SET status = 'CANCELLED', error = 'cancelled by request', finished_at = :now
    WHERE job_id = :job_id AND status = 'RUNNING'
""")
_RESUME = text("""
    UPDATE market.sync_jobs
    SET status = 'RUNNING', error = NULL, finished_at = NULL, stalled = 0, holder = NULL, held_until = NULL
    WHERE job_id = :job_id AND status IN ('FAILED', 'CANCELLED')
""")
_NOT_DONE = text("""
    SELECT job_id FROM market.sync_jobs WHERE status <> 'DONE' ORDER BY started_at DESC, job_id LIMIT 1
""")
_SYMBOLS = text("""
    WITH RECURSIVE known AS (
        SELECT min(symbol) AS symbol FROM market.bars
        UNION ALL
        SELECT (SELECT min(symbol) FROM market.bars WHERE symbol > known.symbol) FROM known
        WHERE known.symbol IS NOT NULL
    )
    SELECT symbol FROM known WHERE symbol IS NOT NULL ORDER BY symbol
""")
_FINISH = text("""
    UPDATE market.sync_jobs
    SET status = 'DONE', progress = 1, message = '', eta_seconds = NULL, report = :report, finished_at = :now
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
_SPAN = text("SELECT min(session), max(session) FROM market.bars WHERE source = ANY(:sources)")
_NEWEST = text("""
    SELECT detail FROM market.imports AS i
    WHERE source = :source AND detail ->> 'part' = :part AND finished_at = (
        SELECT max(finished_at) FROM market.imports WHERE source = :source AND detail ->> 'part' = :part
    )
    ORDER BY path, kind
""")
