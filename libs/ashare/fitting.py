"""Which reference prices a day fits: exact integer arithmetic in ticks, the rounding of the exchanges turned round."""

from dataclasses import dataclass

SCALE = 10_000
"""Ratios are ten-thousandths."""


@dataclass(frozen=True, slots=True)
class References:
    """Every reference price from `least` to `most` ticks has a band that holds the day; none where they cross."""

    least: int
    most: int

    @property
    def any(self) -> bool:
        """Whether there is one at all."""
        return self.least <= self.most

    def holds(self, first: int, last: int) -> bool:
        """Whether one of them lies from `first` to `last`."""
        return max(self.least, first) <= min(self.most, last)


def upper(reference: int, ratio: int) -> int:
    """The upper limit in ticks."""
    return max(_half_up(reference * (SCALE + ratio)), reference + 1)


def lower(reference: int, ratio: int) -> int:
    """The lower limit in ticks."""
    return max(min(_half_up(reference * (SCALE - ratio)), reference - 1), 1)


def references(low: int, high: int, ratio: int) -> References:
    """The references whose band of `ratio` holds a day from `low` to `high`, all in ticks."""
    least = max(high * SCALE // (SCALE + ratio) - 2, 1)
    while upper(least, ratio) < high:
        least += 1
    most = max(-(-low * SCALE // (SCALE - ratio)) + 2, 1)
    while most > 1 and lower(most, ratio) > low:
        most -= 1
    return References(least, most)


def _half_up(scaled: int) -> int:
    return (2 * scaled + SCALE) // (2 * SCALE)
