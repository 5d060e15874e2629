"""The desk clock: one row, moved only by the orchestrator, by compare-and-set on its tick."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import text

from libs.domain.errors import HiddenGemError
from libs.storage.engine import Connection


class Phase(StrEnum):
    """Where in its session the desk is."""

    RESTING = "RESTING"
    PRE_OPEN = "PRE_OPEN"
    CLOSED = "CLOSED"
    AFTER_CLOSE = "AFTER_CLOSE"


@dataclass(frozen=True, slots=True)
class DeskClock:
    """Desk time. `run` names the replay or account this time belongs to; `session` is None before any data."""

    mode: str
    run: str
    session: date | None
    phase: Phase
    now: datetime
    tick: int


class ClockMoved(HiddenGemError):
    """Somebody else moved the desk clock in between."""

    code = "desk.clock_moved"
    retryable = True


_READ = text("SELECT mode, run, session, phase, now, tick FROM desk.clock")
_MOVE = text("""
    UPDATE desk.clock SET run = :run, session = :session, phase = :phase, now = :now, tick = tick + 1
    WHERE tick = :tick RETURNING mode, run, session, phase, now, tick
""")


def read(tx: Connection) -> DeskClock:
    """What time it is on the desk."""
    row = tx.execute(_READ).one()
    return DeskClock(row.mode, row.run, row.session, Phase(row.phase), row.now, row.tick)


def move(tx: Connection, seen: DeskClock, *, run: str, session: date, phase: Phase, now: datetime) -> DeskClock:
    """Move on from `seen`; raises `ClockMoved` when the clock is no longer there."""
    values = {"run": run, "session": session, "phase": phase.value, "now": now, "tick": seen.tick}
    row = tx.execute(_MOVE, values).one_or_none()
    if row is None:
        raise ClockMoved(f"the clock is past tick {seen.tick}")
    return DeskClock(row.mode, row.run, row.session, Phase(row.phase), row.now, row.tick)
