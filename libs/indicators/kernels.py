"""One share's indicators in compiled loops, equal to TA-Lib's to 1e-9 and made for whole panels.

Every one of these averages is a decaying sum, y[i] = keep · y[i-1] + x[i]. A loop that waits for its own last result
leaves most of a processor idle, so the sum goes four bars at a time (`_decay`), and all else stands in loops of its own
that the compiler turns into vector code: over slices from zero, since an index that might be negative prevents it.

numba compiles this on first use and keeps the machine code where NUMBA_CACHE_DIR says, else beside the source, else in
the user's cache folder; where none of them can be written, every process compiles for itself. Only
`libs.indicators.panel` imports it: analysts never load numba. A kernel releases the GIL, takes the values of one share
without gaps, oldest first, and writes NaN into the warm-up. Sources: Wilder, New Concepts in Technical Trading Systems
(1978) for RSI, ATR and ADX; Appel for MACD; Bollinger for the bands; TA-Lib for how each is started.
"""

import numba
import numpy as np
from numpy.typing import NDArray

Row = NDArray[np.float64]
Work = NDArray[np.float64]
"""Three rows of scratch space as long as the series."""

Rows = tuple[Row, Row, Row]
Settings = tuple[int, int, int, int, float]
"""Bars needed for one value, up to three periods, and a width."""

_NOTHING = 1e-14
"""TA-Lib's own bound below which a number counts as zero."""

_NARROW = 1e-12
"""A variance below this part of the squared price may be nothing but rounding: one tick of 0.01 in 2,000 is more."""

_SHORT = 12
"""Windows below this are summed anew at every bar: with so few bars a running sum of squares keeps too few digits."""


def _keeps_code() -> bool:
    """Whether there is a folder for machine code; a read-only installation without a home has none."""
    try:
        numba.njit(cache=True)(_keeps_code)
    except RuntimeError:
        return False
    return True


_compile = numba.njit(
    nogil=True, cache=_keeps_code(), error_model="numpy", boundscheck=False, fastmath={"contract", "nsz"}
)


@_compile
def _decay(values: Row, keep: float) -> None:
    """values[i] += keep · values[i-1], in place, four bars at a time; the first value is where it starts."""
    keep2, keep3, keep4 = keep * keep, keep * keep * keep, keep * keep * keep * keep
    last, rest = values[0], values[1:]
    fours = rest.size // 4
    for block in range(fours):
        i = 4 * block
        one = rest[i]
        two = rest[i + 1] + keep * one
        three = rest[i + 2] + keep * two
        four = rest[i + 3] + keep * three
        rest[i] = one + keep * last
        rest[i + 1] = two + keep2 * last
        rest[i + 2] = three + keep3 * last
        last = four + keep4 * last
        rest[i + 3] = last
    for i in range(4 * fours, rest.size):
        last = rest[i] + keep * last
        rest[i] = last


@_compile
def sma(values: Row, period: int, out: Row) -> None:
    """Simple moving average by a running sum."""
    share = 1.0 / period
    out[: period - 1] = np.nan
    means, new, old = out[period - 1 :], values[period:], values[:-period]
    means[0] = values[:period].sum() * share
    later = means[1:]
    for i in range(later.size):
        later[i] = (new[i] - old[i]) * share
    _decay(means, 1.0)


@_compile
def rsi(close: Row, period: int, work: Work, out: Row) -> None:
    """Relative strength index; 50 until the price has moved for the first time, where TA-Lib says 0."""
    bars, now, before = close.size - 1, close[1:], close[:-1]
    gains, losses = work[0, :bars], work[1, :bars]
    for i in range(bars):
        change = now[i] - before[i]
        gains[i] = max(change, 0.0)
        losses[i] = max(-change, 0.0)
    # Sums in place of averages: their ratio is the same. The first window is a sum without weights.
    keep, start = 1.0 - 1.0 / period, period - 1
    gains[start] = gains[:period].sum()
    losses[start] = losses[:period].sum()
    ups, downs, index = gains[start:], losses[start:], out[period:]
    _decay(ups, keep)
    _decay(downs, keep)
    out[:period] = np.nan
    for i in range(index.size):
        total = ups[i] + downs[i]
        ratio = 100.0 * ups[i] / total
        index[i] = ratio if total > 0.0 else 50.0


