"""What happens to each simulated share and when: listing, special treatment, suspensions, ex-dates, delisting.

All of it follows from a company's accounts and its own random numbers, never from prices, so that it can be known
before the first price is made. Days are numbers of sessions; the axis runs beyond the last session where the calendar
does, because what is announced for later must be known now.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from libs.ashare.rulebook import RULEBOOK
from libs.marketdata.sim_accounts import FIRST_YEAR, Accounts
from libs.marketdata.sim_companies import Company
from libs.marketdata.sim_numbers import stream

ANNOUNCED_BEFORE = 5
"""Sessions between the announcement of a distribution and its ex-date."""
_DECISION_SESSIONS = 8
"""How long a share rests before its delisting period."""
_SETTLED = 30
"""Sessions after its listing in which nothing else happens to a share."""
_HALT_ODDS = 0.00042
_PLAIN_ODDS = 0.004
"""Of a year in which auditors or regulators find fault: plain ST without losses."""
_STAYS_ODDS = 0.6
"""That a company with a third loss keeps its listing all the same, because it sells enough."""


class Treatment(IntEnum):
    """The special treatment of a share (风险警示); the order is that of severity."""

    NONE = 0
    ST = 1
    STAR_ST = 2
    DELISTING = 3

    @property
    def word(self) -> str:
        """As the history of an instrument says it."""
        return ("none", "ST", "*ST", "delisting")[self]

    @property
    def is_special(self) -> bool:
        """Whether the band of ST and *ST rules; the delisting period has that of the board again."""
        return self in {Treatment.ST, Treatment.STAR_ST}

    def shown(self, name: str) -> str:
        """The share's name under this treatment."""
        return (name, f"ST{name}", f"*ST{name}", f"{name}退")[self]


@dataclass(frozen=True, slots=True)
class Halt:
    """A suspension of whole sessions, from `start` up to and not including `end`."""

    start: int
    end: int
    reason: str
    shock: float = 0.0
    """What the news behind it is worth on the first session after it."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """What is given to holders on an ex-date."""

    ex: int
    announced: int
    cash: float
    transfer: float


@dataclass(slots=True)
class Life:
    """One share's course. `changes` begin with its treatment on the first session."""

    listed_at: int
    changes: list[tuple[int, Treatment]] = field(default_factory=list)
    halts: list[Halt] = field(default_factory=list)
    distributions: list[Distribution] = field(default_factory=list)
    free_from: int | None = None
    """The first session of the delisting period, which has no limit."""
    delisted_at: int | None = None
    """The first session on which it is no longer listed."""

    def treatment_at(self, session: int) -> Treatment:
        """The treatment in a session."""
        return next((t for start, t in reversed(self.changes) if start <= session), Treatment.NONE)

    def rests_between(self, first: int, last: int) -> bool:
        """Whether any session of a stretch is one of suspension, treatment or delisting."""
        restless = any(halt.start <= last and halt.end >= first for halt in self.halts)
        treated = any(self.treatment_at(at) is not Treatment.NONE for at in (first, last))
        return restless or treated or (self.delisted_at is not None and last >= self.delisted_at)


def lives(
    seed: int, companies: Sequence[Company], accounts: Accounts, sessions: Sequence[date], count: int
) -> list[Life]:
    """The course of every company over `sessions`, of which the first `count` are simulated."""
    return [_Course(seed, company, place, accounts, sessions).life(count) for place, company in enumerate(companies)]


def halted_matrix(all_lives: Sequence[Life], count: int) -> NDArray[np.bool_]:
    """Sessions by companies: suspended."""
    found = np.zeros((count, len(all_lives)), dtype=np.bool_)
    for place, life in enumerate(all_lives):
        for halt in life.halts:
            found[halt.start : halt.end, place] = True
    return found


def listed_matrix(all_lives: Sequence[Life], count: int) -> NDArray[np.bool_]:
    """Sessions by companies: listed."""
    found = np.zeros((count, len(all_lives)), dtype=np.bool_)
    for place, life in enumerate(all_lives):
        end = count if life.delisted_at is None else min(life.delisted_at, count)
        found[max(life.listed_at, 0) : end, place] = True
    return found


def treatment_matrix(all_lives: Sequence[Life], count: int) -> NDArray[np.int8]:
    """Sessions by companies: the treatment."""
    found = np.zeros((count, len(all_lives)), dtype=np.int8)
    for place, life in enumerate(all_lives):
        for start, treatment in life.changes:
            found[max(start, 0) :, place] = treatment
    return found


