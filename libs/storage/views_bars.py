"""Bars of one share as the API shows them: paged, adjusted with the factors known at an instant, any interval."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from libs.ashare.adjustment import backward_ratios, forward_factors
from libs.contracts.api_market import Adjustment, BarView, Interval
from libs.domain.clock import SHANGHAI
from libs.domain.errors import InvalidInput
from libs.domain.market import Symbol
from libs.storage.snapshot import Snapshot, fetch

MINUTES = {
    Interval.MINUTE: 1,
    Interval.FIVE_MINUTES: 5,
    Interval.QUARTER_HOUR: 15,
    Interval.HALF_HOUR: 30,
    Interval.HOUR: 60,
}
_LONGEST_SPAN = {Interval.DAY: 1, Interval.WEEK: 7, Interval.MONTH: 23}
"""The most sessions that one bar can cover."""
_PRICE_DIGITS = Decimal("0.0001")

_DAILY = """
SELECT session, open, high, low, close, pre_close, volume, amount, adj_factor, turnover_rate, suspended,
       special_treatment, source, synthetic
FROM market.bars
WHERE symbol = %(symbol)s AND session >= %(first)s AND session <= %(last)s AND published_at <= %(as_of)s
ORDER BY session {order}
LIMIT %(count)s
"""
# What happened between the page and `as_of` decides the newest factor; a forward factor before the page is its base.
_ALL_FACTORS = """
SELECT session, close::float8, pre_close::float8, adj_factor, suspended
FROM market.bars
WHERE symbol = %(symbol)s AND published_at <= %(as_of)s
ORDER BY session
"""
_INTRADAY = """
SELECT ends_at, open, high, low, close, volume, amount, source, synthetic
FROM market.minute_bars
WHERE symbol = %(symbol)s AND interval_minutes = %(minutes)s AND published_at <= %(as_of)s
  AND ends_at > %(after)s AND ends_at < %(before)s
