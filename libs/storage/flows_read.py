"""Flows as they were public at an instant: northbound trading, money in and out of sectors, pledged shares."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from libs.domain.clock import exchange_date
from libs.domain.market import Symbol
from libs.storage.snapshot import Snapshot, fetch


@dataclass(frozen=True, slots=True)
class Northbound:
    """Northbound trading of one session (北向资金), CNY. Net purchases are None where none are published, never 0."""

    session: date
    net_buy: float | None
    shanghai_net_buy: float | None
    shenzhen_net_buy: float | None
    turnover: float | None
    source: str
    synthetic: bool
    published_at: datetime


@dataclass(frozen=True, slots=True)
class SectorFlow:
    """One sector in one session, CNY; `change` is its index's, a fraction."""

    sector: str
    net_inflow: float
    inflow: float | None
    outflow: float | None
    change: float | None
    session: date
    source: str
    synthetic: bool
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Pledge:
    """Pledged shares (股权质押) of one share as of a day; the ratio is of all shares."""

    symbol: Symbol
    as_of: date
    ratio: float
    shares: int | None
    contracts: int | None
    source: str
    synthetic: bool
    published_at: datetime


_NORTHBOUND = """
SELECT session, net_buy::float8, shanghai_net_buy::float8, shenzhen_net_buy::float8, turnover::float8,
       source, synthetic, published_at
FROM market.northbound
WHERE session <= %(day)s AND published_at <= %(as_of)s
ORDER BY session DESC
LIMIT %(count)s
"""

_SECTORS = """
SELECT sector, net_inflow::float8, inflow::float8, outflow::float8, change, session, source, synthetic, published_at
FROM market.sector_flows
WHERE taxonomy = %(taxonomy)s AND published_at <= %(as_of)s AND session = (
    SELECT max(session) FROM market.sector_flows
    WHERE taxonomy = %(taxonomy)s AND session <= %(day)s AND published_at <= %(as_of)s
)
ORDER BY net_inflow DESC, sector
"""

_PLEDGES = """
SELECT DISTINCT ON (symbol) symbol, as_of, pledged_ratio, pledged_shares, contracts, source, synthetic, published_at
FROM market.pledges
WHERE symbol = ANY(%(symbols)s::text[]) AND published_at <= %(as_of)s
ORDER BY symbol, as_of DESC
"""


def recent_northbound(snapshot: Snapshot, as_of: datetime, *, count: int) -> tuple[Northbound, ...]:
    """The last `count` sessions that were public at `as_of`, oldest first."""
    parameters = {"day": exchange_date(as_of), "as_of": as_of, "count": count}
    return tuple(Northbound(*row) for row in reversed(fetch(snapshot, _NORTHBOUND, parameters)))


def newest_sector_flows(snapshot: Snapshot, as_of: datetime, *, taxonomy: str) -> tuple[SectorFlow, ...]:
    """Every sector of a taxonomy (ths, eastmoney, sw2021) in the newest public session, largest inflow first."""
    parameters = {"day": exchange_date(as_of), "as_of": as_of, "taxonomy": taxonomy}
    return tuple(SectorFlow(*row) for row in fetch(snapshot, _SECTORS, parameters))


def newest_pledges(snapshot: Snapshot, symbols: Sequence[Symbol], as_of: datetime) -> dict[Symbol, Pledge]:
    """Each share's newest pledge ratio that was public at `as_of`; a share without any is missing."""
    rows = fetch(snapshot, _PLEDGES, {"symbols": list(symbols), "as_of": as_of})
    return {row[0]: Pledge(*row) for row in rows}
