"""What a share was called and where it belonged, as it was public at an instant.

History comes first. What no history says is taken from the one list there is, whose date comes with it: a list that is
newer than the day asked about is backdated, and whoever uses it says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from libs.domain.clock import exchange_date
from libs.domain.market import Symbol
from libs.storage.listing_history import known
from libs.storage.snapshot import Snapshot, fetch


@dataclass(frozen=True, slots=True)
class ListedInstrument:
    """What analysts ask of a list; the dates say since when a history says so, or of when the list is that does."""

    symbol: Symbol
    name: str
    name_as_of: date
    industry: str | None
    industry_as_of: date | None


_INSTRUMENTS = f"""
SELECT asked.symbol, coalesce(name.value, listed.name), coalesce(name.since, listed.as_of),
       coalesce(industry.value, listed.industry), coalesce(industry.since, listed.as_of)
FROM unnest(%(symbols)s::text[]) AS asked (symbol)
LEFT JOIN market.instruments AS listed ON listed.symbol = asked.symbol
LEFT JOIN LATERAL {known("name", "asked.symbol")} AS name ON true
LEFT JOIN LATERAL {known("industry", "asked.symbol")} AS industry ON true
WHERE coalesce(name.value, listed.name) IS NOT NULL
"""


def instruments(snapshot: Snapshot, symbols: Sequence[Symbol], as_of: datetime) -> dict[Symbol, ListedInstrument]:
    """What was known of these symbols at `as_of`; one that neither history nor list names is missing."""
    parameters = {"symbols": list(symbols), "day": exchange_date(as_of), "as_of": as_of}
    return {row[0]: ListedInstrument(*row) for row in fetch(snapshot, _INSTRUMENTS, parameters)}
