"""Where an order stands by what is known of it. Facts decide, not the order they came in.

A venue's last word may overtake the fills it counts: until they are here the order goes on, afterwards it ends.
"""

from libs.domain.trading import OrderState
from libs.storage.orders import VenueEnd

S = OrderState
IN_MARKET = frozenset({S.SENDING, S.UNKNOWN, S.ACCEPTED, S.PARTIAL})
CAME_BACK = frozenset({S.MISSING, S.CANCELLED, S.REJECTED, S.EXPIRED, S.ABORTED})
"""States that a late proof from the venue can end."""


def standing(quantity: int, filled: int, end: VenueEnd | None) -> OrderState:
    """The state that fills and the venue's last word add up to."""
    if filled >= quantity:
        return S.FILLED
    if end is not None and filled >= end.filled_quantity:
        return end.state
    return S.PARTIAL if filled > 0 else S.ACCEPTED


def steps(current: OrderState, target: OrderState, *, fill: bool) -> tuple[OrderState, ...]:
    """The legal moves from `current` to `target`; `fill` says that shares were traded just now."""
    if current in IN_MARKET:
        return () if target is current and not (fill and target is S.PARTIAL) else (target,)
    if current not in CAME_BACK:
        return ()
    if target in (S.ACCEPTED, S.PARTIAL, S.FILLED):
        return (target,)
    if fill:
        return (S.PARTIAL, target)
    if target is current:
        return ()
    return (target,) if (current, target) == (S.MISSING, S.EXPIRED) else (S.ACCEPTED, target)
