"""From index, breadth, limits and margin to a market phase and a risk-appetite score. Pure arithmetic."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from libs.runtime.evidence import weighted

SHORT_MEAN = 20
LONG_MEAN = 60
HIGH_WINDOW = 120
_SESSIONS_A_YEAR = 244
_PANIC_RETURN = -0.03
_PANIC_DECLINERS = 0.85
_PANIC_LIMIT_DOWN = 0.05


class Phase(StrEnum):
    """Where the market stands in its cycle."""

    ACCUMULATION = "accumulation"
    ADVANCE = "advance"
    DISTRIBUTION = "distribution"
    DECLINE = "decline"
    PANIC = "panic"


@dataclass(frozen=True, slots=True)
class IndexState:
    """The index in points and fractions at the end of a session."""

    close: float
    short_mean: float
    long_mean: float
    day_return: float
    drawdown: float
    """From the highest close of the window; 0 at the high, −0.2 a fifth below."""
    volatility: float
    """Of daily returns over the short window, a year's."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """What the shares did, as parts of those that traded."""

    advancers: float
    decliners: float
    balance: float
    """Advancers less decliners, averaged over the last sessions."""
    limit_up: float
    limit_down: float


def index_state(closes: Sequence[float]) -> IndexState:
    """The state after the last close; needs more than `LONG_MEAN` closes."""
    if len(closes) <= LONG_MEAN:
        raise ValueError(f"{len(closes)} closes are too few")
    returns = [math.log(after / before) for before, after in pairwise(closes)][-SHORT_MEAN:]
    mean = math.fsum(returns) / len(returns)
    variance = math.fsum((value - mean) ** 2 for value in returns) / (len(returns) - 1)
    return IndexState(
        close=closes[-1],
        short_mean=math.fsum(closes[-SHORT_MEAN:]) / SHORT_MEAN,
        long_mean=math.fsum(closes[-LONG_MEAN:]) / LONG_MEAN,
        day_return=closes[-1] / closes[-2] - 1,
        drawdown=closes[-1] / max(closes[-HIGH_WINDOW:]) - 1,
        volatility=math.sqrt(variance * _SESSIONS_A_YEAR),
    )


def phase_of(index: IndexState, crowd: Crowd) -> Phase:
    """The phase: panic by the day itself, otherwise by the order of close, short and long mean."""
    crash = index.day_return <= _PANIC_RETURN and crowd.decliners >= _PANIC_DECLINERS
    if crash or crowd.limit_down >= _PANIC_LIMIT_DOWN:
        return Phase.PANIC
    rising = index.short_mean >= index.long_mean
    if index.close >= index.short_mean:
        return Phase.ADVANCE if rising else Phase.ACCUMULATION
    return Phase.DISTRIBUTION if rising else Phase.DECLINE


def risk_appetite(index: IndexState, crowd: Crowd, margin_change: float | None) -> float:
    """−1 … 1: how much the market rewards taking risk."""
    daily = max(index.volatility / math.sqrt(_SESSIONS_A_YEAR), 0.002)
    reach = math.sqrt(SHORT_MEAN) * daily
    parts = [
        (0.25, math.tanh((index.close / index.short_mean - 1) / reach)),
        (0.15, math.tanh((index.short_mean / index.long_mean - 1) / reach)),
        (0.30, math.tanh(2 * crowd.balance)),
        (0.10, math.tanh(20 * (crowd.limit_up - crowd.limit_down))),
        (0.10, math.tanh((0.18 - index.volatility) / 0.18)),
    ]
    if margin_change is not None:
        parts.append((0.10, math.tanh(margin_change / 0.03)))
    return weighted(parts)
