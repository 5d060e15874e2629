"""Daily valuations as they were public at an instant: against the share's own past and its industry."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from libs.domain.clock import exchange_date
from libs.domain.market import Symbol
from libs.storage.listing_history import known
from libs.storage.snapshot import Snapshot, fetch


@dataclass(frozen=True, slots=True)
class Multiple:
    """One valuation multiple and where it stands; a negative or missing one has no standing.

    The counts are of the last sessions, its own included, on which it was positive, and of those below its value.
    """

    value: float | None
    history: int
    history_below: int


@dataclass(frozen=True, slots=True)
class Valuation:
    """The last valuation of one share. `industry_as_of`: since when a history says so, or the list that does."""

    symbol: Symbol
    session: date
    pe_ttm: Multiple
    pb_mrq: Multiple
    ps_ttm: Multiple
    industry: str | None
    industry_as_of: date | None
    source: str
    synthetic: bool
    published_at: datetime


@dataclass(frozen=True, slots=True)
class PeerMultiples:
    """The multiples of one share of an industry in one session."""

    symbol: Symbol
    industry: str
    pe_ttm: float | None
    pb_mrq: float | None
    ps_ttm: float | None


_VALUATIONS = f"""
SELECT asked.symbol, last.session, coalesce(industry.value, instrument.industry),
       coalesce(industry.since, instrument.as_of),
       last.source, last.synthetic, last.published_at,
       last.pe_ttm, past.pe, past.pe_below, last.pb_mrq, past.pb, past.pb_below,
       last.ps_ttm, past.ps, past.ps_below
FROM unnest(%(symbols)s::text[]) WITH ORDINALITY AS asked (symbol, place)
CROSS JOIN LATERAL (
    SELECT * FROM market.valuations
    WHERE symbol = asked.symbol AND session <= %(day)s AND published_at <= %(as_of)s
    ORDER BY session DESC
    LIMIT 1
) AS last
LEFT JOIN market.instruments AS instrument ON instrument.symbol = asked.symbol
LEFT JOIN LATERAL {known("industry", "asked.symbol")} AS industry ON true
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE pe_ttm > 0) AS pe,
           count(*) FILTER (WHERE pe_ttm > 0 AND pe_ttm < last.pe_ttm) AS pe_below,
           count(*) FILTER (WHERE pb_mrq > 0) AS pb,
           count(*) FILTER (WHERE pb_mrq > 0 AND pb_mrq < last.pb_mrq) AS pb_below,
           count(*) FILTER (WHERE ps_ttm > 0) AS ps,
           count(*) FILTER (WHERE ps_ttm > 0 AND ps_ttm < last.ps_ttm) AS ps_below
    FROM (
        SELECT pe_ttm, pb_mrq, ps_ttm FROM market.valuations
        WHERE symbol = asked.symbol AND session <= last.session AND published_at <= %(as_of)s
        ORDER BY session DESC
        LIMIT %(history)s
    ) AS newest
) AS past
ORDER BY asked.place
"""

_PEERS = f"""
SELECT peer.symbol, coalesce(industry.value, instrument.industry), peer.pe_ttm, peer.pb_mrq, peer.ps_ttm
FROM market.valuations AS peer
LEFT JOIN market.instruments AS instrument ON instrument.symbol = peer.symbol
LEFT JOIN LATERAL {known("industry", "peer.symbol")} AS industry ON true
WHERE peer.session = %(session)s AND peer.published_at <= %(as_of)s
  AND coalesce(industry.value, instrument.industry) = ANY(%(industries)s::text[])
ORDER BY peer.symbol
"""


def last_valuations(
    snapshot: Snapshot, symbols: Sequence[Symbol], as_of: datetime, *, history: int
) -> dict[Symbol, Valuation]:
    """Each symbol's last valuation among its last `history` sessions; a symbol without any is missing."""
    parameters = {"symbols": list(symbols), "day": exchange_date(as_of), "as_of": as_of, "history": history}
    found: dict[Symbol, Valuation] = {}
    for row in fetch(snapshot, _VALUATIONS, parameters):
        (symbol, session), origin, counts = row[:2], row[2:7], row[7:]
        pe, pb, ps = (Multiple(*counts[at : at + 3]) for at in (0, 3, 6))
        found[symbol] = Valuation(symbol, session, pe, pb, ps, *origin)
    return found


def peer_multiples(
    snapshot: Snapshot, industries: Sequence[str], session: date, as_of: datetime
) -> tuple[PeerMultiples, ...]:
    """Every share of these industries that was valued in `session`, by symbol."""
    parameters = {"industries": list(industries), "session": session, "day": exchange_date(as_of), "as_of": as_of}
    return tuple(PeerMultiples(*row) for row in fetch(snapshot, _PEERS, parameters))
