"""Rows of `market.schedule_runs`: which instants of the schedule have been taken, and by which job they are done."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text


def newest(connection: Connection, entry: str) -> datetime | None:
    """The last instant of an entry that was taken."""
    instant: datetime | None = connection.execute(_NEWEST, {"entry": entry}).scalar_one()
    return instant


def claim(
    connection: Connection, entry: str, instants: Sequence[datetime], *, who: str, now: datetime
) -> list[datetime]:
    """Take instants that nobody has taken: which of them are ours. Two instances never get the same one."""
    values = {"entry": entry, "instants": list(instants), "who": who, "now": now}
    return sorted(connection.execute(_CLAIM, values).scalars())


def give_to(connection: Connection, entry: str, instants: Sequence[datetime], job_id: UUID) -> None:
    """The job that does what was claimed; stands in the transaction of the claim, which opens the job, too."""
    connection.execute(_GIVE, {"entry": entry, "instants": list(instants), "job_id": job_id})


_NEWEST = text("SELECT max(due_at) FROM market.schedule_runs WHERE entry = :entry")
_CLAIM = text("""
    INSERT INTO market.schedule_runs (entry, due_at, claimed_by, claimed_at)
    SELECT :entry, instant, :who, :now FROM unnest(CAST(:instants AS timestamptz[])) AS instant
    ON CONFLICT (entry, due_at) DO NOTHING
    RETURNING due_at
""")
_GIVE = text("""
    UPDATE market.schedule_runs SET job_id = :job_id WHERE entry = :entry AND due_at = ANY(:instants)
""")
