"""The walk behind the simulated exchange: one market, its industries, its shares; every price obeys the rulebook.

A session is drawn from the seed and its own number, and depends on the sessions before it alone: asking for one session
more never changes the past. Volatility clusters, tails are fat, a policy moves its industry for days after it was told.
"""

from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from libs.ashare.panel import PanelRows, bands, board_codes
from libs.ashare.rulebook import RULEBOOK
from libs.marketdata.sim_companies import Company

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_POLICY_DECAY = 0.8
_DIVIDEND_EVERY = 242
_RESULTS_EVERY = 61


@dataclass(frozen=True, slots=True)
class Policy:
    """A measure made public in the evening of a session; it moves its industry from the next one on."""

    industry: str
    supportive: bool


@dataclass(frozen=True, slots=True)
class Day:
    """One session of the whole exchange; arrays are in the order of the companies."""

    session: date
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    pre_close: Floats
    volume: NDArray[np.int64]
    amount: Floats
    turnover: Floats
    adj_factor: Floats
    suspended: Bools
    pe: Floats
    pb: Floats
    market_return: float
    policy: Policy | None


@dataclass(slots=True)
class _State:
    """What one session hands to the next."""

    close: Floats
    adj_factor: Floats
    earnings: Floats
    book: Floats
    drift: Floats
    """What is left of past policies, per industry."""
    variance: float = 1.0
    trend: float = 0.0
    halted: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


