"""What the simulated companies earn, own and report, quarter by quarter, years before and after any session.

A company's accounts follow from the seed and its own symbol. They do not know its price; the price knows them: whatever
surprises in a report moves it (`sim_shocks`), and valuations divide the one by the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from libs.marketdata.sim_companies import Company
from libs.marketdata.sim_numbers import Floats, exp, normal, stream

FIRST_YEAR = 2021
_START_QUARTER = 12
"""The quarter in which the companies are what `Company` says: the first of 2024."""
_DRAWS = 7
_PERSISTENCE = 0.7
_SHOCK = 0.14
_IMPAIRMENT_ODDS = 0.05
_RESTATED_ODDS = 0.03
_SEASON = np.array([0.92, 1.0, 1.0, 1.08])
_WINDOWS = ((102, 18), (217, 26), (285, 19), (420, 62))
"""When the four reports of a year appear: days after New Year, and over how many days."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """Companies by quarters, CNY; flows are those of the quarter alone, balances those at its end."""

    periods: tuple[date, ...]
    announced: NDArray[np.object_]
    """Dates of announcement."""
    surprise: Floats
    """By how much a quarter differs from what was to be expected, in its own standard deviations."""
    profit: Floats
    revenue: Floats
    cash_flow: Floats
    equity: Floats
    liabilities: Floats
    goodwill: Floats
    impairment: Floats
    restated: NDArray[np.bool_]
    """Whether some items are corrected with the next report."""
    dividend: Floats
    """Cash per share that is paid out of the year this quarter ends, else 0."""
    transfer: Floats
    """Free shares per share for that year, else 0."""

    def annual_profit(self, company: int, year: int) -> float:
        """Net profit of a whole year."""
        at = (year - FIRST_YEAR) * 4
        return float(np.cumsum(self.profit[company, at : at + 4])[-1])

    def quarter(self, year: int, number: int) -> int:
        """The place of a quarter, 1 to 4."""
        return (year - FIRST_YEAR) * 4 + number - 1


def accounts_of(seed: int, companies: Sequence[Company], last_year: int) -> Accounts:
    """The accounts of all quarters from `FIRST_YEAR` to the end of `last_year`."""
    quarters = (last_year - FIRST_YEAR + 1) * 4
    draws = np.stack([stream(seed, "accounts", c.symbol).random((quarters, _DRAWS)) for c in companies])
    z = normal(draws[:, :, 0])
    worth = np.array([c.price * c.shares for c in companies])
    ordinary = worth * np.array([c.earnings_yield for c in companies]) / 4
    growth = np.array([c.growth for c in companies])
    scale = ordinary[:, None] * exp(growth[:, None] / 4 * (np.arange(quarters) - _START_QUARTER)[None, :])
    scale = scale * np.tile(_SEASON, quarters // 4)
    wave = _persistent(z, _PERSISTENCE, _SHOCK)
    restless = np.array([0.30 if c.health < 0.3 else 0.05 for c in companies])[:, None]
    health = np.array([c.health for c in companies])[:, None]
    health = health + _persistent(normal(draws[:, :, 6]) * restless, 0.92, 1.0)
    lost = _impairments(draws, companies, worth)
    profit = scale * (health + wave) - lost
    margin = np.array([c.margin for c in companies])[:, None]
    goodwill = np.maximum(_goodwill(companies, worth)[:, None] - np.cumsum(lost, axis=1), 0.0)
    shares, dividend, transfer = _distributions(seed, companies, profit, last_year)
    equity = _equity(companies, worth, profit, dividend, shares)
    liabilities = (worth * np.array([c.book_yield * c.debt / (1 - c.debt) for c in companies]))[:, None]
    return Accounts(
        periods=_periods(last_year),
        announced=_announced(draws, last_year),
        surprise=z - 1.5 * (lost > 0),
        profit=np.rint(profit),
        revenue=np.rint(scale / margin * np.maximum(0.75 + 0.25 * health + 0.3 * wave, 0.1)),
        cash_flow=np.rint(scale * (health + 0.4 + 0.5 * normal(draws[:, :, 2]))),
        equity=np.rint(equity),
        liabilities=np.rint(liabilities * exp(0.5 * growth[:, None] / 4 * (np.arange(quarters) - _START_QUARTER))),
        goodwill=np.rint(goodwill),
        impairment=np.rint(lost),
        restated=draws[:, :, 3] < _RESTATED_ODDS,
        dividend=dividend,
        transfer=transfer,
    )


def _persistent(z: Floats, persistence: float, shock: float) -> Floats:
    wave = np.zeros_like(z)
    level = np.zeros(len(z))
    for at in range(z.shape[1]):
        level = persistence * level + shock * z[:, at]
        wave[:, at] = level
    return wave


def _goodwill(companies: Sequence[Company], worth: Floats) -> Floats:
    found: Floats = worth * np.array([c.book_yield * c.goodwill for c in companies])
    return found


def _impairments(draws: Floats, companies: Sequence[Company], worth: Floats) -> Floats:
    """Goodwill that is written off in a fourth quarter, more often by companies in trouble."""
    fourth = np.arange(draws.shape[1]) % 4 == 3
    odds = np.array([_IMPAIRMENT_ODDS * (4 if c.health < 0.35 else 1) for c in companies])[:, None]
    hit = fourth[None, :] & (draws[:, :, 1] < odds)
    lost: Floats = np.where(hit, _goodwill(companies, worth)[:, None] * (0.2 + 0.6 * draws[:, :, 4]), 0.0)
    room = _goodwill(companies, worth)[:, None] - (np.cumsum(lost, axis=1) - lost)
    return np.rint(np.clip(lost, 0.0, np.maximum(room, 0.0)))


def _distributions(
    seed: int, companies: Sequence[Company], profit: Floats, last_year: int
) -> tuple[Floats, Floats, Floats]:
    """Shares at each quarter's end, and what is given for each year; free shares arrive in the second quarter."""
    years = last_year - FIRST_YEAR + 1
    draws = np.stack([stream(seed, "distributions", c.symbol).random((years, 3)) for c in companies])
    annual = np.stack([np.cumsum(profit[:, 4 * y : 4 * y + 4], axis=1)[:, -1] for y in range(years)], axis=1)
    payout = np.array([c.payout for c in companies])
    shares = np.zeros_like(profit)
    dividend, transfer = np.zeros_like(profit), np.zeros_like(profit)
    count = np.array([float(c.shares) for c in companies])
    for year in range(years):
        at = 4 * year
        shares[:, at] = count
        if year + FIRST_YEAR > FIRST_YEAR + 2:
            count = np.rint(count * (1 + transfer[:, at - 1]))
        shares[:, at + 1 : at + 4] = count[:, None]
        healthy = (annual[:, year] > 0) & np.array([c.health > 0.3 for c in companies])
        cash = np.floor(np.maximum(payout * annual[:, year] / count, 0.0) * 100) / 100
        cap = np.array([c.price * 0.06 for c in companies]) * np.array([c.shares for c in companies]) / count
        dividend[:, at + 3] = np.where(healthy, np.floor(np.minimum(cash, cap) * 100) / 100, 0.0)
        gives = healthy & (draws[:, year, 0] < 0.07) & (year + FIRST_YEAR >= FIRST_YEAR + 2)
        transfer[:, at + 3] = np.where(gives, np.where(draws[:, year, 1] < 0.5, 0.3, 0.4), 0.0)
    return shares, dividend, transfer


