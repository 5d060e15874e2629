"""Prices a share may trade at in a session (涨跌停价), from its reference price; exact decimals."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from libs.domain.errors import InvalidInput

TICK = Decimal("0.01")
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Band:
    """The lowest and highest price of the session, both allowed."""

    lower: Decimal
    upper: Decimal

    def contains(self, price: Decimal) -> bool:
        """Whether an order at `price` is inside."""
        return self.lower <= price <= self.upper

    def clip(self, price: Decimal) -> Decimal:
        """The price inside the band nearest to `price`."""
        return min(max(price, self.lower), self.upper)


def on_tick(price: Decimal) -> bool:
    """Whether `price` is a positive multiple of 0.01."""
    return price > 0 and price % TICK == 0


def round_to_tick(price: Decimal) -> Decimal:
    """`price` rounded half up to 0.01, as the exchanges round (四舍五入)."""
    return price.quantize(TICK, ROUND_HALF_UP)


def band_around(reference: Decimal, *, down: Decimal, up: Decimal) -> Band:
    """The band of `down` below and `up` above `reference`; each side is at least one tick away."""
    if not reference.is_finite() or reference <= 0:
        raise InvalidInput("pre_close", f"{reference} is not a reference price")
    lower = min(round_to_tick(reference * (_ONE - down)), round_to_tick(reference) - TICK)
    upper = max(round_to_tick(reference * (_ONE + up)), round_to_tick(reference) + TICK)
    return Band(max(lower, TICK), upper)
