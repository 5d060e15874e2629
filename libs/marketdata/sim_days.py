"""Whole daily bars around the simulated closes: opening gaps, highs and lows, volumes and amounts.

Highs and lows are those of a Brownian bridge from open to close; volume follows the size of the move, the excitement of
the market and a mood of the share's own, and dries up where a limit is sealed from the first trade on (一字板).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from libs.marketdata.sim_companies import Company
from libs.marketdata.sim_factors import Factors
from libs.marketdata.sim_numbers import Floats, exp, log, normal, stream
from libs.marketdata.sim_walk import Bools, Paths, fen

LOT = 100
FEWEST_LOTS = 20
"""Of a traded day: enough for its open, high, low and close to be traded."""
_DRAWS = 6
_GAP_OF_MOVE = 0.18
_GAP_NOISE = 0.36
_WITHIN_DAY = 0.78
_SEALED_FROM = 0.03
"""So far beyond the limit a price wants to be for its share to open there and stay."""
_MOOD = 0.90
_MOST_TURNOVER = 0.85


@dataclass(frozen=True, slots=True)
class Days:
    """Sessions by companies; a suspended day has its last close four times and trades nothing."""

    open: Floats
    high: Floats
    low: Floats
    volume: NDArray[np.int64]
    """Shares, whole lots."""
    amount: NDArray[np.int64]
    """Whole CNY: prices in fen times lots."""
    float_shares: NDArray[np.int64]
    sealed: Bools
    """Days that never leave a limit."""


def days_of(
    seed: int, companies: Sequence[Company], paths: Paths, factors: Factors, float_shares: NDArray[np.int64]
) -> Days:
    """The bars around the closes of `paths`."""
    count = len(paths.close)
    draws = np.stack([stream(seed, "days", c.symbol).random((count, _DRAWS)) for c in companies], axis=1)
    sealed = _sealed(paths)
    opened = _opens(paths, draws, sealed)
    high, low = _extremes(paths, draws, opened, sealed)
    still = ~paths.traded
    opened, high, low = (np.where(still, paths.reference, price) for price in (opened, high, low))
    turnover = _turnover(companies, paths, factors, draws, sealed)
    lots = np.maximum(np.rint(turnover * float_shares / LOT), FEWEST_LOTS).astype(np.int64)
    lots = np.where(still, 0, lots)
    amount = _amounts((opened, high, low, paths.close), draws[:, :, 5], lots)
    return Days(opened, high, low, lots * LOT, amount, float_shares, sealed)


def _sealed(paths: Paths) -> Bools:
    with np.errstate(invalid="ignore"):
        above = np.isfinite(paths.upper) & (paths.wanted > paths.upper * (1 + _SEALED_FROM))
        below = np.isfinite(paths.lower) & (paths.wanted < paths.lower * (1 - _SEALED_FROM))
    found: Bools = (above | below) & paths.traded
    return found


def _opens(paths: Paths, draws: Floats, sealed: Bools) -> Floats:
    move = paths.close / paths.reference - 1
    gap = _GAP_OF_MOVE * move + _GAP_NOISE * paths.swing * normal(draws[:, :, 0])
    # A new share has found most of its price when it opens.
    gap = np.where(paths.age == 1, 0.8 * move, gap)
    opened = np.clip(np.maximum(fen(paths.reference * (1 + np.maximum(gap, -0.6))), 0.01), paths.lower, paths.upper)
    found: Floats = np.where(sealed, paths.close, opened)
    return found


def _extremes(paths: Paths, draws: Floats, opened: Floats, sealed: Bools) -> tuple[Floats, Floats]:
    move = paths.close / opened - 1
    swing = _WITHIN_DAY * paths.swing
    # Of a bridge of variance s² from 0 to x the maximum is (x + sqrt(x² - 2 s² ln u)) / 2.
    reach = [np.sqrt(move * move - 2 * swing * swing * log(np.maximum(draws[:, :, i], 1e-9))) for i in (1, 2)]
    high = fen(opened * (1 + (move + reach[0]) / 2))
    low = fen(opened * np.maximum(1 + (move - reach[1]) / 2, 0.3))
    high = np.minimum(np.maximum(high, np.maximum(opened, paths.close)), paths.upper)
    low = np.maximum(np.minimum(low, np.minimum(opened, paths.close)), np.maximum(paths.lower, 0.01))
    return np.where(sealed, paths.close, high), np.where(sealed, paths.close, low)


def _turnover(companies: Sequence[Company], paths: Paths, factors: Factors, draws: Floats, sealed: Bools) -> Floats:
    base = np.array([c.turnover for c in companies])[None, :]
    ordinary = np.sqrt(np.array([c.volatility for c in companies]) ** 2 + 0.00029)[None, :]
    size = np.minimum(np.abs(paths.close / paths.reference - 1) / ordinary, 5.0)
    mood = _moods(normal(draws[:, :, 3]))
    heat = _attention(factors)[:, None]
    noise = 0.20 * normal(draws[:, :, 4])
    fresh = np.where(paths.age > 0, 3.2 * exp(-np.maximum(paths.age, 1) / 12.0), 0.0)
    heated = base * exp(-0.42 + 0.42 * size + 0.30 * mood + heat + noise + fresh)
    heated = np.where(paths.age == 1, np.maximum(heated, 0.55), heated)
    dried: Floats = np.minimum(np.where(sealed, heated * 0.12, heated), _MOST_TURNOVER)
    return dried


def _moods(z: Floats) -> Floats:
    """A slow wave of attention for each share, of variance 1."""
    found = np.empty_like(z)
    level = np.zeros(z.shape[1])
    step = np.sqrt(1 - _MOOD * _MOOD)
    for at in range(len(z)):
        level = _MOOD * level + step * z[at]
        found[at] = level
    return found


def _attention(factors: Factors) -> Floats:
    """How much the whole market trades: more in excitement, more when it rises."""
    found = np.empty(len(factors.market))
    level = 0.0
    for at, (heat, move) in enumerate(zip(factors.heat, factors.market, strict=True)):
        level = 0.94 * level + 0.06 * (1.0 * (float(heat) - 0.9) + 9.0 * float(move))
        found[at] = min(max(level, -0.8), 1.3)
    return found


def _amounts(
    prices: tuple[Floats, Floats, Floats, Floats], chance: Floats, lots: NDArray[np.int64]
) -> NDArray[np.int64]:
    """What was paid: any amount that trades at open, high, low and close and between them can add up to."""
    opened, high, low, close = prices
    first, top, bottom, last = (np.rint(price * 100).astype(np.int64) for price in prices)
    middle = 0.5 * ((opened + close) / 2) + 0.5 * ((high + low) / 2)
    mean = middle + 0.12 * (high - low) * (2 * chance - 1)
    wanted = np.rint(mean * 100 * lots).astype(np.int64)
    there = first + top + bottom + last
    least, most = there + (lots - 4) * bottom, there + (lots - 4) * top
    return np.where(lots > 0, np.clip(wanted, least, most), 0)
