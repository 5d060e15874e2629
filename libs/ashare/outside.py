"""Why one day lies outside its band: the facts that may say so, asked in order; the first established one answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from libs.ashare.errors import UnknownRule
from libs.ashare.fitting import References, lower, references, upper
from libs.ashare.reasons import Reason
from libs.ashare.rulebook import Rulebook
from libs.domain.market import Symbol

_LEAST_BREAK = 5
"""Sessions between the last ordinary day and the delisting period, at the least."""
_APPROXIMATE = 100
"""An approximate reference is wrong by no more than one part in so many."""


@dataclass(frozen=True, slots=True)
class Row:
    """A day outside its band; prices in ticks. `ratio` is its limit in ten-thousandths.

    `previous` is the last close in the file, `declared` the reference the file names; `gap` the sessions without a
    row since the row before; `rows_left` the share's rows from this one on; `taken_back`: the next session
    trades above what this close allows.
    """

    symbol: Symbol
    session: date
    low: int
    high: int
    ratio: int
    tick: Decimal
    previous: int | None
    declared: int | None
    gap: int
    rows_left: int
    delisted: bool
    taken_back: bool

    @property
    def fitting(self) -> References:
        """The references whose band holds the day."""
        return references(self.low, self.high, self.ratio)

    def price(self, ticks: int) -> Decimal:
        """Ticks as a price."""
        return ticks * self.tick

    def span(self, first: int, last: int) -> str:
        """The fitting references from `first` to `last`, for people."""
        least, most = max(self.fitting.least, first), min(self.fitting.most, last)
        return f"{self.price(least)}" if least == most else f"{self.price(least)} to {self.price(most)}"


@dataclass(frozen=True, slots=True)
class Outside:
    """The answer for one row: its reason, and in words what establishes it or what would."""

    reason: Reason
    detail: str


Asker = Callable[[Row, Rulebook], Outside | None]


def explain(row: Row, rulebook: Rulebook) -> Outside:
    """The first established fact, or `UNEXPLAINED` with what an explanation would need."""
    for ask in _ASKED:
        answer = ask(row, rulebook)
        if answer is not None:
            return answer
    if not row.fitting.any:
        return Outside(Reason.UNEXPLAINED, "no reference price holds the whole day")
    return Outside(Reason.UNEXPLAINED, f"would fit a reference of {row.span(0, row.fitting.most)}")


def _known_reference(row: Row, rulebook: Rulebook) -> Outside | None:
    known = rulebook.reference_of(row.symbol, row.session)
    if known is None:
        return None
    ticks = int(known.reference / row.tick)
    if not row.fitting.holds(ticks, ticks):
        return None
    return Outside(Reason.KNOWN_REFERENCE, f"{known.reference}: {known.reason}")


def _approximate_reference(row: Row, _: Rulebook) -> Outside | None:
    if row.declared is None or row.previous is None or row.declared == row.previous:
        return None
    slack = row.declared // _APPROXIMATE
    first, last = row.declared - slack, row.declared + slack
    if not row.fitting.holds(first, last):
        return None
    return Outside(Reason.APPROXIMATE_REFERENCE, f"an ex-date by the file itself; fits {row.span(first, last)}")


def _delisting_period(row: Row, rulebook: Rulebook) -> Outside | None:
    if not row.delisted or row.gap < _LEAST_BREAK:
        return None
    try:
        period = rulebook.delisting_period(row.session)
    except UnknownRule:
        return None
    if not period.unlimited or period.sessions is None or row.rows_left > period.sessions:
        return None
    return Outside(Reason.DELISTING_PERIOD, f"back after {row.gap} sessions, {row.rows_left} rows left")


def _gap(row: Row, _: Rulebook) -> Outside | None:
    if row.gap == 0 or row.declared is not None or not row.fitting.any:
        return None
    return Outside(Reason.GAP, f"{row.gap} sessions without a row; fits {row.span(0, row.fitting.most)}")


def _ex_date(row: Row, _: Rulebook) -> Outside | None:
    if row.declared is not None or row.previous is None or row.taken_back:
        return None
    below = row.previous - 1
    if row.low >= lower(row.previous, row.ratio) or not row.fitting.holds(1, below):
        return None
    return Outside(Reason.EX_DATE, f"fits a reference of {row.span(1, below)}, below the last close")


_ASKED: Sequence[Asker] = (_known_reference, _approximate_reference, _delisting_period, _gap, _ex_date)


def takes_back(close: int, next_high: int, ratio: int) -> bool:
    """Whether the next session trades above what this close allows: then the fall was no new level."""
    return next_high > upper(close, ratio)
