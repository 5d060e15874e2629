"""The market on one session as the API shows it: indices, breadth, the limit ladder, sectors and margin financing."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime

from libs.contracts.api_market import BreadthView, IndexView, LimitLadder, MarginView, SectorView
from libs.domain.clock import exchange_date
from libs.storage.limit_closes import SMALLEST_LIMIT_MOVE, count_limits, runs_at_upper_limit
from libs.storage.listing_history import known
from libs.storage.market_read import large_moves
from libs.storage.snapshot import Snapshot, fetch

_NEWEST = "SELECT max(session) FROM market.bars WHERE published_at <= %(as_of)s AND session <= %(day)s"
_INDICES = """
SELECT DISTINCT ON (symbol) symbol, session, close, close / pre_close - 1, amount
FROM market.index_bars
WHERE session <= %(session)s AND session > %(session)s::date - 30 AND published_at <= %(as_of)s
ORDER BY symbol, session DESC
"""
_BREADTH = """
SELECT count(*) FILTER (WHERE NOT suspended), count(*) FILTER (WHERE NOT suspended AND close > pre_close),
       count(*) FILTER (WHERE NOT suspended AND close < pre_close), count(*) FILTER (WHERE suspended),
       coalesce(sum(amount), 0)
FROM market.bars WHERE session = %(session)s AND published_at <= %(as_of)s
"""
# Industries as a history knew them that day; where none does, as the one list has them, whose date is told.
_SECTORS = f"""
SELECT coalesce(history.value, listed.industry), count(*), avg(b.close / b.pre_close - 1)::float8,
       count(*) FILTER (WHERE b.close > b.pre_close), count(*) FILTER (WHERE b.close < b.pre_close), sum(b.amount),
       max(listed.as_of) FILTER (WHERE history.value IS NULL)
FROM market.bars b
LEFT JOIN market.instruments listed USING (symbol)
LEFT JOIN LATERAL {known("industry", "b.symbol", day="%(session)s")} AS history ON true
WHERE b.session = %(session)s AND b.published_at <= %(as_of)s AND NOT b.suspended
  AND coalesce(history.value, listed.industry) IS NOT NULL
GROUP BY 1 ORDER BY 3 DESC, 1
"""
_MARGIN = """
SELECT session, financing_balance::float8 FROM market.margin
WHERE session <= %(session)s AND published_at <= %(as_of)s ORDER BY session DESC LIMIT 2
"""


@dataclass(frozen=True, slots=True)
class Overview:
    """What is stored of one session; None where nothing is."""

    session: date | None
    indices: list[IndexView]
    breadth: BreadthView | None
    limits: LimitLadder | None
    sectors: list[SectorView]
    sectors_as_of: date | None
    margin: MarginView | None


def overview(tx: Snapshot, as_of: datetime, day: date) -> Overview:
    """The newest session with bars that were public at `as_of`, not after `day`."""
    # Never from a day that lies ahead: its index entries would all be walked before the first that was public.
    ((session,),) = fetch(tx, _NEWEST, {"as_of": as_of, "day": min(day, exchange_date(as_of))})
    if session is None:
        return Overview(None, [], None, None, [], None, None)
    asked = {"session": session, "as_of": as_of}
    ((traded, advancers, decliners, suspended, amount),) = fetch(tx, _BREADTH, asked)
    sectors = fetch(tx, _SECTORS, asked)
    return Overview(
        session=session,
        indices=[
            IndexView(symbol=symbol, session=of, close=close, change=change, amount=turnover)
            for symbol, of, close, change, turnover in fetch(tx, _INDICES, asked)
        ],
        breadth=BreadthView(
            traded=traded,
            advancers=advancers,
            decliners=decliners,
            unchanged=traded - advancers - decliners,
            suspended=suspended,
            amount=amount,
        ),
        limits=_ladder(tx, session, as_of),
        sectors=[
            SectorView(industry=name, shares=n, change=change, advancers=up, decliners=down, amount=traded_amount)
            for name, n, change, up, down, traded_amount, _ in sectors
        ],
        sectors_as_of=max((of for *_, of in sectors if of is not None), default=None),
        margin=_margin(tx, session, as_of),
    )


def _ladder(tx: Snapshot, session: date, as_of: datetime) -> LimitLadder:
    moves = large_moves(tx, session, as_of, at_least=SMALLEST_LIMIT_MOVE)
    counts = count_limits(moves, session)
    rungs = Counter(runs_at_upper_limit(tx, moves, session, as_of).values())
    longest_first = {run: rungs[run] for run in sorted(rungs, reverse=True)}
    return LimitLadder(up=counts.up, down=counts.down, rungs=longest_first, unknown=counts.unknown)


def _margin(tx: Snapshot, session: date, as_of: datetime) -> MarginView | None:
    rows = fetch(tx, _MARGIN, {"session": session, "as_of": as_of})
    if not rows:
        return None
    change = rows[0][1] / rows[1][1] - 1 if len(rows) > 1 and rows[1][1] > 0 else None
    return MarginView(session=rows[0][0], financing_balance=rows[0][1], change=change)
