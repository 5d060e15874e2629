"""Is a session of a replay over? What the replay driver asks between its steps, and whom it names when it is not."""

from datetime import date

from sqlalchemy import text

from libs.storage.engine import Connection

_QUIET = text("SELECT trading.quiet(:session)")
_CLOSED = text("""
    SELECT trading.quiet(:session)
       AND EXISTS (SELECT FROM trading.snapshots WHERE account_id = :account_id AND session = :session)
       AND NOT EXISTS (
            SELECT FROM trading.orders
            WHERE account_id = :account_id AND trading_day = :session AND state IN ('ACCEPTED', 'PARTIAL', 'MISSING'))
""")
_UNFINISHED = text("""
    SELECT symbol || ' ' || side || ' ' || state FROM trading.orders
    WHERE trading_day = :session
      AND state IN ('NEW', 'APPROVED', 'SENDING', 'UNKNOWN', 'ACCEPTED', 'PARTIAL', 'MISSING')
    ORDER BY symbol LIMIT 5
""")
_WAITING = text("""
    SELECT (SELECT count(*) FROM ops.outbox WHERE published_at IS NULL) AS hints,
        (SELECT count(*) FROM broker.reports r WHERE r.trading_day = :session
            AND NOT EXISTS (SELECT FROM trading.applied_reports a WHERE a.report_id = r.report_id)) AS reports,
        EXISTS (SELECT FROM trading.openings WHERE account_id = :account_id AND session = :session) AS opened,
        EXISTS (SELECT FROM trading.snapshots WHERE account_id = :account_id AND session = :session) AS marked
""")


def is_quiet(tx: Connection, session: date) -> bool:
    """Nothing about this session is on its way."""
    return bool(tx.execute(_QUIET, {"session": session}).scalar())


def is_closed(tx: Connection, account_id: str, session: date) -> bool:
    """The venue has closed, every order of the day has ended, and the account is marked."""
    return bool(tx.execute(_CLOSED, {"session": session, "account_id": account_id}).scalar())


def what_is_open(tx: Connection, account_id: str, session: date) -> str:
    """For an error message: which orders of the session have not ended, and what else has not come."""
    orders = ", ".join(tx.execute(_UNFINISHED, {"session": session}).scalars()) or "none"
    waiting = tx.execute(_WAITING, {"account_id": account_id, "session": session}).one()
    return (
        f"orders still open: {orders}; hints not published: {waiting.hints}; reports not applied: {waiting.reports}; "
        f"account opened: {_answer(waiting.opened)}; account marked: {_answer(waiting.marked)}"
    )


def _answer(found: object) -> str:
    return "yes" if found else "no"
