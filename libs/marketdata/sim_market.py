"""The simulated market as a whole: everything that is later told in bars, statements, flows, texts and ticks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from libs.ashare.calendar import CALENDAR
from libs.domain.errors import InvalidInput, NotFound
from libs.domain.market import Symbol
from libs.marketdata.sim_accounts import Accounts, accounts_of
from libs.marketdata.sim_companies import DEFAULT_SIZE, Company, companies
from libs.marketdata.sim_days import Days, days_of
from libs.marketdata.sim_factors import Factors, factors_of
from libs.marketdata.sim_life import Life, lives
from libs.marketdata.sim_shocks import Story, shocks_of, stories_of
from libs.marketdata.sim_unlocks import Unlock, float_matrix, unlocks_of
from libs.marketdata.sim_walk import Forces, Paths, walk
from libs.marketdata.source import SourceError

FIRST_SESSION = date(2024, 1, 2)
"""Where the simulated history begins, whatever day it is."""
_AHEAD = timedelta(days=45)


@dataclass(frozen=True, slots=True)
class Market:
    """One seeded market up to and including its last session. Matrices are sessions by companies."""

    seed: int
    sessions: tuple[date, ...]
    """Those that are simulated."""
    ahead: tuple[date, ...]
    """The same and some of those after them, as far as the calendar knows."""
    companies: tuple[Company, ...]
    factors: Factors
    accounts: Accounts
    lives: list[Life]
    stories: list[Story]
    unlocks: list[Unlock]
    paths: Paths
    days: Days

    def place(self, symbol: Symbol) -> int:
        """The column of a share; raises `NotFound`."""
        for place, company in enumerate(self.companies):
            if company.symbol == symbol:
                return place
        raise NotFound(f"the simulated exchange lists no {symbol}")

    def number(self, session: date) -> int:
        """The row of a session; raises `InvalidInput`."""
        try:
            return self.sessions.index(session)
        except ValueError:
            raise InvalidInput("session", f"{session} is no simulated session") from None

    @property
    def symbols(self) -> list[Symbol]:
        """In the order of the columns."""
        return [company.symbol for company in self.companies]


def market_of(seed: int, last_session: date, size: int = DEFAULT_SIZE) -> Market:
    """The market of a seed; the same arguments give the same market to the last bit, on any machine."""
    if last_session < FIRST_SESSION:
        raise SourceError(f"the simulated exchange opens on {FIRST_SESSION}; {last_session} lies before it")
    sessions = CALENDAR.sessions_between(FIRST_SESSION, last_session)
    ahead = CALENDAR.sessions_between(FIRST_SESSION, min(last_session + _AHEAD, CALENDAR.last))
    listed = companies(seed, size, len(sessions))
    accounts = accounts_of(seed, listed, last_session.year + 1)
    courses = lives(seed, listed, accounts, ahead, len(sessions))
    stories = stories_of(seed, listed, len(sessions))
    factors = factors_of(seed, len(sessions))
    shocks = shocks_of(listed, accounts, courses, stories, sessions)
    paths = walk(Forces(seed, sessions, listed, courses, factors, shocks))
    unlocks = unlocks_of(seed, listed, courses, ahead)
    floats = float_matrix(listed, unlocks, paths.shares)
    days = days_of(seed, listed, paths, factors, floats)
    return Market(seed, sessions, ahead, listed, factors, accounts, courses, stories, unlocks, paths, days)


def quarter_known(accounts: Accounts, place: int, sessions: Sequence[date]) -> NDArray[np.int64]:
    """For each session the newest quarter that had been announced before it, -1 where none had."""
    announced = np.array([day.toordinal() for day in accounts.announced[place]])
    days = np.array([day.toordinal() for day in sessions])
    return np.searchsorted(announced, days, side="left").astype(np.int64) - 1
