"""How much of a bar one account may trade: a share of its volume in whole lots, common to all its orders there."""

from dataclasses import dataclass, replace
from decimal import Decimal

from libs.ashare.lots import LotRule

MAX_SHARE = Decimal("0.10")
"""Ten percent of the bar's volume: more would have moved the price that the bar shows."""


@dataclass(frozen=True, slots=True)
class Participation:
    """The shares of one bar that one account may still trade."""

    capacity: int
    used: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.used <= self.capacity:
            raise ValueError(f"{self.used} shares used of a participation of {self.capacity}")

    @property
    def left(self) -> int:
        """What later orders may still trade."""
        return self.capacity - self.used

    def take(self, quantity: int) -> "Participation":
        """What is left after a fill."""
        return replace(self, used=self.used + quantity)


def participation_of(volume: int, lot: LotRule, share: Decimal = MAX_SHARE) -> Participation:
    """The participation in a bar of `volume` shares."""
    return Participation(lot.round_down(int(volume * share)))
