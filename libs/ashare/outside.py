"""Why one day lies outside its band: the facts that may say so, asked in order; the first established one answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from libs.ashare.errors import UnknownRule
from libs.ashare.fitting import SCALE, References, lower, references, upper
from libs.ashare.reasons import Reason
from libs.ashare.rows import ListingRow, SpecialDay
from libs.ashare.rulebook import Rulebook
from libs.domain.market import Symbol

_LEAST_BREAK = 5
"""Sessions between the last ordinary day and the delisting period, at the least."""
_LONG_BREAK = 20
"""Sessions without trading before a suspended listing is resumed or a share reform done, at the least."""
_APPROXIMATE = 100
"""An approximate reference is wrong by no more than one part in so many."""
_MANY = 25
"""So many ex-dates tell which ones a file leaves out: of those in the files at hand that name all, a quarter cut off
less than 0.8 %, so that not one among 25 by chance is one time in a thousand."""
_VERY_MANY = 50
"""Cuts of single ticks are rarer."""
_LEAST_RATIO_LEFT_OUT = 0.005
_LEAST_TICKS_LEFT_OUT = 2


@dataclass(frozen=True, slots=True)
class NamedExDates:
    """The ex-dates that a file names at one exchange: how many, and the smallest cut among them."""

    count: int
    least_ticks: int
    least_ratio: float

    def leaves_out(self, cut: int, reference: int) -> bool:
        """Whether a cut of so many ticks is one of those that the file can be seen to leave out.

        It names many, none of them as small; and its smallest is too large for that to be chance.
        """
        too_few_ticks = cut < self.least_ticks and self.least_ticks >= _LEAST_TICKS_LEFT_OUT
        too_small = cut / reference < self.least_ratio and self.least_ratio >= _LEAST_RATIO_LEFT_OUT
        return (self.count >= _VERY_MANY and too_few_ticks) or (self.count >= _MANY and too_small)


NO_EX_DATES = NamedExDates(0, 0, 0.0)


@dataclass(frozen=True, slots=True)
class Row:
    """A day outside its band; prices in ticks. `ratio` is its limit in ten-thousandths.

    `previous` is the last close in the file, `declared` the reference the file names; `gap` the sessions without a
    row since the row before, `idle` those without a trade; `rows_left` the share's rows from this one on; `begun` the
    sessions since they began, itself included, 0 where that was no listing; `delisted` None where nobody says so;
    `taken_back`: the next session trades above what this close allows; `named`: the file's own ex-dates.
    """

    symbol: Symbol
    session: date
    open: int
    low: int
    high: int
    close: int
    ratio: int
    tick: Decimal
    previous: int | None
    declared: int | None
    gap: int
    idle: int
    rows_left: int
    begun: int
    delisted: bool | None
    taken_back: bool
    named: NamedExDates

    @property
    def fitting(self) -> References:
        """The references whose band holds the day."""
        return references(self.low, self.high, self.ratio)

    @property
    def shows_no_limit(self) -> bool:
        """Whether the day opens below the limit of the last close and no band at all is wide enough to hold it."""
        reference = self.declared or self.previous
        return reference is not None and self.open < lower(reference, self.ratio) and not self.fitting.any

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


def _new_listing(row: Row, rulebook: Rulebook) -> Outside | None:
    rule = _listing_rule(row, rulebook) if row.begun else None
    if rule is None:
        return None
    told = f"session {row.begun} since the rows of this share begin"
    if rule.first_day_down is None or rule.first_day_up is None:
        return Outside(Reason.NEW_LISTING, f"{told}; so soon after a listing there is no limit")
    if row.declared is None:
        return None
    lowest = lower(row.declared, int(rule.first_day_down * SCALE))
    highest = upper(row.declared, int(rule.first_day_up * SCALE))
    if not lowest <= row.low <= row.high <= highest:
        return None
    return Outside(Reason.NEW_LISTING, f"{told}; inside {row.price(lowest)} to {row.price(highest)} of a listing day")


def _listing_rule(row: Row, rulebook: Rulebook) -> ListingRow | None:
    try:
        return rulebook.listing_rule(rulebook.segment_of(row.symbol), row.session, row.begun)
    except UnknownRule:
        return None


def _approximate_reference(row: Row, _: Rulebook) -> Outside | None:
    if row.declared is None or row.previous is None or row.declared == row.previous:
        return None
    slack = row.declared // _APPROXIMATE
    first, last = row.declared - slack, row.declared + slack
    if not row.fitting.holds(first, last):
        return None
    return Outside(Reason.APPROXIMATE_REFERENCE, f"an ex-date by the file itself; fits {row.span(first, last)}")


def _delisting_period(row: Row, rulebook: Rulebook) -> Outside | None:
    if row.idle < _LEAST_BREAK or not (row.shows_no_limit if row.delisted is None else row.delisted):
        return None
    try:
        period = rulebook.delisting_period(row.session)
    except UnknownRule:
        return None
    if not period.unlimited or period.sessions is None or row.rows_left > period.sessions:
        return None
    return Outside(Reason.DELISTING_PERIOD, f"back after {row.idle} sessions, {row.rows_left} rows left")


def _small_ex_date(row: Row, _: Rulebook) -> Outside | None:
    if row.declared is None or row.declared != row.previous or row.taken_back:
        return None
    cut = row.declared - row.fitting.most
    if not row.fitting.any or cut < 1 or not row.named.leaves_out(cut, row.declared):
        return None
    told = f"fits {row.price(row.fitting.most)}, a cut of {cut / row.declared:.2%}"
    return Outside(Reason.SMALL_EX_DATE, f"{told}; the {row.named.count} ex-dates the file names have none as small")


def _resumption(row: Row, rulebook: Rulebook) -> Outside | None:
    reference = row.declared or row.previous
    if reference is None or row.idle < _LONG_BREAK:
        return None
    above = min(row.open, row.close) > upper(reference, row.ratio)
    below = max(row.open, row.close) < lower(reference, row.ratio)
    if not (above or below) or not _lifts_limits(row.session, rulebook):
        return None
    return Outside(Reason.RESUMPTION, f"back after {row.idle} sessions, open and close beyond the limit")


def _lifts_limits(session: date, rulebook: Rulebook) -> bool:
    for day in (SpecialDay.LISTING_RESUMED, SpecialDay.SHARE_REFORM):
        try:
            if rulebook.special_day(day, session).unlimited:
                return True
        except UnknownRule:
            continue
    return False


def _gap(row: Row, _: Rulebook) -> Outside | None:
    if row.gap == 0 or row.declared is not None or row.previous is None or not row.fitting.any:
        return None
    highest = row.previous
    for _missing in range(min(row.gap, _LONG_BREAK)):
        highest = upper(highest, row.ratio)
    if row.gap < _LONG_BREAK and row.fitting.least > highest:
        return None
    return Outside(Reason.GAP, f"{row.gap} sessions without a row; fits {row.span(0, row.fitting.most)}")


def _ex_date(row: Row, _: Rulebook) -> Outside | None:
    if row.declared is not None or row.previous is None or row.taken_back:
        return None
    below = row.previous - 1
    if row.low >= lower(row.previous, row.ratio) or not row.fitting.holds(1, below):
        return None
    return Outside(Reason.EX_DATE, f"fits a reference of {row.span(1, below)}, below the last close")


_ASKED: Sequence[Asker] = (
    _known_reference,
    _new_listing,
    _approximate_reference,
    _small_ex_date,
    _delisting_period,
    _gap,
    _ex_date,
    _resumption,
)


def takes_back(close: int, next_high: int, ratio: int) -> bool:
    """Whether the next session trades above what this close allows: then the fall was no new level."""
    return next_high > upper(close, ratio)