@_compile
def macd(close: Row, periods: tuple[int, int, int], line: Row, signal: Row, histogram: Row) -> None:
    """MACD line, signal and histogram. Both averages start at the same bar, each from the mean of its last values."""
    fast, slow, smooth = periods
    start, first = slow - 1, slow + smooth - 2
    quick, steady, weight = 2.0 / (fast + 1), 2.0 / (slow + 1), 2.0 / (smooth + 1)
    prices, lines, signals, steadies = close[start:], line[start:], signal[start:], histogram[start:]
    for i in range(prices.size):
        lines[i] = prices[i] * quick
        steadies[i] = prices[i] * steady
    lines[0] = close[slow - fast : slow].sum() / fast
    steadies[0] = close[:slow].sum() / slow
    _decay(lines, 1.0 - quick)
    _decay(steadies, 1.0 - steady)
    for i in range(lines.size):
        lines[i] -= steadies[i]
        signals[i] = lines[i] * weight
    signals[smooth - 1] = lines[:smooth].sum() / smooth
    _decay(signals[smooth - 1 :], 1.0 - weight)
    line[:first] = np.nan
    signal[:first] = np.nan
    for i in range(line.size):
        histogram[i] = line[i] - signal[i]


@_compile
def bollinger(close: Row, period: int, width: float, made: Rows) -> None:
    """Bands of `width` standard deviations (of the whole window) around the simple average."""
    upper, middle, lower = made
    if period < _SHORT:
        _short_bands(close, period, width, made)
    else:
        _long_bands(close, period, width, made)
    upper[: period - 1] = np.nan
    middle[: period - 1] = np.nan
    lower[: period - 1] = np.nan


@_compile
def _short_bands(close: Row, period: int, width: float, made: Rows) -> None:
    upper, middle, lower = made[0][period - 1 :], made[1][period - 1 :], made[2][period - 1 :]
    share = 1.0 / period
    for i in range(middle.size):
        first, total, squares = close[i], 0.0, 0.0
        for k in range(1, period):
            apart = close[i + k] - first
            total += apart
            squares += apart * apart
        mean = total * share
        spread = width * np.sqrt(max(squares * share - mean * mean, 0.0))
        middle[i] = first + mean
        upper[i] = middle[i] + spread
        lower[i] = middle[i] - spread


@_compile
def _long_bands(close: Row, period: int, width: float, made: Rows) -> None:
    upper, middle, lower = made
    # Sums of differences from the first close: the squares stay small, so that a quiet share keeps its digits.
    base, share = close[0], 1.0 / period
    total = squares = 0.0
    for i in range(period):
        value = close[i] - base
        total += value * share
        squares += value * value * share
    means, means_of_squares, middles = lower[period - 1 :], upper[period - 1 :], middle[period - 1 :]
    new, old, later, later_squares = close[period:], close[:-period], means[1:], means_of_squares[1:]
    for i in range(new.size):
        step = (new[i] - old[i]) * share
        later[i] = step
        later_squares[i] = step * ((new[i] - base) + (old[i] - base))
    means[0], means_of_squares[0] = total, squares
    _decay(means, 1.0)
    _decay(means_of_squares, 1.0)
    narrow = 0
    for i in range(means.size):
        variance = means_of_squares[i] - means[i] * means[i]
        spread = width * np.sqrt(max(variance, 0.0))
        centre = base + means[i]
        middles[i] = centre
        means_of_squares[i] = centre + spread
        means[i] = centre - spread
        narrow += 1 if variance < _NARROW * centre * centre else 0
    if narrow:
        _close_still_bands(close, period, made)


@_compile
def _close_still_bands(close: Row, period: int, made: Rows) -> None:
    """A window in which the price stood still has no width; rounding would leave it one of 1e-7."""
    upper, middle, lower = made
    now, before = close[1:], close[:-1]
    still = 0
    for i in range(now.size):
        still = still + 1 if now[i] == before[i] else 0
        if still >= period - 1:
            upper[i + 1] = now[i]
            middle[i + 1] = now[i]
            lower[i + 1] = now[i]


@_compile
def directional(bars: Rows, period: int, work: Work, adx: Row, atr: Row) -> None:
    """Average directional index and average true range, over the true ranges they share."""
    high, low, close = bars
    changes, start, share = close.size - 1, period - 1, 1.0 / period
    keep = 1.0 - share
    highs, lows, high_before, low_before, close_before = high[1:], low[1:], high[:-1], low[:-1], close[:-1]
    rises, falls, ranges = work[0, :changes], work[1, :changes], work[2, :changes]
    averages = atr[1:]
    for i in range(changes):
        up, down = highs[i] - high_before[i], low_before[i] - lows[i]
        rises[i] = up if (up > 0.0) & (up > down) else 0.0
        falls[i] = down if (down > 0.0) & (down > up) else 0.0
        ranges[i] = max(highs[i], close_before[i]) - min(lows[i], close_before[i])
        averages[i] = ranges[i] * share
    averages[start] = averages[:period].sum()
    _decay(averages[start:], keep)
    atr[:period] = np.nan
    for row in range(3):
        sums = work[row, :changes]
        sums[start] += keep * sums[:start].sum()
        _decay(sums[start:], keep)
    if close.size >= 2 * period:
        _directional_index(work[:, start:changes], adx[period:], share)
    adx[: 2 * period - 1] = np.nan


