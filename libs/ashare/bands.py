"""Prices a share may trade at in a session (涨跌停价), from its reference price; exact decimals."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from libs.domain.errors import InvalidInput

TICK = Decimal("0.01")
"""The tick of A-shares; B shares and funds have their own in `orders.toml`."""
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


@dataclass(frozen=True, slots=True)
class Cage:
    """What a limit order of the continuous auction may ask for: buys up to one price, sells down to another."""

    lowest_sell: Decimal
    highest_buy: Decimal


def on_tick(price: Decimal, tick: Decimal = TICK) -> bool:
    """Whether `price` is a positive multiple of the tick."""
    return price > 0 and price % tick == 0


def round_to_tick(price: Decimal, tick: Decimal = TICK) -> Decimal:
    """`price` rounded half up to the tick, as the exchanges round (四舍五入)."""
    if tick.as_tuple().digits == (1,):
        return price.quantize(tick, ROUND_HALF_UP)
    return (price / tick).quantize(_ONE, ROUND_HALF_UP) * tick


def band_around(reference: Decimal, *, down: Decimal, up: Decimal, tick: Decimal = TICK) -> Band:
    """The band of `down` below and `up` above `reference`; each side is at least one tick away."""
    _require_price(reference)
    lower = min(round_to_tick(reference * (_ONE - down), tick), round_to_tick(reference, tick) - tick)
    upper = max(round_to_tick(reference * (_ONE + up), tick), round_to_tick(reference, tick) + tick)
    return Band(max(lower, tick), upper)


def cage_around(reference: Decimal, *, ratio: Decimal, floor_ticks: int, tick: Decimal = TICK) -> Cage:
    """The cage of `ratio` around `reference`, at least `floor_ticks` ticks wide on each side."""
    _require_price(reference)
    floor = floor_ticks * tick
    lowest = min(round_to_tick(reference * (_ONE - ratio), tick), reference - floor)
    highest = max(round_to_tick(reference * (_ONE + ratio), tick), reference + floor)
    return Cage(max(lowest, tick), highest)


def _require_price(reference: Decimal) -> None:
    if not reference.is_finite() or reference <= 0:
        raise InvalidInput("pre_close", f"{reference} is not a reference price")
