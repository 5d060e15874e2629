"""Rows of `market.quarantine`: what checks refused, why, and what was decided about it.

Releasing stores the row as it was read (see `released_rows`). The decision, its author and its reason stay with it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from libs.domain.errors import InvalidInput, NotFound
from libs.marketdata.quarantine import completed
from libs.marketdata.source import Kind
from libs.storage.released_rows import Released, store

KEPT_PER_REASON = 1000
"""How many rows of one batch are kept for each reason; all of them are counted in the import's row."""


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """One row as it was read, and the reason it was refused for."""

    kind: Kind
    reason: str
    row: Mapping[str, Any]
    symbol: str | None = None
    session: date | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Where refused rows came from."""

    source: str
    synthetic: bool
    origin: str
    job_id: UUID
    now: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """A row of the quarantine."""

    quarantine_id: int
    kind: str
    symbol: str | None
    session: date | None
    reason: str
    row: dict[str, Any]
    source: str
    origin: str
    synthetic: bool
    first_seen_at: datetime
    last_seen_at: datetime
    times_seen: int
    state: str
    decided_by: str | None
    decided_why: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decided about rows, why, and when; kept with them."""

    who: str
    why: str
    now: datetime


def keep(connection: Connection, rows: Sequence[RefusedRow], came: Refusal) -> None:
    """Put rows in quarantine; goes into the transaction that stores the others of their part.

    A row that is there already counts up and keeps what was decided about it.
    """
    per_reason: dict[tuple[Kind, str], int] = {}
    values = []
    for row in rows:
        count = per_reason[row.kind, row.reason] = per_reason.get((row.kind, row.reason), 0) + 1
        if count <= KEPT_PER_REASON:
            values.append(_values(row, came))
    if values:
        connection.execute(_KEEP, values)


def _values(row: RefusedRow, came: Refusal) -> dict[str, Any]:
    content = json.dumps(row.row, sort_keys=True, default=str, ensure_ascii=False)
    identity = f"{row.kind.value}\n{came.source}\n{row.reason}\n{content}"
    return {
        "fingerprint": hashlib.sha256(identity.encode()).hexdigest(),
        "kind": row.kind.value,
        "symbol": row.symbol,
        "session": row.session,
        "reason": row.reason,
        "row": json.loads(content),
        "source": came.source,
        "origin": came.origin,
        "synthetic": came.synthetic,
        "job_id": came.job_id,
        "now": came.now,
    }


def listed(
    connection: Connection,
    *,
    kind: str | None = None,
    reason: str | None = None,
    symbol: str | None = None,
    state: str | None = "HELD",
    limit: int = 100,
) -> list[Held]:
    """Rows of the quarantine that fit, newest first."""
    values = {"kind": kind, "reason": reason, "symbol": symbol, "state": state, "limit": limit}
    return [Held(*row) for row in connection.execute(_LIST, values)]


def find(connection: Connection, quarantine_id: int) -> Held:
    """One row; raises `NotFound`."""
    row = connection.execute(_FIND, {"id": quarantine_id}).one_or_none()
    if row is None:
        raise NotFound(f"nothing in quarantine has the id {quarantine_id}")
    return Held(*row)


def held_among(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Those of `ids` that wait for a decision."""
    return set(connection.execute(_HELD_AMONG, {"ids": list(ids)}).scalars())


def counts(connection: Connection) -> list[tuple[str, str, int]]:
    """How many rows are held, by kind and reason."""
    return [(kind, reason, count) for kind, reason, count in connection.execute(_COUNTS)]


def dismiss(connection: Connection, ids: Sequence[int], decision: Decision) -> int:
    """Close the matter of these rows without storing them; raises `InvalidInput` where one is not held."""
    return len(_decide(connection, ids, "DISMISSED", decision))


def release(connection: Connection, ids: Sequence[int], decision: Decision, sessions: Sequence[date]) -> int:
    """Store these rows as they were read; raises `InvalidInput` where one is not held, or cannot be stored.

    `sessions` is the exchange's calendar; what a row lacks because its checks came first is worked out with it.
    """
    released = _decide(connection, ids, "RELEASED", decision)
    for row in released:
        kind = Kind(row.kind)
        values = completed(kind, row.row, sessions)
        store(connection, Released(row.quarantine_id, kind, values, row.source, row.synthetic, row.last_seen_at))
    return len(released)


def _decide(connection: Connection, ids: Sequence[int], state: str, decision: Decision) -> list[Held]:
    values = {"ids": list(ids), "state": state, "who": decision.who, "why": decision.why, "now": decision.now}
    decided = [Held(*row) for row in connection.execute(_DECIDE, values)]
    if missing := sorted(set(ids) - {row.quarantine_id for row in decided}):
        raise InvalidInput("ids", f"not held in quarantine: {', '.join(map(str, missing[:10]))}")
    return decided


_COLUMNS_OF_HELD = """
    quarantine_id, kind, symbol, session, reason, row, source, origin, synthetic, first_seen_at, last_seen_at,
    times_seen, state, decided_by, decided_why, decided_at
"""
_KEEP = text("""
    INSERT INTO market.quarantine (fingerprint, kind, symbol, session, reason, row, source, origin, synthetic, job_id,
                                   first_seen_at, last_seen_at)
    VALUES (:fingerprint, :kind, :symbol, :session, :reason, :row, :source, :origin, :synthetic, :job_id, :now, :now)
    ON CONFLICT (fingerprint) DO UPDATE SET times_seen = quarantine.times_seen + 1, last_seen_at = excluded.last_seen_at
""").bindparams(bindparam("row", type_=JSONB))
_LIST = text(f"""
    SELECT {_COLUMNS_OF_HELD} FROM market.quarantine
    WHERE (CAST(:kind AS text) IS NULL OR kind = :kind) AND (CAST(:reason AS text) IS NULL OR reason = :reason)
      AND (CAST(:symbol AS text) IS NULL OR symbol = :symbol) AND (CAST(:state AS text) IS NULL OR state = :state)
    ORDER BY quarantine_id DESC LIMIT :limit
""")
_FIND = text(f"SELECT {_COLUMNS_OF_HELD} FROM market.quarantine WHERE quarantine_id = :id")
_COUNTS = text("""
    SELECT kind, reason, count(*) FROM market.quarantine WHERE state = 'HELD'
    GROUP BY kind, reason ORDER BY kind, reason
""")
_HELD_AMONG = text("SELECT quarantine_id FROM market.quarantine WHERE quarantine_id = ANY(:ids) AND state = 'HELD'")
_DECIDE = text(f"""
    UPDATE market.quarantine SET state = :state, decided_by = :who, decided_why = :why, decided_at = :now
    WHERE quarantine_id = ANY(:ids) AND state = 'HELD'
    RETURNING {_COLUMNS_OF_HELD}
""")
