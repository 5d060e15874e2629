"""The trading calendar as vendors and files told it."""

from datetime import date

from sqlalchemy import text

from libs.storage.engine import Connection

_SINCE = text("SELECT session FROM market.calendar WHERE session >= :day AND NOT synthetic ORDER BY session")


def sessions_since(tx: Connection, day: date) -> list[date]:
    """Stored sessions from `day` on, oldest first; those of a simulated exchange are nobody's calendar."""
    return list(tx.execute(_SINCE, {"day": day}).scalars())
