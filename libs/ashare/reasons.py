"""Why a daily bar is not simply a traded day inside its band. A reason is a rule or a dated fact, never a catch-all."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from libs.domain.market import Symbol


class Reason(StrEnum):
    """Each names what establishes it."""

    INSIDE = "inside"
    """A traded day with a limit, and every price within it."""

    SUSPENDED = "suspended"
    """No trading, by the file itself: a status, or no volume."""
    DUPLICATE = "duplicate"
    """The same share, session and prices stand in an earlier row."""
    UNKNOWN_RULE = "unknown_rule"
    """The rulebook knows no limit for this instrument on this day."""
    NO_REFERENCE = "no_reference"
    """The share's first row in a file that names no reference price for it: there is nothing to measure from."""
    NO_ISSUE_PRICE = "no_issue_price"
    """The listing day under the 64 % to 144 % rule, and the file does not name the issue price."""

    FIRST_SESSIONS = "first_sessions"
    """A session without limit by the rule of the listing date."""
    SPECIAL_DAY = "special_day"
    """A session without limit by a dated fact in `exemptions.toml`."""

    KNOWN_REFERENCE = "known_reference"
    """Inside the band of the reference price that `exemptions.toml` knows for this day."""
    NEW_LISTING = "new_listing"
    """No listing date is given, but the share's rows begin later than the file (a share alone in its file: with a row
    outside its band that its history bears out), and so few sessions ago that the rule of listings lifts the limit, or
    holds the first day around its issue price."""
    APPROXIMATE_REFERENCE = "approximate_reference"
    """The file itself marks an ex-date here, and a reference within 1 % of its own fits the day."""
    SMALL_EX_DATE = "small_ex_date"
    """The file names references but, of its many ex-dates at this exchange, none as small as the one this day
    implies below the last close; that reference fits the whole day, and the next session does not take it back."""
    RESUMPTION = "resumption"
    """Back after at least twenty sessions without trading, open and close beyond the same limit, in a time whose
    rules know first sessions without limit after a suspended listing or a share reform."""
    DELISTING_PERIOD = "delisting_period"
    """First session of the delisting period: back after at least five sessions, and no more rows follow than the period
    has sessions, in a time whose rule lifts the limit of that day. The list says delisted; or, where nobody says, the
    day opens below the limit of the last close and no band at all is wide enough for it."""
    GAP = "gap"
    """Sessions without a row lie between this one and the last close, so that the close is not the reference;
    one reference price fits the whole day, and so many sessions can have led up to it."""
    EX_DATE = "ex_date"
    """The file names no reference; the day reaches below the limit of the last close, which only a lower
    reference allows; one reference below that close fits the whole day, and the next session does not take it back."""

    DEFECTIVE = "defective"
    """No bar of that day: not a session; prices missing, in no order, off the tick, or other ones than an earlier row
    of the day; a range without a trade; a reference above the last close, where no ex-date can lift it."""
    UNEXPLAINED = "unexplained"
    """Outside its band, and nothing above is established."""


UNCHECKED = frozenset({
    Reason.SUSPENDED, Reason.DUPLICATE, Reason.UNKNOWN_RULE, Reason.NO_REFERENCE, Reason.NO_ISSUE_PRICE,
})  # fmt: skip
"""Rows that no band can be laid to."""
UNLIMITED = frozenset({Reason.FIRST_SESSIONS, Reason.SPECIAL_DAY})
"""Rows of days without a limit."""
OPEN = frozenset({Reason.DEFECTIVE, Reason.UNEXPLAINED})
"""Rows that nobody has explained."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A row outside its band, of a day without limit, or no bar at all; and what is known about it."""

    symbol: Symbol
    session: date
    reason: Reason
    reference: Decimal | None
    low: Decimal | None
    high: Decimal | None
    detail: str


@dataclass(frozen=True, slots=True)
class LimitCloses:
    """Closes at the limits in one session, of the rows whose limit and reference are known."""

    session: date
    up: int
    down: int


@dataclass(frozen=True, slots=True)
class BarReport:
    """What became of every row of a file. `reasons` counts all rows and adds up to `rows`."""

    rows: int
    shares: int
    first: date
    last: date
    special_unknown: int
    """Rows of boards with a narrower ST limit for which the file does not say whether the share was ST; they
    are held against the wider limit."""
    reasons: Mapping[Reason, int]
    limit_closes: tuple[LimitCloses, ...]
    findings: tuple[Finding, ...]

    @property
    def inside(self) -> int:
        """Ordinary rows whose prices lie within the band."""
        return self.reasons.get(Reason.INSIDE, 0)

    @property
    def outside(self) -> int:
        """Ordinary rows with a price beyond the band of the reference that the file gives or implies."""
        aside = UNCHECKED | UNLIMITED | {Reason.INSIDE, Reason.DEFECTIVE}
        return sum(count for reason, count in self.reasons.items() if reason not in aside)

    @property
    def ordinary(self) -> int:
        """Traded rows with a known limit and a reference price to measure from."""
        return self.inside + self.outside

    @property
    def unexplained(self) -> int:
        """Rows that nobody has explained; 0 is what a good file has."""
        return sum(self.reasons.get(reason, 0) for reason in OPEN)
