"""Reports of venues: kept as they came by the gateway, applied once each by execution."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import text

from libs.storage.engine import Connection


@dataclass(frozen=True, slots=True)
class RawReport:
    """What a venue said, before anybody interprets it; `venue_seq` is the venue's own count."""

    venue_seq: int
    trading_day: date
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report waiting to be applied."""

    report_id: int
    body: Mapping[str, Any]


class ReportOutcome(StrEnum):
    """How a report ended: booked, known already, or refused because it makes no sense."""

    BOOKED = "BOOKED"
    DUPLICATE = "DUPLICATE"
    REFUSED = "REFUSED"


_CURSOR = text("SELECT venue_seq FROM broker.cursors WHERE venue = :venue")
_STORE = text("""
    INSERT INTO broker.reports (venue, venue_seq, trading_day, body)
    SELECT :venue, (r ->> 'seq')::bigint, (r ->> 'day')::date, r -> 'body'
    FROM jsonb_array_elements(CAST(:rows AS jsonb)) WITH ORDINALITY AS t (r, n) ORDER BY n
    RETURNING report_id
""")
_ADVANCE = text("""
    INSERT INTO broker.cursors AS c (venue, venue_seq) VALUES (:venue, :seq)
    ON CONFLICT (venue) DO UPDATE SET venue_seq = EXCLUDED.venue_seq WHERE c.venue_seq < EXCLUDED.venue_seq
""")
_HINT = text("""
    INSERT INTO ops.outbox (service, method, payload)
    VALUES ('execution', 'execution.apply', jsonb_build_object('through', CAST(:through AS bigint)))
""")
# Identities become visible out of order only within transactions that overlap: a margin below the floor is enough.
_UNAPPLIED = text("""
    SELECT report_id, body FROM broker.reports r
    WHERE report_id > :floor - 1000 AND NOT EXISTS (
        SELECT FROM trading.applied_reports a WHERE a.report_id = r.report_id AND a.report_id > :floor - 1000)
    ORDER BY report_id LIMIT :limit
""")
_FLOOR = text("""
    SELECT coalesce(min(report_id) - 1, (SELECT coalesce(max(report_id), 0) FROM broker.reports))
    FROM broker.reports r WHERE NOT EXISTS (SELECT FROM trading.applied_reports a WHERE a.report_id = r.report_id)
""")
_SESSION_CLOSED = text("""
    SELECT EXISTS (
        SELECT FROM broker.reports r JOIN trading.applied_reports a USING (report_id)
        WHERE r.trading_day = :session AND r.body ->> 'kind' = 'SESSION_CLOSED' AND r.body ->> 'run' = :run)
""")
_APPLIED = text("""
    INSERT INTO trading.applied_reports (report_id, outcome, detail) VALUES (:report_id, :outcome, :detail)
    ON CONFLICT DO NOTHING
""")


def cursor(tx: Connection, venue: str) -> int:
    """The last report of this venue that is stored; 0 before the first."""
    return int(tx.execute(_CURSOR, {"venue": venue}).scalar() or 0)


def store(tx: Connection, venue: str, reports: Sequence[RawReport]) -> int:
    """Keep reports, move the cursor and hint execution, all in one; the last report's id."""
    rows = [{"seq": r.venue_seq, "day": r.trading_day.isoformat(), "body": r.body} for r in reports]
    through = max(int(r.report_id) for r in tx.execute(_STORE, {"venue": venue, "rows": json.dumps(rows)}))
    tx.execute(_ADVANCE, {"venue": venue, "seq": max(r.venue_seq for r in reports)})
    tx.execute(_HINT, {"through": through})
    return through


def floor(tx: Connection) -> int:
    """A report id below which everything is applied; one look through all of them, for a start."""
    return int(tx.execute(_FLOOR).scalar_one())


def unapplied(tx: Connection, floor_id: int, limit: int) -> list[StoredReport]:
    """The oldest reports above the floor that nobody has applied."""
    rows = tx.execute(_UNAPPLIED, {"floor": floor_id, "limit": limit})
    return [StoredReport(row.report_id, row.body) for row in rows]


def session_is_closed(tx: Connection, run: str, session: date) -> bool:
    """Whether the venue's last report of this session has been applied."""
    return bool(tx.execute(_SESSION_CLOSED, {"run": run, "session": session}).scalar())


def contradicts_the_books(error: Exception) -> bool:
    """Whether the database refused a row for what it says (bad value, broken constraint), not for the moment."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None) or ""
    return state.startswith(("22", "23", "HG"))


def applied(tx: Connection, report_id: int, outcome: ReportOutcome, detail: str | None = None) -> None:
    """Note how a report ended, in the transaction of its effects."""
    tx.execute(_APPLIED, {"report_id": report_id, "outcome": outcome.value, "detail": detail})
