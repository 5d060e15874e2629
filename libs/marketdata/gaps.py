"""Gaps: sessions after the first bar of a share for which there is neither a bar nor a suspension.

They end at its last bar, or at the newest bar of any share where it was seen in the two months before and has not been
delisted since: a share that fell silent is missing, one that nobody collects any more is not. A gap is a fact about the
store, not about the market: nobody may read it as a day without trading. Standard library only;
`libs.storage.completeness` finds the same in the database.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

SEEN_WITHIN = timedelta(days=60)
"""A share that has not been seen for longer is not expected any more."""


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """Sessions in a row that one share has no bar of, both ends included."""

    symbol: str
    first: date
    last: date
    sessions: int


@dataclass(frozen=True, slots=True)
class Repair:
    """What is to be fetched again: one window for several shares."""

    first: date
    last: date
    symbols: tuple[str, ...]


def missing(
    sessions: Sequence[date], bars: Collection[date], suspended: Collection[date] = (), newest: date | None = None
) -> list[date]:
    """The sessions of one share that should have a bar and have none, in order.

    `sessions` is the exchange's calendar, `bars` the share's own dates, `suspended` its days without trading (停牌),
    `newest` the newest day on which any share has a bar, or the last one before this share was delisted.
    """
    if not bars:
        return []
    first, last, known = min(bars), max(bars), {*bars, *suspended}
    if newest is not None and newest - SEEN_WITHIN <= last:
        last = max(last, newest)
    return [session for session in sorted(sessions) if first < session <= last and session not in known]


def gaps(missing_sessions: Iterable[tuple[str, date]], sessions: Sequence[date]) -> list[Gap]:
    """Missing sessions, by symbol and date, put together where they follow each other in the calendar."""
    place = {session: at for at, session in enumerate(sorted(sessions))}
    found: list[Gap] = []
    for symbol, session in sorted(missing_sessions):
        before = found[-1] if found else None
        if before and before.symbol == symbol and place[session] == place[before.last] + 1:
            found[-1] = Gap(symbol, before.first, session, before.sessions + 1)
        else:
            found.append(Gap(symbol, session, session, 1))
    return found


def repairs(found: Iterable[Gap]) -> list[Repair]:
    """What to fetch: gaps whose windows overlap are fetched together, so that no session is asked for twice."""
    plans: list[Repair] = []
    for gap in sorted(found, key=lambda gap: (gap.first, gap.last, gap.symbol)):
        before = plans[-1] if plans else None
        if before and gap.first <= before.last:
            symbols = tuple(sorted({*before.symbols, gap.symbol}))
            plans[-1] = Repair(before.first, max(before.last, gap.last), symbols)
        else:
            plans.append(Repair(gap.first, gap.last, (gap.symbol,)))
    return plans
