"""Six indicators over a panel of 5,000 shares by 2,430 sessions: our compiled loops beside TA-Lib, row by row.

    python -m benchmarks.indicators [--rounds 7] [--shares 5000] [--sessions 2430]

Both sides write the same ten panels (SMA 20, RSI 14, MACD 12/26/9, ADX 14, ATR 14, Bollinger 20/2) into memory that is
there already, so that neither pays for pages. Rounds are interleaved and a figure is the median of the rounds' ratios:
of processor time on one thread, of wall time on two, where processor time would say nothing. Prices are made: steps
with fat tails on the tick of a cent, a tenth of the days without a move. Compiling (once per machine) is outside.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from benchmarks.support.goals import goal
from libs.indicators.panel import Bollinger, Directional, Macd, PanelBars, PanelIndicator, Results, Rsi, Sma, compute
from libs.indicators.talib_door import talib

Panel = NDArray[np.float64]
WANTED: tuple[PanelIndicator, ...] = (Sma(20), Rsi(14), Macd(12, 26, 9), Directional(14), Bollinger(20, 2.0))


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of one run."""

    wall: float
    processor: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds (default: 7)")
    parser.add_argument("--shares", type=int, default=5000)
    parser.add_argument("--sessions", type=int, default=2430)
    asked = parser.parse_args()
    print(f"Python {platform.python_version()}, TA-Lib {version('ta-lib')}, numba {version('numba')}")
    bars = _made_bars(asked.shares, asked.sessions)
    ours, theirs = compute(bars, WANTED), _room(bars.shape)
    print(f"{asked.shares} shares x {asked.sessions} sessions = {bars.close.size / 1e6:.2f} M bars, ten results each")
    runs: dict[str, Callable[[], object]] = {
        "TA-Lib loop": lambda: _talib_loop(bars, theirs),
        "ours, one thread": lambda: compute(bars, WANTED, reuse=ours),
        "ours, two threads": lambda: compute(bars, WANTED, threads=2, reuse=ours),
    }
    costs = _measure(runs, asked.rounds)
    apart = _largest_difference(ours, theirs)
    for name, measured in costs.items():
        wall, processor = (statistics.median(c) for c in zip(*((c.wall, c.processor) for c in measured), strict=True))
        per_bar = processor / bars.close.size * 1e9
        print(f"  {name:<18} {wall:.3f} s wall, {processor:.3f} s processor, {per_bar:.1f} ns/bar")
    print(f"  largest difference on any share and session: {apart:.1e}")
    _print_goals(costs, apart)


def _print_goals(costs: dict[str, list[Cost]], apart: float) -> None:
    loop, one, two = costs.values()
    on_one = statistics.median(a.processor / b.processor for a, b in zip(loop, one, strict=True))
    on_two = statistics.median(a.wall / b.wall for a, b in zip(loop, two, strict=True))
    print(goal("indicators.panel_vs_talib_one_thread", on_one, ">=", 2))
    print(goal("indicators.panel_vs_talib_two_threads", on_two, ">=", 3.5))
    print(goal("indicators.largest_difference_to_talib", apart, "<=", 1e-9))


def _made_bars(shares: int, sessions: int) -> PanelBars:
    random = np.random.default_rng(20_260_101)
    shape = (shares, sessions)
    moves = random.standard_t(4, shape) * 0.015
    moves[random.random(shape) < 0.1] = 0.0
    close = np.round(20 * np.exp(np.clip(np.cumsum(moves, axis=1), -3, 4)), 2)
    high = np.round(close * (1 + np.abs(random.normal(0, 0.01, shape))), 2)
    low = np.round(close * (1 - np.abs(random.normal(0, 0.01, shape))), 2)
    return PanelBars(high, low, close)


def _room(shape: tuple[int, int]) -> list[Panel]:
    return [np.zeros(shape) for _ in range(10)]


def _talib_loop(bars: PanelBars, made: list[Panel]) -> None:
    for row in range(bars.shape[0]):
        high, low, close = bars.high[row], bars.low[row], bars.close[row]
        made[0][row] = talib.SMA(close, 20)
        made[1][row] = talib.RSI(close, 14)
        made[2][row], made[3][row], made[4][row] = talib.MACD(close, 12, 26, 9)
        made[5][row] = talib.ADX(high, low, close, 14)
        made[6][row] = talib.ATR(high, low, close, 14)
        made[7][row], made[8][row], made[9][row] = talib.BBANDS(close, 20, 2.0, 2.0)


def _measure(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[Cost]]:
    costs: dict[str, list[Cost]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(rounds):
        for name, run in runs.items():
            wall, processor = time.perf_counter(), time.process_time()
            run()
            costs[name].append(Cost(time.perf_counter() - wall, time.process_time() - processor))
    return costs


def _largest_difference(ours: Results, theirs: list[Panel]) -> float:
    """Over all ten panels; a value that only one side has counts as infinite."""
    panels = [panel for indicator in WANTED for panel in ours[indicator].values()]
    apart = 0.0
    for mine, other in zip(panels, theirs, strict=True):
        if not np.array_equal(np.isnan(mine), np.isnan(other)):
            return float("inf")
        apart = max(apart, float(np.nanmax(np.abs(mine - other), initial=0.0)))
    return apart


if __name__ == "__main__":
    main()
