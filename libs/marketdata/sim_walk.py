"""The walk of all simulated prices, session after session, inside the bands of the real rulebook.

A move is what the market, the industry, the company's own luck and its news say; what a limit cuts off is partly made
up for in the next session, which is how limit days follow each other. A suspended share catches up when it is back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from libs.ashare.adjustment import CorporateAction, reference_price
from libs.ashare.panel import PanelRows, bands, board_codes
from libs.ashare.rulebook import RULEBOOK
from libs.marketdata.sim_companies import Company
from libs.marketdata.sim_factors import Factors, own_moves
from libs.marketdata.sim_industries import INDUSTRIES
from libs.marketdata.sim_life import Life, Treatment, halted_matrix, listed_matrix, treatment_matrix
from libs.marketdata.sim_numbers import Floats, exp, log, stream
from libs.marketdata.sim_shocks import first_day_premium

Bools = NDArray[np.bool_]

_OWN_FATNESS = 0.15
_PULL_BACK = 0.003
"""How much of what a share has gone astray on its own it makes good in a session."""
_CARRIED = 0.8
_CATCH_UP = 0.7
_LURE = (0.970, 0.62)
"""A price this near to the upper limit is drawn to it, this often."""
_DREAD = (1.015, 0.4)
_YOUNG_SESSIONS = 20
_DRIFT = 0.0003
_LEAST_PRICE = 0.20
_SECTOR_VARIANCE = 0.0003
_MARKET_SWING = 0.0150


@dataclass(frozen=True, slots=True)
class Paths:
    """Sessions by companies. Prices in CNY; where a share is not listed its numbers mean nothing."""

    reference: Floats
    close: Floats
    lower: Floats
    """The band; -inf and +inf where the session has no limit."""
    upper: Floats
    wanted: Floats
    """What the close would be without a limit."""
    swing: Floats
    """The standard deviation of the day's move."""
    factor: Floats
    """Forward adjustment factor."""
    listed: Bools
    halted: Bools
    treatment: NDArray[np.int8]
    shares: NDArray[np.int64]
    age: NDArray[np.int64]
    """Sessions since the listing, 1 on its day; 0: long ago."""

    @property
    def traded(self) -> Bools:
        """Where there is trading."""
        return self.listed & ~self.halted

    @property
    def special(self) -> Bools:
        """Where the band of special treatment rules: ST and *ST, not the delisting period."""
        found: Bools = (self.treatment == Treatment.ST) | (self.treatment == Treatment.STAR_ST)
        return found


@dataclass(frozen=True, slots=True)
class Forces:
    """All that is known before the first price is made."""

    seed: int
    sessions: Sequence[date]
    companies: Sequence[Company]
    lives: Sequence[Life]
    factors: Factors
    shocks: Floats


def walk(forces: Forces) -> Paths:
    """The prices of all sessions."""
    return _Walk(forces).paths()


