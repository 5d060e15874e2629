"""Facts decide where an order stands; every step taken to get there is legal."""

from itertools import pairwise, product

import pytest

from libs.domain.trading import OrderState
from libs.storage.orders import VenueEnd
from services.execution.states import CAME_BACK, IN_MARKET, standing, steps

S = OrderState
_REACHABLE = (S.ACCEPTED, S.PARTIAL, S.FILLED, S.CANCELLED, S.EXPIRED)
_LEGAL = {
    S.SENDING: set(_REACHABLE),
    S.UNKNOWN: set(_REACHABLE),
    S.ACCEPTED: set(_REACHABLE) - {S.ACCEPTED},
    S.PARTIAL: set(_REACHABLE) - {S.ACCEPTED},
    S.MISSING: {S.ACCEPTED, S.PARTIAL, S.FILLED, S.EXPIRED},
    **{state: {S.ACCEPTED, S.PARTIAL, S.FILLED} for state in (S.CANCELLED, S.REJECTED, S.EXPIRED, S.ABORTED)},
}


@pytest.mark.parametrize(
    ("filled", "end", "state"),
    [
        (0, None, S.ACCEPTED),
        (100, None, S.PARTIAL),
        (300, None, S.FILLED),
        (400, None, S.FILLED),
        (0, VenueEnd(S.EXPIRED, 0), S.EXPIRED),
        (100, VenueEnd(S.EXPIRED, 200), S.PARTIAL),
        (200, VenueEnd(S.CANCELLED, 200), S.CANCELLED),
        (250, VenueEnd(S.CANCELLED, 200), S.CANCELLED),
        (300, VenueEnd(S.EXPIRED, 200), S.FILLED),
    ],
)
def test_an_order_stands_where_fills_and_the_last_word_put_it(
    filled: int, end: VenueEnd | None, state: OrderState
) -> None:
    assert standing(300, filled, end) is state


def test_every_step_is_legal_and_leads_to_the_target() -> None:
    for current, target, fill in product(IN_MARKET | CAME_BACK, _REACHABLE, (True, False)):
        if (current, target) == (S.PARTIAL, S.ACCEPTED):
            continue
        way = (current, *steps(current, target, fill=fill))
        assert way[-1] is target
        for before, after in pairwise(way):
            assert after in _LEGAL[before], (current, target, fill)


def test_an_order_that_never_left_or_is_full_goes_nowhere() -> None:
    for current in (S.NEW, S.APPROVED, S.DENIED, S.FILLED):
        assert steps(current, S.PARTIAL, fill=True) == ()


def test_a_late_fill_is_seen_in_the_events_even_when_the_order_ends_as_before() -> None:
    assert steps(S.EXPIRED, S.EXPIRED, fill=True) == (S.PARTIAL, S.EXPIRED)
    assert steps(S.EXPIRED, S.EXPIRED, fill=False) == ()
