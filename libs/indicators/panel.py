"""Indicators over a whole panel at once: a row per share, a column per session, NaN where a share did not trade.

For the backtest and research, where thousands of shares are worked through again and again. A suspended day (停牌), or
one before the listing, takes no part: the indicator goes on with the next traded bar as if the gap were not there, and
has no value (NaN) on the day itself. One missing bar never poisons those after it. Results agree with TA-Lib on the
traded bars to 1e-9. Analysts do not import this module, since it brings numba.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from libs.indicators import kernels
from libs.indicators.errors import UnusableSeries

Panel = NDArray[np.float64]
"""float64, shape (shares, sessions), C order."""

_ROWS_AT_ONCE = 64
"""Rows that go through all indicators together: their prices are then still in the processor's cache."""


@dataclass(frozen=True, slots=True)
class PanelBars:
    """Highs, lows and closes of the same shares and sessions, adjusted; where one is NaN there is no bar."""

    high: Panel
    low: Panel
    close: Panel

    def __post_init__(self) -> None:
        for name in ("high", "low", "close"):
            _require_panel(name, getattr(self, name))
        if not self.high.shape == self.low.shape == self.close.shape:
            raise UnusableSeries(f"panel: the shapes differ: {self.high.shape}, {self.low.shape}, {self.close.shape}")

    @property
    def shape(self) -> tuple[int, int]:
        """Shares and sessions."""
        shares, sessions = self.close.shape
        return shares, sessions


@dataclass(frozen=True, slots=True)
class Sma:
    """Simple moving average of the close."""

    period: int = 20
    outputs: ClassVar[tuple[str, ...]] = ("sma",)
    kind: ClassVar[int] = kernels.SMA

    def __post_init__(self) -> None:
        _require_period("SMA", self.period, 1)

    @property
    def settings(self) -> kernels.Settings:
        """Bars needed, periods and width, as the kernels take them."""
        return self.period, self.period, 0, 0, 0.0


@dataclass(frozen=True, slots=True)
class Rsi:
    """Relative strength index (Wilder), 0 … 100; 50 until the price has moved for the first time."""

    period: int = 14
    outputs: ClassVar[tuple[str, ...]] = ("rsi",)
    kind: ClassVar[int] = kernels.RSI

    def __post_init__(self) -> None:
        _require_period("RSI", self.period, 2)

    @property
    def settings(self) -> kernels.Settings:
        """Bars needed, periods and width, as the kernels take them."""
        return self.period + 1, self.period, 0, 0, 0.0


@dataclass(frozen=True, slots=True)
class Macd:
    """MACD line (DIF), signal line (DEA) and their difference; the Chinese MACD column is twice this histogram."""

    fast: int = 12
    slow: int = 26
    signal: int = 9
    outputs: ClassVar[tuple[str, ...]] = ("line", "signal", "histogram")
    kind: ClassVar[int] = kernels.MACD

    def __post_init__(self) -> None:
        _require_period("MACD", self.fast, 2)
        _require_period("MACD", self.signal, 1)
        if self.slow <= self.fast:
            raise UnusableSeries(f"MACD: the slow period {self.slow} must exceed the fast one {self.fast}")

    @property
    def settings(self) -> kernels.Settings:
        """Bars needed, periods and width, as the kernels take them."""
        return self.slow + self.signal - 1, self.fast, self.slow, self.signal, 0.0


@dataclass(frozen=True, slots=True)
class Bollinger:
    """`width` standard deviations (of the whole window) around the simple average."""

    period: int = 20
    width: float = 2.0
    outputs: ClassVar[tuple[str, ...]] = ("upper", "middle", "lower")
    kind: ClassVar[int] = kernels.BOLLINGER

    def __post_init__(self) -> None:
        _require_period("Bollinger", self.period, 2)

    @property
    def settings(self) -> kernels.Settings:
        """Bars needed, periods and width, as the kernels take them."""
        return self.period, self.period, 0, 0, self.width


@dataclass(frozen=True, slots=True)
class Directional:
    """Average directional index (0 … 100) and average true range (in the unit of the prices), both Wilder's."""

    period: int = 14
    outputs: ClassVar[tuple[str, ...]] = ("adx", "atr")
    kind: ClassVar[int] = kernels.DIRECTIONAL

    def __post_init__(self) -> None:
        _require_period("ADX", self.period, 2)

    @property
    def settings(self) -> kernels.Settings:
        """Bars needed, periods and width, as the kernels take them."""
        return self.period + 1, self.period, 0, 0, 0.0


PanelIndicator = Sma | Rsi | Macd | Bollinger | Directional
Results = Mapping[PanelIndicator, Mapping[str, Panel]]
"""By indicator and output, each of the shape of the bars; NaN in the warm-up and where there is no bar."""


def compute(
    bars: PanelBars, wanted: Sequence[PanelIndicator], *, threads: int = 1, reuse: Results | None = None
) -> Results:
    """Every wanted indicator of every share.

    Rows with too short a history are NaN throughout. `threads` share the rows; the loops hold no GIL. `reuse` takes
    the results of an earlier call with the same shapes and writes into them. Raises `UnusableSeries` on infinite
    values, other shapes and periods that make no sense.
    """
    if threads < 1:
        raise UnusableSeries(f"panel: {threads} threads cannot work")
    made = {indicator: _outputs(indicator, bars, reuse) for indicator in wanted}
    shares = bars.shape[0]
    blocks = [slice(start, min(start + _ROWS_AT_ONCE, shares)) for start in range(0, shares, _ROWS_AT_ONCE)]

    def work(rows: slice) -> None:
        given = (bars.high[rows], bars.low[rows], bars.close[rows])
        whole = np.empty(given[0].shape[0], dtype=np.bool_)
        if (bad := kernels.find_whole(given, whole)) >= 0:
            raise UnusableSeries(f"panel: row {rows.start + bad} holds an infinite value")
        for indicator, panels in made.items():
            filled = [panel[rows] for panel in panels.values()]
            three = [*filled, filled[-1], filled[-1]]
            kernels.over(indicator.kind, given, whole, indicator.settings, (three[0], three[1], three[2]))

    _spread_over(threads, blocks, work)
    return made


def _spread_over(threads: int, blocks: Sequence[slice], work: Callable[[slice], None]) -> None:
    if threads == 1 or len(blocks) < 2:
        for block in blocks:
            work(block)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, blocks):
            pass


def _outputs(indicator: PanelIndicator, bars: PanelBars, reuse: Results | None) -> dict[str, Panel]:
    if reuse is None:
        return {name: np.empty(bars.shape) for name in indicator.outputs}
    if indicator not in reuse:
        raise UnusableSeries(f"panel: the results to reuse have no {indicator}")
    for name, panel in reuse[indicator].items():
        _require_panel(name, panel)
        if panel.shape != bars.shape:
            raise UnusableSeries(f"panel: {name} to reuse has the shape {panel.shape}, the bars {bars.shape}")
    return dict(reuse[indicator])


def _require_panel(name: str, panel: Panel) -> None:
    if panel.dtype != np.float64 or panel.ndim != 2 or not panel.flags.c_contiguous:
        raise UnusableSeries(f"panel: {name} must be C-ordered float64 of shape (shares, sessions)")


def _require_period(indicator: str, period: int, least: int) -> None:
    if period < least:
        raise UnusableSeries(f"{indicator}: a period of {period} is below {least}")
