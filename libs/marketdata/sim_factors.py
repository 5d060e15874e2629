"""What moves the whole simulated market and its industries: regimes, clustered volatility, policy.

Drawn once for all sessions from the seed; a longer history begins as the shorter one does. Moves are logarithms.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from libs.marketdata.sim_industries import INDUSTRIES
from libs.marketdata.sim_numbers import Floats, exp, fat, normal, stream

REGIMES = ("quiet", "bull", "bear", "panic")
_STAY = np.array([0.983, 0.972, 0.978, 0.80])
_NEXT = np.array(
    [[0.0, 0.42, 0.38, 0.20], [0.48, 0.0, 0.24, 0.28], [0.42, 0.23, 0.0, 0.35], [0.3, 0.3, 0.4, 0.0]],
)
"""Where a regime leads once it ends."""
_DRIFT = np.array([0.0002, 0.0016, -0.0008, -0.0055])
_HEAT = np.array([0.72, 1.0, 0.95, 2.6])
_MARKET_VOLATILITY = 0.0186
_MARKET_FATNESS = 0.12
_LARGEST_MOVE = 0.08
"""Of the market in a day: what the index has shown since there are limits."""
_SECTOR_VOLATILITY = 0.0198
_SECTOR_FATNESS = 0.10
_POLICY_ODDS = 0.40
_POLICY_DECAY = 0.75
_POLICY_REACH = 12


@dataclass(frozen=True, slots=True)
class Policy:
    """A measure made public in the evening of a session. `industry` None: it touches the whole market."""

    session: int
    industry: int | None
    supportive: bool
    size: float
    """What it moves in all; 0 where nobody cares."""
    variant: float
    """Uniform: chooses its words."""


@dataclass(frozen=True, slots=True)
class Factors:
    """Sessions by whatever is moved."""

    regime: NDArray[np.int64]
    market: Floats
    sector: Floats
    """Sessions by industries, without the market."""
    heat: Floats
    """How excited the market is: its volatility of the day against an ordinary one."""
    policies: tuple[Policy, ...]


def factors_of(seed: int, sessions: int) -> Factors:
    """The factors of so many sessions."""
    regime = _regimes(stream(seed, "regime").random((sessions, 2)))
    policies = _policies(stream(seed, "policies").random((sessions, 6)))
    wide, of_sector = _policy_moves(policies, sessions)
    draws = stream(seed, "market").random((sessions, 2))
    shocks = fat(normal(draws[:, 0]), _MARKET_FATNESS)
    swing = clustered(shocks[:, None], persistence=0.84, reaction=0.145)[:, 0] * _HEAT[regime]
    moved = _DRIFT[regime] + _MARKET_VOLATILITY * swing * shocks + wide
    market = np.clip(moved, -_LARGEST_MOVE, _LARGEST_MOVE)
    z = fat(normal(stream(seed, "sectors").random((sessions, len(INDUSTRIES)))), _SECTOR_FATNESS)
    swings = clustered(z, persistence=0.86, reaction=0.12)
    excited = np.sqrt(swing)[:, None]
    sector = _SECTOR_VOLATILITY * swings * excited * z + of_sector
    return Factors(regime, market, sector, swing, policies)


def clustered(shocks: Floats, *, persistence: float, reaction: float) -> Floats:
    """The volatility of every session and column, 1 on average: a large shock is followed by large ones (GARCH)."""
    swing = np.empty_like(shocks)
    variance = np.ones(shocks.shape[1])
    for at in range(len(shocks)):
        swing[at] = np.sqrt(variance)
        hit = np.minimum(shocks[at] * shocks[at], 16.0)
        variance = (1 - persistence - reaction) + variance * (persistence + reaction * hit)
    return swing


def _regimes(draws: Floats) -> NDArray[np.int64]:
    found = np.zeros(len(draws), dtype=np.int64)
    ladder = np.cumsum(_NEXT, axis=1)
    now = 0
    for at, (stays, leads) in enumerate(draws):
        if stays >= _STAY[now]:
            now = int(np.searchsorted(ladder[now], leads, side="right"))
            now = min(now, len(REGIMES) - 1)
        found[at] = now
    return found


def _policies(draws: Floats) -> tuple[Policy, ...]:
    found = []
    for at in np.flatnonzero(draws[:, 0] < _POLICY_ODDS):
        _, who, tone, weight, real, variant = (float(u) for u in draws[at])
        industry = None if who < 0.18 else int((who - 0.18) / 0.82 * len(INDUSTRIES))
        supportive = tone < 0.68
        size = (0.004 + 0.016 * weight) if industry is not None else (0.003 + 0.012 * weight * weight)
        counted = size if real < 0.7 else 0.0
        found.append(Policy(int(at), industry, supportive, counted if supportive else -counted, variant))
    return tuple(found)


def _policy_moves(policies: tuple[Policy, ...], sessions: int) -> tuple[Floats, Floats]:
    """A measure is priced in over the sessions after its evening, less each day."""
    wide, of_sector = np.zeros(sessions), np.zeros((sessions, len(INDUSTRIES)))
    weights = np.cumprod(np.full(_POLICY_REACH, _POLICY_DECAY)) / _POLICY_DECAY * (1 - _POLICY_DECAY)
    for policy in policies:
        start = policy.session + 1
        reach = min(_POLICY_REACH, sessions - start)
        if reach <= 0:
            continue
        moved = policy.size * weights[:reach]
        if policy.industry is None:
            wide[start : start + reach] += moved
        else:
            of_sector[start : start + reach, policy.industry] += moved
    return wide, of_sector


def own_moves(seed: int, symbols: list[str], sessions: int, fatness: float, heat: Floats) -> tuple[Floats, Floats]:
    """Each share's own standardised moves and their volatility, sessions by shares; panic excites them, too."""
    draws = np.stack([stream(seed, "own", symbol).random(sessions) for symbol in symbols], axis=1)
    z = fat(normal(draws), fatness)
    swing = clustered(z, persistence=0.845, reaction=0.145)
    excited = np.sqrt(exp(0.5 * (heat - 1)))[:, None]
    swing = swing * excited
    moves: Floats = swing * z
    return moves, swing
