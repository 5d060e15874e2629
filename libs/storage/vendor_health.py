"""What is wrong with the feeds right now: vendors left alone, canaries that failed, series that are stale."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from libs.marketdata.findings import Canary, CanaryOutcome, CrossCheck
from libs.marketdata.series import Status, series_named
from libs.marketdata.source import Kind
from libs.storage import vendor_breakers
from libs.storage.series_read import observe_freshness

_KEEP = text("""
    INSERT INTO market.vendor_canaries (vendor, kind, endpoint, outcome, code, detail, seconds, checked_at)
    VALUES (:vendor, :kind, :endpoint, :outcome, :code, :detail, :seconds, :checked_at)
    ON CONFLICT (vendor, kind) DO UPDATE
        SET endpoint = excluded.endpoint, outcome = excluded.outcome, code = excluded.code, detail = excluded.detail,
            seconds = excluded.seconds, checked_at = excluded.checked_at
""")
_CANARIES = text("""
    SELECT vendor, kind, endpoint, outcome, code, detail, seconds, checked_at FROM market.vendor_canaries
    ORDER BY vendor, kind
""")
_KEEP_CHECK = text("""
    INSERT INTO market.source_checks
        (kind, left_source, right_source, subjects, rows_compared, disagreements, detail, at)
    VALUES (:kind, :left, :right, :subjects, :rows, :disagreements, CAST(:detail AS jsonb), :at)
""")
_DISAGREEING = text("""
    SELECT kind, left_source, right_source, disagreements, rows_compared FROM (
        SELECT DISTINCT ON (kind, left_source, right_source) * FROM market.source_checks
        ORDER BY kind, left_source, right_source, at DESC
    ) AS newest
    WHERE disagreements > 0 ORDER BY kind
""")


@dataclass(frozen=True, slots=True)
class FeedTrouble:
    """One thing that is wrong, and why."""

    what: str
    """`breaker`, `canary`, `tolerance` or `series`."""
    name: str
    cause: str


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """The feeds as a whole."""

    troubles: tuple[FeedTrouble, ...]

    @property
    def status(self) -> str:
        """`ok`, or `degraded` where something is wrong: the desk goes on with what it has and says so."""
        return "degraded" if self.troubles else "ok"


def feed_health(connection: Connection, now: datetime) -> FeedHealth:
    """Everything that is wrong with the feeds at `now`, each with its cause."""
    return FeedHealth((*vendor_health(connection, now).troubles, *_stale(connection, now)))


def vendor_health(connection: Connection, now: datetime) -> FeedHealth:
    """What is wrong with the vendors alone, whatever is stored: the same on a desk that replays the past."""
    return FeedHealth((*_breakers(connection, now), *_canaries(connection), *_checks(connection)))


def keep_canary(connection: Connection, canary: Canary) -> None:
    """Remember how the canary of one vendor and kind went last."""
    values = {
        "vendor": canary.vendor,
        "kind": canary.kind.value,
        "endpoint": canary.endpoint,
        "outcome": canary.outcome.value,
        "code": canary.code,
        "detail": canary.detail,
        "seconds": canary.seconds,
        "checked_at": canary.checked_at,
    }
    connection.execute(_KEEP, values)


def canaries(connection: Connection) -> list[Canary]:
    """How every canary went last, by vendor and kind."""
    return [
        Canary(r.vendor, Kind(r.kind), r.endpoint, CanaryOutcome(r.outcome), r.code, r.detail, r.seconds, r.checked_at)
        for r in connection.execute(_CANARIES)
    ]


def keep_check(connection: Connection, check: CrossCheck) -> None:
    """Remember what came of comparing two vendors."""
    values = {
        "kind": check.kind.value,
        "left": check.left,
        "right": check.right,
        "subjects": len(check.subjects),
        "rows": check.rows,
        "disagreements": len(check.disagreements),
        "detail": json.dumps(check.as_json(), ensure_ascii=False),
        "at": check.at,
    }
    connection.execute(_KEEP_CHECK, values)


def _breakers(connection: Connection, now: datetime) -> Sequence[FeedTrouble]:
    return [
        FeedTrouble("breaker", item.key, f"{item.phase.value} until {item.open_until.isoformat()}: {item.cause}")
        for item in vendor_breakers.standing(connection, now)
    ]


def _canaries(connection: Connection) -> Sequence[FeedTrouble]:
    return [
        FeedTrouble("canary", f"{c.vendor} {c.endpoint}", f"{c.code}: {c.detail}")
        for c in canaries(connection)
        if c.outcome is not CanaryOutcome.OK
    ]


def _checks(connection: Connection) -> Sequence[FeedTrouble]:
    return [
        FeedTrouble(
            "tolerance",
            f"{r.kind}: {r.left_source}, {r.right_source}",
            f"{r.disagreements} differences in {r.rows_compared} rows",
        )
        for r in connection.execute(_DISAGREEING)
    ]


def _stale(connection: Connection, now: datetime) -> Sequence[FeedTrouble]:
    """Series that have ended are no trouble: nobody may read them anyway."""
    return [
        FeedTrouble("series", f.series, f"the newest value is of {f.newest}, {f.age_sessions} sessions behind")
        for f in observe_freshness(connection, now)
        if f.stale and series_named(f.series).status is not Status.DISCONTINUED
    ]
