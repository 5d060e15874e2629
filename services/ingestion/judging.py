"""Judge how complete the newest sessions are, once a job or a decision has changed something: the daily report."""

from libs.ashare.calendar import CALENDAR
from libs.domain.clock import Clock
from libs.marketdata.completeness import due_kinds
from libs.storage import completeness
from libs.storage.engine import Engine, transaction

NEWEST = 5
"""How many sessions back a job's report reaches; any session can be asked for."""


def judge(engine: Engine, clock: Clock) -> None:
    """Compute and keep the report of the newest sessions with bars."""
    now = clock.utc_now()
    with transaction(engine) as connection:
        for session in completeness.last_sessions(connection, NEWEST):
            lines = completeness.of_session(connection, session, due_kinds(session, now, CALENDAR))
            completeness.store(connection, lines, now)