class Walk:
    """Sessions one after the other."""

    def __init__(self, seed: int, companies: tuple[Company, ...]) -> None:
        self._seed = seed
        self._companies = companies
        self.industries = tuple(dict.fromkeys(c.industry for c in companies))
        self._industry = np.array([self.industries.index(c.industry) for c in companies])
        self._beta = np.array([c.beta for c in companies])
        self._shares = np.array([c.shares for c in companies]) * 1e6
        self._boards = board_codes([c.board for c in companies])
        self._special = np.array([c.special_treatment for c in companies])
        price = np.array([c.price for c in companies])
        earnings = price * np.array([c.earnings_yield for c in companies])
        self._state = _State(
            close=price,
            adj_factor=np.ones(len(companies)),
            earnings=earnings,
            book=np.maximum(earnings / 0.11, price * 0.15),
            drift=np.zeros(len(self.industries)),
            halted=np.zeros(len(companies), dtype=np.int64),
        )

    def step(self, number: int, session: date) -> Day:
        """The session with this number; to be called in order."""
        rng = np.random.default_rng([self._seed, number])
        state = self._state
        market = self._market_return(rng)
        returns = self._returns(rng, market)
        reference = self._reference_prices(number, rng)
        halted = self._halts(rng)
        day = self._trade(rng, session, reference, returns, halted)
        self._report_results(number, rng, returns)
        policy = self._policy(rng)
        state.close = day.close
        return Day(
            open=day.open,
            high=day.high,
            low=day.low,
            close=day.close,
            pre_close=day.pre_close,
            volume=day.volume,
            amount=day.amount,
            turnover=day.turnover,
            session=session,
            adj_factor=state.adj_factor.copy(),
            suspended=halted,
            pe=np.round(day.close / state.earnings, 4),
            pb=np.round(day.close / state.book, 4),
            market_return=market,
            policy=policy,
        )

    def _market_return(self, rng: np.random.Generator) -> float:
        state = self._state
        state.trend = 0.97 * state.trend + 0.0003 * float(rng.standard_normal())
        shock = float(rng.standard_t(5)) * 0.0075 * state.variance**0.5
        state.variance = 0.1 + 0.8 * state.variance + 0.1 * min((shock / 0.0097) ** 2, 9.0)
        moved: float = state.trend + 0.0001 + shock
        return moved

    def _returns(self, rng: np.random.Generator, market: float) -> Floats:
        state = self._state
        sector = rng.standard_normal(len(self.industries)) * 0.007 + state.drift
        own: Floats = rng.standard_t(4, len(self._companies)) * 0.011
        state.drift = state.drift * _POLICY_DECAY
        moved: Floats = self._beta * market + sector[self._industry] + own
        return moved

    def _reference_prices(self, number: int, rng: np.random.Generator) -> Floats:
        """Yesterday's close, less the dividend on an ex-date: once a year, every share on a day of its own."""
        state = self._state
        due = (number + 37 * np.arange(len(self._companies))) % _DIVIDEND_EVERY == 121
        due &= (state.halted == 0) & (state.earnings > 0)
        dividend = np.where(due, state.earnings * rng.uniform(0.2, 0.5, len(self._companies)), 0.0)
        reference = np.maximum(_fen(state.close - dividend), 0.01)
        state.adj_factor = state.adj_factor * state.close / reference
        return reference

    def _halts(self, rng: np.random.Generator) -> Bools:
        state = self._state
        starting = (rng.random(len(self._companies)) < 0.0006) & (state.halted == 0)
        lasting = rng.integers(2, 11, len(self._companies))
        state.halted = np.where(starting, lasting, np.maximum(state.halted - 1, 0))
        halted: Bools = state.halted > 0
        return halted

    def _trade(
        self, rng: np.random.Generator, session: date, reference: Floats, returns: Floats, halted: Bools
    ) -> "_Traded":
        n = len(self._companies)
        days = np.full(n, np.datetime64(session, "D"))
        none = np.zeros(n, dtype=np.int64)
        rows = PanelRows(self._boards, days, reference, self._special, none, np.zeros(n, dtype=np.bool_))
        band = bands(RULEBOOK, rows)

        def within(price: Floats) -> Floats:
            return np.clip(_fen(price), band.lower, band.upper)

        opened = within(reference * (1 + 0.35 * returns + 0.003 * rng.standard_normal(n)))
        closed = within(reference * (1 + returns))
        reach = np.abs(rng.standard_normal((2, n))) * 0.006 + 0.001
        high = within(np.maximum(opened, closed) * (1 + reach[0]))
        low = within(np.minimum(opened, closed) * (1 - reach[1]))
        turnover = 0.012 * np.exp(0.35 * rng.standard_normal(n)) * (1 + 9 * np.abs(returns))
        volume = np.rint(self._shares * np.minimum(turnover, 0.6) / 100).astype(np.int64) * 100
        mean = np.clip((opened + closed + high + low) / 4, low, high)
        traded = _Traded(opened, high, low, closed, reference, volume, np.round(mean * volume, 2), turnover)
        return traded.halted(halted, self._shares)

    def _report_results(self, number: int, rng: np.random.Generator, returns: Floats) -> None:
        """Every share reports once a quarter; what it earns leans the way its price went."""
        state = self._state
        reporting = (number + 11 * np.arange(len(self._companies))) % _RESULTS_EVERY == 0
        surprise = 1 + 0.06 * rng.standard_normal(len(self._companies)) + np.clip(returns, -0.1, 0.1)
        state.earnings = np.where(reporting, state.earnings * surprise, state.earnings)
        state.book = np.where(reporting, state.book + state.earnings / 8, state.book)

    def _policy(self, rng: np.random.Generator) -> Policy | None:
        if rng.random() > 0.3:
            return None
        at = int(rng.integers(len(self.industries)))
        supportive = bool(rng.random() < 0.65)
        self._state.drift[at] += 0.004 if supportive else -0.004
        return Policy(self.industries[at], supportive)


@dataclass(frozen=True, slots=True)
class _Traded:
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    pre_close: Floats
    volume: NDArray[np.int64]
    amount: Floats
    turnover: Floats

    def halted(self, halted: Bools, shares: Floats) -> "_Traded":
        """A share under suspension keeps its last price and trades nothing."""
        volume = np.where(halted, 0, self.volume)
        return _Traded(
            open=np.where(halted, self.pre_close, self.open),
            high=np.where(halted, self.pre_close, self.high),
            low=np.where(halted, self.pre_close, self.low),
            close=np.where(halted, self.pre_close, self.close),
            pre_close=self.pre_close,
            volume=volume,
            amount=np.where(halted, 0.0, self.amount),
            turnover=np.where(halted, np.nan, np.round(volume / shares, 6)),
        )


def _fen(price: Floats) -> Floats:
    rounded: Floats = np.rint(price * 100) / 100
    return rounded
