"""Decide what becomes of rows in quarantine, as an operator asks; the decision is kept with the rows."""

import logging
from datetime import datetime

from libs.ashare.calendar import CALENDAR
from libs.contracts.market import DecideQuarantine
from libs.storage import quarantine, sync_jobs
from libs.storage.engine import Connection

log = logging.getLogger(__name__)


def decide(connection: Connection, asked: DecideQuarantine, now: datetime) -> int:
    """Do it for all of the rows, or for none; raises `InvalidInput` naming those that cannot be decided on."""
    decision = quarantine.Decision(asked.who, asked.why, now)
    if asked.decision == "dismiss":
        count = quarantine.dismiss(connection, asked.ids, decision)
    else:
        sessions = sorted({*CALENDAR.sessions, *sync_jobs.known_sessions(connection)})
        count = quarantine.release(connection, asked.ids, decision, sessions)
    fields = {"decision": asked.decision, "rows": count, "who": asked.who, "why": asked.why}
    log.warning("rows in quarantine decided on", extra=fields)
    return count
