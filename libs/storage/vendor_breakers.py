"""Breakers in PostgreSQL: a ban that one process learns keeps all of them away.

The moves are those of `libs.marketdata.breaker`. A key without a row is closed, so hosts in good health cost one
indexed read and no write.
"""

from datetime import datetime
from random import Random

from sqlalchemy import Connection, Engine, Row, text

from libs.marketdata.breaker import (
    CLOSED,
    Admission,
    BreakerRules,
    BreakerState,
    Failure,
    Standing,
    Trouble,
    admitted,
    after_failure,
)
from libs.storage.engine import transaction

_COLUMNS = "trouble, in_a_row, openings, open_until, probing_until, cause"
_READ = text(f"SELECT {_COLUMNS} FROM market.vendor_breakers WHERE key = :key")
_LOCK = text(f"SELECT {_COLUMNS} FROM market.vendor_breakers WHERE key = :key FOR UPDATE")
_OPEN_ROW = text("""
    INSERT INTO market.vendor_breakers (key, changed_at) VALUES (:key, :now) ON CONFLICT (key) DO NOTHING
""")
_WRITE = text("""
    UPDATE market.vendor_breakers
    SET trouble = :trouble, in_a_row = :in_a_row, openings = :openings, open_until = :open_until,
        probing_until = :probing_until, cause = :cause, changed_at = :now
    WHERE key = :key
""")
_FORGET = text("DELETE FROM market.vendor_breakers WHERE key = :key")
_STANDING = text(f"""
    SELECT key, {_COLUMNS} FROM market.vendor_breakers WHERE open_until IS NOT NULL ORDER BY key
""")


class StoredBreakers:
    """The `Breakers` of all processes."""

    def __init__(self, engine: Engine, rules: BreakerRules | None = None, random: Random | None = None) -> None:
        self._engine = engine
        self._rules = rules or BreakerRules()
        self._random = random or Random()  # noqa: S311 - jitter is no secret

    def admit(self, key: str, now: datetime) -> Admission:
        """May a call pass now? The one probe of a half-open breaker is lent under a lock."""
        with transaction(self._engine) as connection:
            row = connection.execute(_READ, {"key": key}).one_or_none()
            if row is None or row.open_until is None:
                return Admission(allowed=True)
            row = connection.execute(_LOCK, {"key": key}).one_or_none()
            before = _state(row) if row else CLOSED
            state, answer = admitted(before, now, self._rules)
            if state != before:
                _write(connection, key, state, now)
            return answer

    def succeeded(self, key: str, now: datetime) -> None:
        """Whatever was known against the key is forgotten."""
        del now
        with transaction(self._engine) as connection:
            if connection.execute(_READ, {"key": key}).one_or_none() is not None:
                connection.execute(_FORGET, {"key": key})

    def failed(self, key: str, failure: Failure, now: datetime) -> BreakerState:
        """Count a failure, or open; gives the state that follows."""
        with transaction(self._engine) as connection:
            connection.execute(_OPEN_ROW, {"key": key, "now": now})
            before = _state(connection.execute(_LOCK, {"key": key}).one())
            state = after_failure(before, failure, now, self._rules, self._random)
            _write(connection, key, state, now)
            return state

    def standing(self, now: datetime) -> list[Standing]:
        """Every breaker that is open or half open."""
        with transaction(self._engine, read_only=True) as connection:
            return standing(connection, now)


def standing(connection: Connection, now: datetime) -> list[Standing]:
    """Every breaker that is open or half open, by key."""
    rows = connection.execute(_STANDING).all()
    return [Standing(row.key, _state(row).phase(now), row.open_until, row.cause) for row in rows]


def _state(row: Row[tuple[object, ...]]) -> BreakerState:
    return BreakerState(
        trouble=Trouble(row.trouble) if row.trouble else None,
        in_a_row=row.in_a_row,
        openings=row.openings,
        open_until=row.open_until,
        probing_until=row.probing_until,
        cause=row.cause,
    )


def _write(connection: Connection, key: str, state: BreakerState, now: datetime) -> None:
    values = {
        "key": key,
        "now": now,
        "trouble": state.trouble.value if state.trouble else None,
        "in_a_row": state.in_a_row,
        "openings": state.openings,
        "open_until": state.open_until,
        "probing_until": state.probing_until,
        "cause": state.cause,
    }
    connection.execute(_WRITE, values)
