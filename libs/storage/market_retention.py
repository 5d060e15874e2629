"""How long intraday rows are kept: what is older goes, whole partitions (or chunks of TimescaleDB) at a time."""

from datetime import date, timedelta

from sqlalchemy import Connection, text

from libs.marketdata.source import Kind

INTRADAY = frozenset({Kind.MINUTE_BARS, Kind.TICKS})
"""What lives in partitions or chunks; everything else is kept for ever."""
LEAST_DAYS = 30
"""Nobody can throw the last month away by a setting."""

_DROP = text("SELECT market.drop_before(:parent, :day)")


def drop_older(connection: Connection, kind: Kind, *, today: date, keep_days: int) -> int:
    """Drop what lies wholly more than `keep_days` before `today`; gives how many partitions that were.

    Raises `ValueError` for a kind that is kept for ever and for fewer than `LEAST_DAYS`. Runs as ingestion.
    """
    if kind not in INTRADAY:
        raise ValueError(f"{kind.value} are kept for ever")
    if keep_days < LEAST_DAYS:
        raise ValueError(f"{kind.value} are kept for at least {LEAST_DAYS} days")
    parameters = {"parent": kind.value, "day": today - timedelta(days=keep_days)}
    return int(connection.execute(_DROP, parameters).scalar_one())