class _Walk:
    def __init__(self, forces: Forces) -> None:
        seed, companies, all_lives = forces.seed, forces.companies, forces.lives
        sessions = forces.sessions
        count = len(sessions)
        self._companies, self._lives, self._sessions = companies, all_lives, sessions
        self._boards = board_codes([c.board for c in companies])
        self._listed = listed_matrix(all_lives, count)
        self._halted = halted_matrix(all_lives, count)
        self._treatment = treatment_matrix(all_lives, count)
        self._age = _ages(all_lives, count)
        self._premium = np.array([first_day_premium(seed, c) if c.listed_at >= 0 else 0.0 for c in companies])
        self._market, self._own, self._swing = _moves(seed, companies, forces.factors, self._age)
        self._shocks = forces.shocks
        self._magnet = np.stack([stream(seed, "magnet", c.symbol).random(count) for c in companies], axis=1)
        self._free = np.array([-1 if life.free_from is None else life.free_from for life in all_lives])

    def paths(self) -> Paths:
        shape = self._own.shape
        reference, close, lower, upper, wanted, factor = (np.zeros(shape) for _ in range(6))
        shares = np.zeros(shape, dtype=np.int64)
        held = np.array([c.shares for c in self._companies], dtype=np.int64)
        price, scale = self._first_prices(), np.ones(shape[1])
        carry, astray = np.zeros(shape[1]), np.zeros(shape[1])
        given = self._given()
        for at in range(shape[0]):
            base = price.copy()
            for place, (cash, transfer) in given.get(at, {}).items():
                base[place] = self._ex(place, at, float(price[place]), cash, transfer)
                held[place] = int(held[place] * (1 + transfer) + 0.5)
            scale = scale * price / base
            band = self._band(at, base)
            trading = self._listed[at] & ~self._halted[at]
            pull = self._own[at] + self._shocks[at] + self._premium_at(at)
            target = base * exp(self._market[at] + pull + carry - _PULL_BACK * astray)
            settled = self._settle(at, target, band[0], band[1])
            settled = np.where(trading, settled, base)
            cut = np.clip(target / settled - 1, -0.4, 0.4)
            carry = np.where(trading, np.where(settled == fen(target), 0.0, _CARRIED * cut), carry)
            carry = np.where(self._halted[at], carry + _CATCH_UP * self._market[at], carry)
            astray = np.where(trading, astray * (1 - _PULL_BACK) + self._own[at], astray)
            reference[at], close[at], lower[at], upper[at] = base, settled, *band
            wanted[at], factor[at], shares[at] = target, scale, held
            price = np.where(self._listed[at], settled, price)
        return Paths(
            reference, close, lower, upper, wanted, self._swing, factor,
            self._listed, self._halted, self._treatment, shares, self._age,
        )  # fmt: skip

    def _first_prices(self) -> Floats:
        """Closes before the first session; of a new share its issue price."""
        price = np.array([c.price for c in self._companies])
        return np.maximum(fen(price / (1 + self._premium)), 1.0)

    def _premium_at(self, at: int) -> Floats:
        """A new share's first day makes up for its issue price."""
        gained = np.where(self._age[at] == 1, self._premium, 0.0)
        return log(1 + gained)

    def _given(self) -> dict[int, dict[int, tuple[float, float]]]:
        found: dict[int, dict[int, tuple[float, float]]] = {}
        for place, life in enumerate(self._lives):
            for gift in life.distributions:
                found.setdefault(gift.ex, {})[place] = (gift.cash, gift.transfer)
        return found

    def _ex(self, place: int, at: int, price: float, cash: float, transfer: float) -> float:
        """The exchange's reference price after a distribution, by its own formula."""
        action = CorporateAction(
            self._companies[place].symbol,
            self._sessions[at],
            cash_per_share=Decimal(f"{cash:.2f}"),
            transfer_per_share=Decimal(f"{transfer:.1f}"),
        )
        return float(reference_price(Decimal(f"{price:.2f}"), action))

    def _band(self, at: int, base: Floats) -> tuple[Floats, Floats]:
        treatment = self._treatment[at]
        rows = PanelRows(
            board=self._boards,
            session=np.full(len(base), np.datetime64(self._sessions[at], "D")),
            pre_close=base,
            special_treatment=(treatment == Treatment.ST) | (treatment == Treatment.STAR_ST),
            sessions_since_listing=self._age[at],
            exempt=self._free == at,
        )
        band = bands(RULEBOOK, rows)
        return band.lower, band.upper

    def _settle(self, at: int, target: Floats, lower: Floats, upper: Floats) -> Floats:
        close = np.clip(np.maximum(fen(target), _LEAST_PRICE), lower, upper)
        lured = np.isfinite(upper) & (close >= upper * _LURE[0]) & (self._magnet[at] < _LURE[1])
        dreading = np.isfinite(lower) & (close <= lower * _DREAD[0]) & (self._magnet[at] > 1 - _DREAD[1])
        settled: Floats = np.where(lured, upper, np.where(dreading, lower, close))
        return settled


def _ages(all_lives: Sequence[Life], count: int) -> NDArray[np.int64]:
    started = np.array([life.listed_at for life in all_lives], dtype=np.int64)
    days = np.arange(count, dtype=np.int64)[:, None] - started[None, :] + 1
    return np.where((started[None, :] >= 0) & (days > 0), days, 0)


def _moves(
    seed: int, companies: Sequence[Company], factors: Factors, age: NDArray[np.int64]
) -> tuple[Floats, Floats, Floats]:
    """What market, and what industry and luck, do to each share; and how much it swings in a day."""
    names = [kind.name for kind in INDUSTRIES]
    industry = np.array([names.index(c.industry) for c in companies])
    beta = np.array([c.beta for c in companies])
    pull = np.array([c.sector_pull for c in companies])
    own = np.array([c.volatility for c in companies])
    luck, swing = own_moves(seed, [c.symbol for c in companies], len(factors.market), _OWN_FATNESS, factors.heat)
    young = np.where((age > 0) & (age <= _YOUNG_SESSIONS), 1 + 1.6 * (1 - age / _YOUNG_SESSIONS), 1.0)
    market = beta[None, :] * factors.market[:, None]
    alone = pull[None, :] * factors.sector[:, industry] + own[None, :] * young * luck
    spread = own[None, :] * young * swing
    with_market = _MARKET_SWING * beta[None, :] * factors.heat[:, None]
    wide = np.sqrt(with_market * with_market + _SECTOR_VARIANCE + spread * spread)
    drift = _DRIFT - 0.5 * (_MARKET_SWING * _MARKET_SWING * beta * beta + _SECTOR_VARIANCE + own * own)
    return market + drift[None, :], alone, wide


def fen(price: Floats) -> Floats:
    """Prices in whole fen."""
    rounded: Floats = np.rint(price * 100) / 100
    return rounded
