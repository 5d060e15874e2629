"""What the indicators say of one share at its last bar, and the score made of it. Pure arithmetic."""

import math
from dataclasses import dataclass

from libs.indicators.activity import atr, mean_turnover, volume_ratio
from libs.indicators.averages import bollinger, moving_averages
from libs.indicators.candles import Pattern, patterns
from libs.indicators.errors import InsufficientHistory, UnusableSeries
from libs.indicators.momentum import adx, macd, rate_of_change, rsi
from libs.indicators.structure import Levels, Trend, support_resistance, trend
from libs.runtime.evidence import bounded, weighted
from services.technical.adjustment import AdjustedBars

_WEEK, _SHORT, _LONG = 5, 20, 60
_OVERBOUGHT, _OVERSOLD = 70.0, 30.0
_STRONG_ADX = 40.0


@dataclass(frozen=True, slots=True)
class Chart:
    """The last value of every indicator. Prices in CNY, `true_range` and `change` as fractions of the price."""

    close: float
    week_mean: float
    short_mean: float
    long_mean: float
    rsi: float
    macd_histogram: float
    adx: float
    true_range: float
    percent_b: float
    change: float
    volume_ratio: float | None
    turnover: float | None
    trend: Trend
    levels: Levels
    patterns: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """The score and what it is blended from, each −1 … 1."""

    score: float
    confidence: float
    trend: float
    momentum: float
    reversion: float


def chart_of(bars: AdjustedBars) -> Chart:
    """Read the chart; raises `InsufficientHistory` below sixty bars."""
    means = moving_averages(bars.close, (_WEEK, _SHORT, _LONG))
    if _LONG not in means:
        raise InsufficientHistory("chart", needed=_LONG, given=len(bars.close))
    close = float(bars.close[-1])
    return Chart(
        close=close,
        week_mean=means[_WEEK],
        short_mean=means[_SHORT],
        long_mean=means[_LONG],
        rsi=float(rsi(bars.close)[-1]),
        macd_histogram=float(macd(bars.close).histogram[-1]),
        adx=float(adx(bars.high, bars.low, bars.close).adx[-1]),
        true_range=float(atr(bars.high, bars.low, bars.close)[-1]) / close,
        percent_b=bollinger(bars.close).percent_b(close),
        change=float(rate_of_change(bars.close)[-1]),
        volume_ratio=_volume_ratio(bars),
        turnover=None if bars.turnover_rate is None else mean_turnover(bars.turnover_rate),
        trend=trend(bars.close),
        levels=support_resistance(bars.high, bars.low, bars.close),
        patterns=patterns(bars.open, bars.high, bars.low, bars.close),
    )


def read(chart: Chart) -> Reading:
    """Blend trend and momentum, held back where the price has run too far. All moves are measured in true ranges."""
    unit = max(chart.true_range, 0.002)
    strength = 0.5 + 0.5 * min(1.0, chart.adx / _STRONG_ADX)
    trend_part = strength * weighted(
        [
            (0.4, math.tanh((chart.close / chart.short_mean - 1) / (2 * unit))),
            (0.3, math.tanh((chart.week_mean / chart.short_mean - 1) / (1.5 * unit))),
            (0.3, math.tanh((chart.short_mean / chart.long_mean - 1) / (3 * unit))),
        ]
    )
    momentum = weighted(
        [
            (0.5, math.tanh(chart.change / (3 * unit))),
            (0.5, math.tanh(chart.macd_histogram / (0.4 * unit * chart.close))),
        ]
    )
    reversion = _reversion(chart)
    candles = weighted((1.0, float(pattern.direction)) for pattern in chart.patterns)
    return Reading(
        score=bounded(0.45 * trend_part + 0.35 * momentum + 0.30 * reversion + 0.05 * candles),
        confidence=bounded(0.4 + 0.2 * min(1.0, chart.adx / _STRONG_ADX) + 0.2 * chart.trend.straightness, 0, 1),
        trend=bounded(trend_part),
        momentum=bounded(momentum),
        reversion=bounded(reversion),
    )


def _reversion(chart: Chart) -> float:
    """Against the move: zero in the ordinary range, −1 far overbought, +1 far oversold."""
    stretched = max(0.0, chart.rsi - _OVERBOUGHT) - max(0.0, _OVERSOLD - chart.rsi)
    outside = max(0.0, chart.percent_b - 1.0) - max(0.0, -chart.percent_b)
    return -weighted([(0.6, stretched / _OVERSOLD), (0.4, math.tanh(4 * outside))])


def _volume_ratio(bars: AdjustedBars) -> float | None:
    try:
        return volume_ratio(bars.volume)
    except UnusableSeries:  # nothing was traded in the week before
        return None