class _Course:
    """Finds the events of one company in the order in which they take precedence."""

    def __init__(self, seed: int, company: Company, place: int, accounts: Accounts, sessions: Sequence[date]) -> None:
        self._seed, self._company, self._place = seed, company, place
        self._accounts, self._sessions = accounts, sessions

    def life(self, count: int) -> Life:
        life = Life(self._company.listed_at)
        self._treat(life)
        self._distribute(life)
        self._halt(life, count)
        life.halts.sort(key=lambda halt: halt.start)
        return life

    def _after(self, day: date) -> int:
        """The number of the first session after a day; -1 where the history begins later still."""
        at = bisect_right(self._sessions, day)
        return at if at > 0 else -1

    def _treat(self, life: Life) -> None:
        years = len(self._accounts.periods) // 4
        draws = stream(self._seed, "treatments", self._company.symbol).random((years, 4))
        now = Treatment.NONE
        for year in range(FIRST_YEAR + 1, FIRST_YEAR + years):
            at = self._after(self._accounts.announced[self._place, self._accounts.quarter(year, 4)])
            if at >= len(self._sessions) or (at < life.listed_at + _SETTLED and life.listed_at >= 0):
                continue
            u = draws[year - FIRST_YEAR]
            before, lost = self._lost(year - 1), self._lost(year)
            if now is Treatment.STAR_ST and lost and u[0] > _STAYS_ODDS and at > 0:
                self._delist(life, at)
                return
            wanted = Treatment.STAR_ST if lost and (before or now is Treatment.STAR_ST) else Treatment.NONE
            if wanted is Treatment.NONE and u[1] < _PLAIN_ODDS:
                wanted = Treatment.ST
            if wanted is not now:
                self._change(life, at, wanted)
                now = wanted

    def _lost(self, year: int) -> bool:
        return self._accounts.annual_profit(self._place, year) < 0

    def _change(self, life: Life, at: int, wanted: Treatment) -> None:
        """A new treatment begins after a session of rest, in which everybody can read of it."""
        if at <= 0:
            life.changes.append((0, wanted))
            return
        told = ("撤销风险警示停牌一天", "被实施其他风险警示停牌一天", "被实施退市风险警示停牌一天")
        life.halts.append(Halt(at, at + 1, told[wanted]))
        life.changes.append((at + 1, wanted))

    def _delist(self, life: Life, at: int) -> None:
        free = at + _DECISION_SESSIONS
        life.halts.append(Halt(at, free, "触及终止上市情形停牌"))
        life.changes.append((free, Treatment.DELISTING))
        life.free_from = free
        if free < len(self._sessions):
            row = RULEBOOK.delisting_period(self._sessions[free])
            life.delisted_at = free + (row.sessions or 0)

    def _distribute(self, life: Life) -> None:
        years = len(self._accounts.periods) // 4
        draws = stream(self._seed, "ex-dates", self._company.symbol).random(years)
        for year in range(self._sessions[0].year - 1, FIRST_YEAR + years - 1):
            quarter = self._accounts.quarter(year, 4)
            cash = float(self._accounts.dividend[self._place, quarter])
            transfer = float(self._accounts.transfer[self._place, quarter])
            day = date(year + 1, 5, 14) + timedelta(days=int(draws[year + 1 - FIRST_YEAR] * 66))
            ex = bisect_left(self._sessions, day)
            announced = ex - ANNOUNCED_BEFORE
            if cash + transfer <= 0 or ex >= len(self._sessions):
                continue
            settled = announced > life.listed_at + _SETTLED or life.listed_at < 0
            if settled and not life.rests_between(announced - 1, ex + 1):
                life.distributions.append(Distribution(ex, announced, cash, transfer))

    def _halt(self, life: Life, count: int) -> None:
        draws = stream(self._seed, "halts", self._company.symbol).random((count, 4))
        busy_until = max(life.listed_at, 0) + _SETTLED if life.listed_at >= 0 else 1
        for at in np.flatnonzero(draws[:, 0] < _HALT_ODDS):
            kind = _REASONS[int(draws[at, 1] * len(_REASONS))]
            halt = Halt(
                int(at), int(at) + kind.least + int(draws[at, 2] * kind.spread), kind.reason, kind.shock(draws[at, 3])
            )
            near = any(d.announced - 1 <= halt.end and halt.start <= d.ex + 1 for d in life.distributions)
            if halt.start >= busy_until and not near and not life.rests_between(halt.start - 1, halt.end + 1):
                life.halts.append(halt)
                busy_until = halt.end + 10


@dataclass(frozen=True, slots=True)
class _Kind:
    reason: str
    least: int
    spread: int
    worth: float

    def shock(self, u: float) -> float:
        """More often good than bad, as what a company asks a suspension for is."""
        return self.worth * (1.3 * u if u > 0.35 else u - 1)


_REASONS = (
    _Kind("拟筹划重大资产重组停牌", 5, 6, 0.28),
    _Kind("重大事项未公告停牌", 1, 4, 0.10),
    _Kind("筹划控制权变更停牌", 2, 4, 0.16),
    _Kind("刊登重要公告停牌", 1, 1, 0.05),
)
