"""Sina's packed answers, as its web pages unpack them: six bits a letter, lowest bit first."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_DAY_ZERO = date(1990, 12, 19)
_CALENDAR, _BARS, _NEWEST_VERSION = 139, 3466, 63
_PRICE_BITS, _VOLUME_BITS, _AMOUNT_BITS = 30, 30, 42


def packed_calendar(sessions: Iterable[date]) -> str:
    """The trading calendar: runs of weekdays, between two of which lies one weekday without trading."""
    days = sorted((s - _DAY_ZERO).days for s in sessions)
    bits = [*_bits(_CALENDAR, 12), *_bits(_NEWEST_VERSION, 6)]
    if not days:
        bits += [*_bits(1, 18), *_bits(0, 18)]
    else:
        bits += [*_bits(days[0], 18), *_bits(days[-1], 18), *_grown(4)]
        for i, run in enumerate(_runs(days)):
            bits += [*([0] if i else []), *_bits(run, 12)]
    return _letters(bits)


def packed_bars(rows: Sequence[tuple[date, float, float, float, float, int, float]]) -> str:
    """Daily bars (session, open, high, low, close, shares, amount): prices in fen, each as the change from before."""
    bits = [*_bits(_BARS, 12), *_bits(_NEWEST_VERSION, 6)]
    last = [0] * 6
    for i, (session, *values) in enumerate(rows):
        bits += [*(_first_of_all() if i == 0 else []), *([] if i == 0 else [1, 0, 1, 1, 1])]
        bits += [*_bits(1, 3), *_bits((session - _DAY_ZERO).days, 18)]
        if i == 0:
            bits += [0]  # no close before
        now = [round(value * 100) for value in values[:4]] + [int(values[4]), round(values[5])]
        widths = [_PRICE_BITS] * 4 + [_VOLUME_BITS, _AMOUNT_BITS]
        for width, new, old in zip(widths, now, last, strict=True):
            bits += _signed(new - old, width)
        last = now
    return _letters([*bits, 1, 1, 0, 0, 0])


def _first_of_all() -> list[int]:
    """Amounts on their own, each price on its own, and how many bits every value has; then a day follows."""
    flags = [1, 1, 1, 1, 1, 0, 0, 1, 0]
    precision_as_it_is = [0, 0, 0]
    widths = [1, *(4 * [1, *_grown(7)]), 1, *_grown(5), 1, *_grown(9), 1]
    return [*flags, *precision_as_it_is, *widths]


def _grown(by: int) -> list[int]:
    """A width that grows: its sign, then a run of ones."""
    return [1, *([1] * (by - 1)), 0]


def _runs(days: Sequence[int]) -> Iterator[int]:
    known, run = set(days), 0
    for day in range(days[0], days[-1] + 1):
        if day % 7 in {3, 4}:  # day zero is a Wednesday
            continue
        if day in known:
            run += 1
        else:
            yield run
            run = 0
    yield run


def _signed(number: int, width: int) -> list[int]:
    return _bits(number & (1 << width) - 1, width)


def _bits(number: int, width: int) -> list[int]:
    return [number >> k & 1 for k in range(width)]


def _letters(bits: Sequence[int]) -> str:
    whole = [*bits, *([0] * (-len(bits) % 6))]
    letters = (whole[i : i + 6] for i in range(0, len(whole), 6))
    return "".join(_BASE64[sum(bit << k for k, bit in enumerate(letter))] for letter in letters)