ORDER BY ends_at {order}
LIMIT %(count)s
"""


@dataclass(frozen=True, slots=True)
class BarQuery:
    """Which bars are wanted; both ends of the span are included."""

    symbol: Symbol
    interval: Interval
    adjustment: Adjustment
    as_of: datetime
    first: date
    last: date
    limit: int
    newest: bool = False
    """The last bars of the span instead of its first."""

    @property
    def order(self) -> str:
        """The direction in which rows are read."""
        return "DESC" if self.newest else "ASC"


@dataclass(frozen=True, slots=True)
class BarPage:
    """Bars, oldest first, and whether more follow."""

    bars: list[BarView]
    synthetic: bool
    more: bool


@dataclass(frozen=True, slots=True)
class _Day:
    """One stored session."""

    session: date
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    pre_close: Decimal
    volume: int
    amount: Decimal
    factor: float | None
    turnover_rate: float | None
    suspended: bool
    special_treatment: bool
    source: str
    synthetic: bool


def page(tx: Snapshot, query: BarQuery) -> BarPage:
    """One page of bars; raises `InvalidInput` where prices cannot be adjusted."""
    if query.interval in MINUTES:
        return _intraday(tx, query, after=datetime.combine(query.first, datetime.min.time(), SHANGHAI))
    wanted = (query.limit + 1) * _LONGEST_SPAN[query.interval]
    rows = fetch(tx, _DAILY.format(order=query.order), {**_parameters(query), "count": wanted})
    days = _adjusted(tx, [_Day(*row) for row in _oldest_first(rows, query)], query)
    bars = [_merged(group) for group in _grouped(days, query.interval)]
    full = len(rows) == wanted
    if full and query.interval is not Interval.DAY:
        # The rows may end within a week or a month, at the end that was read last.
        bars = bars[1:] if query.newest else bars[:-1]
    more = not query.newest and (full or len(bars) > query.limit)
    return BarPage(_cut(bars, query), any(day.synthetic for day in days), more)


def page_after(tx: Snapshot, query: BarQuery, ends_at: datetime) -> BarPage:
    """The bars within the day that follow one that ended at an instant."""
    return _intraday(tx, query, after=ends_at)


def _intraday(tx: Snapshot, query: BarQuery, *, after: datetime) -> BarPage:
    if query.adjustment is not Adjustment.NONE:
        raise InvalidInput("adjustment", "bars within the day are shown as traded; ask for none")
    end = datetime.combine(query.last, datetime.max.time(), SHANGHAI)
    parameters = {**_parameters(query), "minutes": MINUTES[query.interval], "after": after, "before": end}
    rows = fetch(tx, _INTRADAY.format(order=query.order), {**parameters, "count": query.limit + 1})
    bars = [
        BarView(
            session=ends_at.astimezone(SHANGHAI).date(),
            ends_at=ends_at,
            open=opened,
            high=high,
            low=low,
            close=close,
            pre_close=None,
            volume=volume,
            amount=amount,
            turnover_rate=None,
            suspended=False,
            special_treatment=False,
            source=source,
        )
        for ends_at, opened, high, low, close, volume, amount, source, _ in _oldest_first(rows, query)
    ]
    more = not query.newest and len(rows) > query.limit
    return BarPage(_cut(bars, query), any(row[-1] for row in rows), more)


def _oldest_first(rows: list[tuple[Any, ...]], query: BarQuery) -> list[tuple[Any, ...]]:
    return rows[::-1] if query.newest else rows


def _cut(bars: list[BarView], query: BarQuery) -> list[BarView]:
    return bars[-query.limit :] if query.newest else bars[: query.limit]


def _parameters(query: BarQuery) -> dict[str, object]:
    return {"symbol": query.symbol, "first": query.first, "last": query.last, "as_of": query.as_of}


def _adjusted(tx: Snapshot, days: Sequence[_Day], query: BarQuery) -> list[_Day]:
    if query.adjustment is Adjustment.NONE or not days:
        return list(days)
    sessions, close, pre_close, stored, suspended = zip(
        *fetch(tx, _ALL_FACTORS, {"symbol": query.symbol, "as_of": query.as_of}), strict=True
    )
    factors = forward_factors(close, pre_close, stored, suspended)
    ratios = backward_ratios(factors) if query.adjustment is Adjustment.FORWARD else factors
    by_session = dict(zip(sessions, ratios, strict=True))
    return [_scaled(day, by_session[day.session]) for day in days]


def _scaled(day: _Day, ratio: float) -> _Day:
    """The reference price of the day is scaled as the day is: both belong to the same side of the ex-date."""
    by = Decimal(repr(ratio))
    prices = {
        name: (getattr(day, name) * by).quantize(_PRICE_DIGITS)
        for name in ("open", "high", "low", "close", "pre_close")
    }
    return replace(day, **prices)


def _grouped(days: Sequence[_Day], interval: Interval) -> Iterator[list[_Day]]:
    keys = {
        Interval.DAY: lambda day: day.session,
        Interval.WEEK: lambda day: day.session.isocalendar()[:2],
        Interval.MONTH: lambda day: (day.session.year, day.session.month),
    }
    for _, group in groupby(days, keys[interval]):
        yield list(group)


def _merged(days: list[_Day]) -> BarView:
    """One bar over its sessions; suspended days among traded ones add nothing."""
    traded = [day for day in days if not day.suspended] or days
    rates = [day.turnover_rate for day in traded]
    known = [rate for rate in rates if rate is not None]
    return BarView(
        session=days[-1].session,
        open=traded[0].open,
        high=max(day.high for day in traded),
        low=min(day.low for day in traded),
        close=traded[-1].close,
        pre_close=traded[0].pre_close,
        volume=sum(day.volume for day in traded),
        amount=sum((day.amount for day in traded), Decimal(0)),
        turnover_rate=sum(known) if len(known) == len(rates) else None,
        suspended=traded is days and all(day.suspended for day in days),
        special_treatment=days[-1].special_treatment,
        source=" ".join(dict.fromkeys(day.source for day in days)),
    )
