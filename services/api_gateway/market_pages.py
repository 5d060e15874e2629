"""Pages of bars: what a request means, its cursor, and the bars as CSV."""

import base64
import csv
import io
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from libs.contracts.api_market import Adjustment, BarView, Interval, MarketData
from libs.domain.clock import SHANGHAI, exchange_date
from libs.domain.errors import InvalidInput
from libs.domain.market import Symbol
from libs.storage import views_bars
from libs.storage.snapshot import Snapshot
from libs.storage.views_bars import MINUTES, BarPage, BarQuery

DEFAULT_LIMIT = 250
MOST_BARS = 2000
_FIRST_DAY = date(1990, 1, 1)
"""No share was traded before."""
_LAST_YEAR = 2200
_COLUMNS = tuple(BarView.model_fields)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for bars, as it came."""

    symbol: Symbol
    interval: Interval
    adjustment: Adjustment
    as_of: datetime
    first: date | None
    last: date | None
    cursor: str | None
    limit: int


def look(tx: Snapshot, asked: Asked) -> MarketData:
    """One page; raises `InvalidInput` naming the parameter that is wrong."""
    today = exchange_date(asked.as_of)
    last = min(asked.last or today, today)
    first = max(asked.first or _FIRST_DAY, _FIRST_DAY)
    if first > last:
        raise InvalidInput("from" if asked.first else "to", "leaves no day that was over at `as_of`")
    newest = asked.first is None and asked.cursor is None
    query = BarQuery(asked.symbol, asked.interval, asked.adjustment, asked.as_of, first, last, asked.limit, newest)
    page = _page(tx, query, asked.cursor)
    return MarketData(
        symbol=asked.symbol,
        interval=asked.interval,
        adjustment=asked.adjustment,
        as_of=asked.as_of,
        sources=sorted({source for bar in page.bars for source in bar.source.split()}),
        synthetic=page.synthetic,
        bars=page.bars,
        next_cursor=_cursor(page.bars[-1]) if page.more and page.bars else None,
    )


def as_csv(data: MarketData) -> str:
    """The bars with a line of names; what JSON writes as null is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for bar in data.bars:
        said = bar.model_dump(mode="json")
        writer.writerow([_cell(said[name]) for name in _COLUMNS])
    return out.getvalue()


def _cell(value: object) -> object:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value


def _page(tx: Snapshot, query: BarQuery, cursor: str | None) -> BarPage:
    if cursor is None:
        return views_bars.page(tx, query)
    after = _read_cursor(cursor)
    if query.interval in MINUTES:
        return views_bars.page_after(tx, query, after)
    following = after.astimezone(SHANGHAI).date() + timedelta(days=1)
    if following > query.last:
        return BarPage([], synthetic=False, more=False)
    return views_bars.page(tx, replace(query, first=max(following, query.first)))


def _cursor(bar: BarView) -> str:
    end = bar.ends_at or datetime.combine(bar.session, datetime.min.time(), SHANGHAI)
    return base64.urlsafe_b64encode(end.isoformat().encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> datetime:
    try:
        end = datetime.fromisoformat(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode())
    except ValueError as e:
        raise InvalidInput("cursor", "is none that this page gave") from e
    if end.tzinfo is None or not _FIRST_DAY.year <= end.year < _LAST_YEAR:
        raise InvalidInput("cursor", "is none that this page gave")
    return end
