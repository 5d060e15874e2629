"""Candlestick patterns (K线形态) on the last bar, by the names TA-Lib gives them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from libs.indicators.errors import UnusableSeries
from libs.indicators.series import Floats, Values, together
from libs.indicators.talib_door import talib

_Recogniser = Callable[[Floats, Floats, Floats, Floats], NDArray[np.int32]]

RECOGNISERS: dict[str, _Recogniser] = {
    "CDL3BLACKCROWS": talib.CDL3BLACKCROWS,
    "CDL3WHITESOLDIERS": talib.CDL3WHITESOLDIERS,
    "CDLDARKCLOUDCOVER": talib.CDLDARKCLOUDCOVER,
    "CDLDOJI": talib.CDLDOJI,
    "CDLENGULFING": talib.CDLENGULFING,
    "CDLEVENINGSTAR": talib.CDLEVENINGSTAR,
    "CDLHAMMER": talib.CDLHAMMER,
    "CDLHARAMI": talib.CDLHARAMI,
    "CDLMORNINGSTAR": talib.CDLMORNINGSTAR,
    "CDLPIERCING": talib.CDLPIERCING,
    "CDLSHOOTINGSTAR": talib.CDLSHOOTINGSTAR,
}
"""The patterns the desk knows."""

NEEDED = 20
"""Bars before a pattern may be trusted: TA-Lib judges a body against the ten before it, and says 0 where it cannot."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern completed by the last bar; `direction` is +1 for rising, −1 for falling (a doji has none: 0)."""

    name: str
    direction: int


def patterns(
    opened: Values, high: Values, low: Values, close: Values, names: Iterable[str] = tuple(RECOGNISERS)
) -> tuple[Pattern, ...]:
    """The patterns among `names` that the last bar completes, in the order of `names`."""
    bars = together("candlestick patterns", opened, high, low, close, needed=NEEDED)
    found = []
    for name in names:
        recognise = RECOGNISERS.get(name)
        if recognise is None:
            raise UnusableSeries(f"candlestick patterns: {name[:32]!r} is not one of {', '.join(RECOGNISERS)}")
        mark = int(recognise(*bars)[-1])
        if mark:
            found.append(Pattern(name, 0 if name == "CDLDOJI" else (1 if mark > 0 else -1)))
    return tuple(found)
