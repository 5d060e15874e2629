"""Indicators for those who want numbers and no opinion: the tool `indicators`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from libs.contracts.indicators import IndicatorAsk, IndicatorSeries, IndicatorsRequest, IndicatorsResult
from libs.domain.errors import InvalidInput, NotFound
from libs.domain.market import Symbol
from libs.indicators.activity import mean_turnover, volume_ratio
from libs.indicators.cache import IndicatorCache
from libs.indicators.chips import chip_distribution
from libs.indicators.series import Floats
from libs.indicators.structure import support_resistance
from libs.storage.bars_read import BarColumns, recent_bars
from libs.storage.snapshot import Snapshot
from services.technical.adjustment import AdjustedBars, adjusted

HISTORY = 800
"""Bars read before the values asked for: averages that never forget have settled by then."""


@dataclass(frozen=True, slots=True)
class Traded:
    """The traded bars of one share, adjusted, with their sessions."""

    sessions: list[date]
    bars: AdjustedBars

    @property
    def columns(self) -> Mapping[str, Floats]:
        """As the catalogue takes them."""
        names = ("open", "high", "low", "close", "volume", "amount")
        return {name: getattr(self.bars, name) for name in names}


class Values:
    """Answers the tool; results are kept by the hash of their inputs."""

    def __init__(self) -> None:
        self._cache = IndicatorCache()

    def answer(self, tx: Snapshot, request: IndicatorsRequest) -> IndicatorsResult:
        """Raises `NotFound` without bars, `InvalidInput` naming what no indicator understands."""
        found = _bars(tx, Symbol(request.symbol), request.as_of)
        traded = _traded(found)
        return IndicatorsResult(
            symbol=request.symbol,
            as_of=request.as_of,
            source=found.source,
            synthetic=found.synthetic,
            indicators=[self._one(ask, traded, request.count) for ask in request.wanted],
        )

    def _one(self, ask: IndicatorAsk, traded: Traded, count: int) -> IndicatorSeries:
        own = OWN.get(ask.name)
        if own is not None:
            if ask.parameters:
                raise InvalidInput("parameters", f"{ask.name} takes none")
            return IndicatorSeries(
                name=ask.name,
                parameters={},
                sessions=traded.sessions[-1:],
                values={name: [value] for name, value in own(traded.bars).items()},
            )
        made = self._cache.compute(ask.name, traded.columns, ask.parameters)
        return IndicatorSeries(
            name=made.name,
            parameters=dict(made.parameters),
            sessions=[traded.sessions[row] for row in made.rows[-count:]],
            values={name: values[-count:].tolist() for name, values in made.outputs.items()},
        )


def _bars(tx: Snapshot, symbol: Symbol, as_of: datetime) -> BarColumns:
    found = recent_bars(tx, [symbol], as_of, count=HISTORY).get(symbol)
    if found is None:
        raise NotFound(f"no bars of {symbol} were public")
    return found


def _traded(bars: BarColumns) -> Traded:
    sessions = [session for session, halted in zip(bars.sessions, bars.suspended, strict=True) if not halted]
    return Traded(sessions, adjusted(bars))


def _levels(bars: AdjustedBars) -> dict[str, float]:
    levels = support_resistance(bars.high, bars.low, bars.close)
    shown = {"support": levels.support, "resistance": levels.resistance}
    return {name: level.price for name, level in shown.items() if level is not None}


def _chips(bars: AdjustedBars) -> dict[str, float]:
    mean = np.clip(bars.amount / np.maximum(bars.volume, 1.0), bars.low, bars.high)
    chips = chip_distribution(bars.high, bars.low, mean, bars.close, _turnover(bars))
    return {
        "profit_ratio": chips.profit_ratio,
        "average_cost": chips.average_cost,
        "concentration_90": chips.concentration_90,
        "concentration_70": chips.concentration_70,
    }


def _turnover(bars: AdjustedBars) -> Floats:
    if bars.turnover_rate is None:
        raise InvalidInput("wanted", "a traded session of this share has no turnover rate")
    return bars.turnover_rate


OWN: Mapping[str, Callable[[AdjustedBars], dict[str, float]]] = {
    "VOLUME_RATIO": lambda bars: {"volume_ratio": volume_ratio(bars.volume)},
    "TURNOVER": lambda bars: {"turnover": float(_turnover(bars)[-1]), "mean": mean_turnover(_turnover(bars))},
    "LEVELS": _levels,
    "CHIPS": _chips,
}
"""What TA-Lib does not know; each gives the newest value alone."""