def _equity(companies: Sequence[Company], worth: Floats, profit: Floats, dividend: Floats, shares: Floats) -> Floats:
    """Equity grows by what is earned and falls by what is paid out, in the second quarter of the next year."""
    paid = np.zeros_like(profit)
    paid[:, 5::4] = dividend[:, 3:-2:4] * shares[:, 3:-2:4]
    steps = np.cumsum(profit - paid, axis=1)
    base = worth * np.array([c.book_yield for c in companies]) - steps[:, _START_QUARTER - 1]
    grown: Floats = base[:, None] + steps
    return grown


def _periods(last_year: int) -> tuple[date, ...]:
    ends = ((3, 31), (6, 30), (9, 30), (12, 31))
    return tuple(date(year, month, day) for year in range(FIRST_YEAR, last_year + 1) for month, day in ends)


def _announced(draws: Floats, last_year: int) -> NDArray[np.object_]:
    """The annual report comes in spring, that of the first quarter not before it."""
    found = np.empty(draws.shape[:2], dtype=np.object_)
    for year in range(FIRST_YEAR, last_year + 1):
        new_year = date(year, 1, 1)
        for number, (start, span) in enumerate(_WINDOWS):
            at = (year - FIRST_YEAR) * 4 + number
            for company, u in enumerate(draws[:, at, 5]):
                day = new_year + timedelta(days=start + int(u * span))
                if number == 0 and at > 0:
                    day = max(day, found[company, at - 1])
                found[company, at] = day
    return found
