"""What a fill does to a holding: quantity, the part locked until the next session (T+1), cost and realised profit."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

from libs.domain.trading import Fill, Position, Side

_CENT_OF_A_CENT = Decimal("0.0001")
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Booking:
    """The holding after a fill, and the profit the fill made real (sells only, after fees)."""

    position: Position
    realised: Decimal


def book(position: Position | None, fill: Fill) -> Booking:
    """Apply one fill. Fills are facts: a sale of more than is held gives a negative holding, for all to see."""
    held = position or Position(fill.symbol, 0, 0, None, 0, _NOTHING)
    return _bought(held, fill) if fill.side is Side.BUY else _sold(held, fill)


def _bought(held: Position, fill: Fill) -> Booking:
    locked, locked_day = _lock(held, fill.trading_day, fill.quantity)
    position = replace(
        held,
        quantity=held.quantity + fill.quantity,
        locked_quantity=locked,
        locked_day=locked_day,
        cost=held.cost + fill.notional + fill.fees,
    )
    return Booking(position, _NOTHING)


def _sold(held: Position, fill: Fill) -> Booking:
    released = _cost_of(held, fill.quantity)
    position = replace(held, quantity=held.quantity - fill.quantity, cost=held.cost - released)
    return Booking(position, fill.notional - fill.fees - released)


def _lock(held: Position, day: date, quantity: int) -> tuple[int, date]:
    """A late fill of an earlier session locks nothing any more; the newest session's purchases add up."""
    if held.locked_day is None or held.locked_day < day:
        return quantity, day
    if held.locked_day > day:
        return held.locked_quantity, held.locked_day
    return held.locked_quantity + quantity, day


def _cost_of(held: Position, quantity: int) -> Decimal:
    """The average cost of `quantity` of the held shares; the last share takes what is left."""
    if quantity >= held.quantity:
        return held.cost
    return (held.cost * quantity / held.quantity).quantize(_CENT_OF_A_CENT, ROUND_HALF_EVEN)
