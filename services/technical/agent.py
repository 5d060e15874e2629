"""The technical analyst: adjusted bars in, a score with its indicators as evidence out."""

from collections.abc import Sequence
from datetime import date, datetime

from libs.bus.endpoint import Endpoint
from libs.bus.port import Call
from libs.contracts.indicators import INDICATORS, IndicatorsRequest, IndicatorsResult
from libs.domain.market import Symbol
from libs.domain.signals import Abstain, AbstainCode, Signal
from libs.runtime.analyst import BaseAgent, Reader
from libs.runtime.evidence import Citations, Origin, about, abstain, public_session
from libs.storage.bars_read import BarColumns, recent_bars
from libs.storage.snapshot import Snapshot
from services.technical.adjustment import adjusted
from services.technical.chart import Chart, Reading, chart_of, read
from services.technical.values import Values

_BARS = 150
_FEWEST_BARS = 60


class TechnicalAgent(BaseAgent):
    """RSI, MACD, averages, ADX, ATR, Bollinger, turnover, levels, patterns and trend of each share."""

    name = "technical"
    further_tools = (INDICATORS.name,)
    horizon = "5-10 sessions"
    valid_days = 4

    def __init__(self, read: Reader, *, instance: str) -> None:
        super().__init__(read, instance=instance)
        self._values = Values()

    def offer(self, endpoint: Endpoint) -> None:
        """Numbers without an opinion, too."""
        super().offer(endpoint)
        endpoint.tool(INDICATORS, self.indicators)

    async def indicators(self, request: IndicatorsRequest, _: Call) -> IndicatorsResult:
        """Answer the tool `indicators`."""
        return await self._read(lambda tx: self._values.answer(tx, request))

    def judge(self, tx: Snapshot, symbols: Sequence[Symbol], as_of: datetime) -> list[Signal | Abstain]:
        """One result per symbol, from one query for all."""
        session = public_session(as_of)
        bars = recent_bars(tx, symbols, as_of, count=_BARS)
        return self.each(symbols, lambda symbol: self._one(symbol, bars.get(symbol), session, as_of))

    def _one(self, symbol: Symbol, bars: BarColumns | None, session: date, as_of: datetime) -> Signal | Abstain:
        if bars is None:
            return abstain(symbol, AbstainCode.NO_DATA, "no bars are stored")
        if bars.sessions[-1] != session:
            return abstain(symbol, AbstainCode.STALE_DATA, f"the last bar is of {bars.sessions[-1]}")
        if bars.suspended[-1]:
            return abstain(symbol, AbstainCode.SUSPENDED, f"not traded on {session}")
        traded = bars.suspended.count(False)
        if traded < _FEWEST_BARS:
            return abstain(symbol, AbstainCode.INSUFFICIENT_HISTORY, f"{traded} traded bars of {_FEWEST_BARS}")
        chart = chart_of(adjusted(bars))
        reading = read(chart)
        citations = Citations()
        origin = Origin("bar", symbol, session, bars.source, bars.published_at, bars.synthetic)
        rationale = _rationale(citations, origin, chart, reading)
        return citations.signal(about(symbol), reading.score, reading.confidence, rationale, self.outlook(as_of))


def _rationale(citations: Citations, origin: Origin, chart: Chart, reading: Reading) -> str:
    def cite(field: str, value: float | str, unit: str) -> str:
        return citations.cite(origin, field, value, unit)

    text = (
        f"Trend {cite('trend_score', reading.trend, 'score')}: the close of {cite('close', chart.close, 'CNY')} "
        f"against means of {cite('mean_week', chart.week_mean, 'CNY')} (week), "
        f"{cite('mean_short', chart.short_mean, 'CNY')} (short) and "
        f"{cite('mean_long', chart.long_mean, 'CNY')} (long), "
        f"direction {cite('trend', chart.trend.direction.value, 'text')}, ADX {cite('adx', chart.adx, 'points')}. "
        f"Momentum {cite('momentum_score', reading.momentum, 'score')}: "
        f"{cite('change', 100 * chart.change, 'percent')} in two weeks, MACD column "
        f"{cite('macd_histogram', chart.macd_histogram, 'points')}. "
        f"Stretch {cite('reversion_score', reading.reversion, 'score')}: RSI {cite('rsi', chart.rsi, 'points')}, "
        f"Bollinger position {cite('percent_b', chart.percent_b, 'times')}. "
        f"True range {cite('true_range', 100 * chart.true_range, 'percent')}."
    )
    return " ".join([text, *_details(citations, origin, chart)])


def _details(citations: Citations, origin: Origin, chart: Chart) -> list[str]:
    found: list[str] = []
    if chart.volume_ratio is not None:
        found.append(f"Volume ratio {citations.cite(origin, 'volume_ratio', chart.volume_ratio, 'times')}.")
    if chart.turnover is not None:
        found.append(f"Mean turnover {citations.cite(origin, 'turnover', 100 * chart.turnover, 'percent')}.")
    for name, level in (("support", chart.levels.support), ("resistance", chart.levels.resistance)):
        if level is not None:
            found.append(f"Nearest {name} {citations.cite(origin, name, level.price, 'CNY')}.")
    if chart.patterns:
        names = ", ".join(pattern.name.removeprefix("CDL").lower() for pattern in chart.patterns)
        found.append(f"Candles: {citations.cite(origin, 'patterns', names, 'text')}.")
    return found
