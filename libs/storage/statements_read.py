"""Items of periodic reports and goodwill, as announced by an instant; a restatement counts from its own day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from libs.domain.market import Symbol
from libs.storage.snapshot import Snapshot, fetch


@dataclass(frozen=True, slots=True)
class StatementItem:
    """One item of one period: CNY, CNY a share, fraction or ratio, as its name says."""

    symbol: Symbol
    period: date
    item: str
    value: float
    announced_on: date
    source: str
    synthetic: bool
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Goodwill:
    """Goodwill (商誉) at the end of a period, in CNY; the ratio is of equity."""

    symbol: Symbol
    period: date
    goodwill: float
    ratio_of_equity: float | None
    impairment: float | None
    source: str
    synthetic: bool
    published_at: datetime


# Of the announcements of one item of one period that were public, the newest counts.
_ITEMS = """
SELECT symbol, period, item, value, announced_on, source, synthetic, published_at
FROM (
    SELECT DISTINCT ON (symbol, period, item) *,
           dense_rank() OVER (PARTITION BY symbol ORDER BY period DESC) AS back
    FROM market.statements
    WHERE symbol = ANY(%(symbols)s::text[]) AND published_at <= %(as_of)s
      AND (%(items)s::text[] IS NULL OR item = ANY(%(items)s::text[]))
    ORDER BY symbol, period, item, announced_on DESC
) AS known
WHERE back <= %(periods)s
ORDER BY symbol, period, item
"""

_GOODWILL = """
SELECT DISTINCT ON (symbol) symbol, period, goodwill::float8, ratio_of_equity, impairment::float8,
       source, synthetic, published_at
FROM market.goodwill
WHERE symbol = ANY(%(symbols)s::text[]) AND published_at <= %(as_of)s
ORDER BY symbol, period DESC, announced_on DESC
"""


def statements_as_of(
    snapshot: Snapshot, symbols: Sequence[Symbol], as_of: datetime, *, items: Sequence[str] | None = None, periods: int
) -> tuple[StatementItem, ...]:
    """The items of each share's last `periods` periods with anything announced, by share, period and item."""
    parameters = {
        "symbols": list(symbols),
        "as_of": as_of,
        "items": None if items is None else list(items),
        "periods": periods,
    }
    return tuple(StatementItem(*row) for row in fetch(snapshot, _ITEMS, parameters))


def newest_goodwill(snapshot: Snapshot, symbols: Sequence[Symbol], as_of: datetime) -> dict[Symbol, Goodwill]:
    """Each share's goodwill of the newest period announced; a share without any is missing."""
    rows = fetch(snapshot, _GOODWILL, {"symbols": list(symbols), "as_of": as_of})
    return {row[0]: Goodwill(*row) for row in rows}