@_compile
def _directional_index(sums: Work, index: Row, share: float) -> None:
    """Wilder's average of the directional index; bars at which nothing has moved leave it as it is."""
    rises, falls, ranges = sums[0], sums[1], sums[2]
    percent = 100.0 * share
    for i in range(index.size):
        both = rises[i] + falls[i]
        strength = percent * abs(rises[i] - falls[i]) / both
        index[i] = strength if both > _NOTHING * ranges[i] else -1.0
    undefined = 0
    for i in range(index.size):
        undefined += 1 if index[i] < 0.0 else 0
    window = round(1.0 / share)
    started = 0.0
    for i in range(window):
        started += max(index[i], 0.0)
    averages, keep = index[window - 1 :], 1.0 - share
    averages[0] = started
    if undefined == 0:
        _decay(averages, keep)
        return
    for i in range(1, averages.size):
        averages[i] = averages[i] + keep * averages[i - 1] if averages[i] >= 0.0 else averages[i - 1]


SMA, RSI, MACD, BOLLINGER, DIRECTIONAL = range(5)
_OUTPUTS = (1, 1, 3, 3, 2)


@_compile
def _row(kind: int, bars: Rows, settings: Settings, work: Work, made: Rows) -> None:
    close, period = bars[2], settings[1]
    if kind == SMA:
        sma(close, period, made[0])
    elif kind == RSI:
        rsi(close, period, work, made[0])
    elif kind == MACD:
        macd(close, (period, settings[2], settings[3]), made[0], made[1], made[2])
    elif kind == BOLLINGER:
        bollinger(close, period, settings[4], made)
    else:
        directional(bars, period, work, made[0], made[1])


@_compile
def find_whole(bars: tuple[Work, Work, Work], whole: NDArray[np.bool_]) -> int:
    """Mark the rows without a gap; gives the first row that holds an infinite value, -1 if none does."""
    for row in range(whole.size):
        odd = _oddities(bars[0][row]) + _oddities(bars[1][row]) + _oddities(bars[2][row])
        whole[row] = odd == 0
        if odd and (_holds_infinity(bars[0][row]) or _holds_infinity(bars[1][row]) or _holds_infinity(bars[2][row])):
            return row
    return -1


@_compile
def _oddities(values: Row) -> int:
    """How many values are no finite numbers: only those do not differ from themselves by nothing."""
    odd = 0
    for i in range(values.size):
        odd += 1 if values[i] - values[i] != 0.0 else 0
    return odd


@_compile
def _holds_infinity(values: Row) -> bool:
    return bool(np.isinf(values).any())


@_compile
def over(
    kind: int,
    bars: tuple[Work, Work, Work],
    whole: NDArray[np.bool_],
    settings: Settings,
    made: tuple[Work, Work, Work],
) -> None:
    """Every row of high, low and close through one kernel; a row with fewer bars than needed becomes NaN.

    `made` holds as many panels as the kernel fills, the last one repeated to three.
    """
    needed = settings[0]
    high, low, close = bars
    shares, sessions = close.shape
    work, squeezed, results = np.empty((3, sessions)), np.empty((3, sessions)), np.empty((3, sessions))
    for row in range(shares):
        given = (high[row], low[row], close[row])
        rows = (made[0][row], made[1][row], made[2][row])
        if whole[row] and sessions >= needed:
            _row(kind, given, settings, work, rows)
            continue
        traded = _traded(given)
        count = traded.size
        if count < needed:
            for out in rows:
                out[:] = np.nan
            continue
        _squeeze(given, traded, squeezed)
        cut = (squeezed[0, :count], squeezed[1, :count], squeezed[2, :count])
        _row(kind, cut, settings, work, (results[0, :count], results[1, :count], results[2, :count]))
        _spread(results[: _OUTPUTS[kind]], traded, rows)


@_compile
def _traded(given: Rows) -> NDArray[np.int64]:
    """The columns in which all three have a value."""
    sessions = given[2].size
    traded = np.empty(sessions, dtype=np.int64)
    count = 0
    for i in range(sessions):
        if not np.isnan(given[0][i] + given[1][i] + given[2][i]):
            traded[count] = i
            count += 1
    return traded[:count]


@_compile
def _squeeze(given: Rows, traded: NDArray[np.int64], into: Work) -> None:
    for k in range(3):
        for j in range(traded.size):
            into[k, j] = given[k][traded[j]]


@_compile
def _spread(results: Work, traded: NDArray[np.int64], rows: Rows) -> None:
    for k in range(results.shape[0]):
        rows[k][:] = np.nan
        for j in range(traded.size):
            rows[k][traded[j]] = results[k, j]
