"""Gauges of the whole market: margin financing (融资余额) and what is left of northbound trading (北向资金).

A gauge takes what was published and nothing else. Northbound net buying has not been published since 2024-08-16; its
gauge refuses a series with holes rather than read them as zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from libs.indicators.errors import UnusableSeries
from libs.indicators.series import Floats, Values, series, together


@dataclass(frozen=True, slots=True)
class MarginGauge:
    """Margin financing. Changes and shares are fractions; `percentile` is 0 … 1 within the window."""

    balance: float
    change: float
    """Of the balance over the last `period` sessions."""
    percentile: float
    bought_share: float
    """What was bought on margin last, as a part of the market's amount."""


@dataclass(frozen=True, slots=True)
class NorthboundGauge:
    """Northbound trading: `turnover_share` of the market's amount last, and how it stands to its own mean."""

    turnover_share: float
    against_mean: float


def margin_gauge(balance: Values, bought: Values, market_amount: Values, *, period: int = 5) -> MarginGauge:
    """From balances, margin purchases and market amounts (CNY) of the same sessions, oldest first."""
    balances, purchases, amounts = together("margin gauge", balance, bought, market_amount, needed=period + 1)
    _require_positive("margin gauge", balances, amounts)
    return MarginGauge(
        balance=float(balances[-1]),
        change=float(balances[-1] / balances[-period - 1] - 1.0),
        percentile=percentile(balances),
        bought_share=float(purchases[-1] / amounts[-1]),
    )


def northbound_gauge(turnover: Values, market_amount: Values, *, period: int = 20) -> NorthboundGauge:
    """From northbound turnover and the market's amount (CNY) of the same sessions; turnover has no direction."""
    turnovers, amounts = together("northbound gauge", turnover, market_amount, needed=period)
    _require_positive("northbound gauge", amounts)
    shares = turnovers[-period:] / amounts[-period:]
    mean = float(shares.mean())
    if mean <= 0.0:
        raise UnusableSeries("northbound gauge: nothing was traded")
    return NorthboundGauge(float(shares[-1]), float(shares[-1]) / mean - 1.0)


def net_buying(net_buy: Sequence[float | None], *, period: int = 5) -> float:
    """Northbound net buying of the last `period` sessions (CNY); a session that was not published is an error."""
    newest = net_buy[-period:]
    if len(newest) < period or any(value is None for value in newest):
        raise UnusableSeries("northbound net buying: not published for every session asked for")
    return float(series("northbound net buying", [value for value in newest if value is not None], needed=1).sum())


def percentile(values: Values) -> float:
    """Where the last value stands among all of them: the share of values below it, ties counted half."""
    given = series("percentile", values, needed=1)
    last = given[-1]
    return float(((given < last).sum() + 0.5 * (given == last).sum()) / given.size)


def _require_positive(gauge: str, *columns: Floats) -> None:
    if any((column <= 0.0).any() for column in map(np.asarray, columns)):
        raise UnusableSeries(f"{gauge}: a balance or an amount is not positive")
