"""How fresh the stored series are, and the one way to read a series that has ended: it refuses days beyond the end."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from libs.domain.clock import exchange_date
from libs.marketdata.series import Freshness, Series, freshness, observed_series, require_alive
from libs.storage.snapshot import Snapshot, fetch

_NET_BUY = """
SELECT session, net_buy::float8, shanghai_net_buy::float8, shenzhen_net_buy::float8, source, synthetic, published_at
FROM market.northbound
WHERE session = %(session)s AND published_at <= %(as_of)s AND net_buy IS NOT NULL AND net_buy <> 'NaN'
"""
_TURNOVER = """
SELECT session, turnover::float8, source, synthetic, published_at
FROM market.northbound
WHERE session <= %(day)s AND published_at <= %(as_of)s AND turnover IS NOT NULL AND turnover <> 'NaN'
ORDER BY session DESC
LIMIT %(count)s
"""
_LATELY = "AND period >= (SELECT max(period) FROM market.statements) - 400"
"""A report comes within four months of its period: older periods need not be looked at."""


@dataclass(frozen=True, slots=True)
class NetBuy:
    """Northbound net purchases (北向资金净买额) of one session, in CNY."""

    session: date
    net_buy: float
    shanghai: float | None
    shenzhen: float | None
    source: str
    synthetic: bool
    published_at: datetime


@dataclass(frozen=True, slots=True)
class NorthboundTurnover:
    """Northbound turnover (北向成交总额) of one session, in CNY; it has no direction."""

    session: date
    turnover: float
    source: str
    synthetic: bool
    published_at: datetime


def northbound_net_buy(snapshot: Snapshot, session: date, as_of: datetime) -> NetBuy | None:
    """What was bought net; None where it is not stored or was not public.

    Raises `SeriesUnavailable` for sessions after 2024-08-16, whatever is stored for them.
    """
    require_alive("northbound.net_buy", session)
    rows = fetch(snapshot, _NET_BUY, {"session": session, "as_of": as_of})
    return NetBuy(*rows[0]) if rows else None


def northbound_turnover(snapshot: Snapshot, as_of: datetime, *, count: int) -> tuple[NorthboundTurnover, ...]:
    """The last turnovers that were public at `as_of`, oldest first."""
    rows = fetch(snapshot, _TURNOVER, {"day": exchange_date(as_of), "as_of": as_of, "count": count})
    return tuple(NorthboundTurnover(*row) for row in reversed(rows))


def observe_freshness(connection: Connection, now: datetime) -> list[Freshness]:
    """The freshness of every series that has rows; one that the desk does not collect is left out."""
    found = ((series, _newest(connection, series, now)) for series in observed_series())
    return [freshness(series, newest, now) for series, newest in found if newest is not None]


def newest_days(connection: Connection, names: Sequence[str], now: datetime) -> dict[str, date]:
    """The newest stored day of these series, by name; those without rows are missing."""
    found = {s.name: _newest(connection, s, now) for s in observed_series() if s.name in names}
    return {name: newest for name, newest in found.items() if newest is not None}


def _newest(connection: Connection, series: Series, now: datetime) -> date | None:
    """The newest day up to today that was public: ex-dates and unlocks of the future say nothing about freshness."""
    conditions = [f"{series.day} <= :today", "published_at <= :now"]
    if series.column:
        conditions.append(f"{series.column} IS NOT NULL")
    if series.select:
        conditions.append("kind = :select")
    lately = _LATELY if series.table == "statements" else ""
    question = f"SELECT max({series.day}) FROM market.{series.table} WHERE {' AND '.join(conditions)} {lately}"
    values = {"today": exchange_date(now), "now": now, **({"select": series.select} if series.select else {})}
    newest: date | None = connection.execute(text(question), values).scalar_one()
    return newest
