"""What a stored calendar adds is the exchanges' own or nothing at all."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.ashare import calendar
from libs.ashare.calendar import open_days
from libs.ashare.later_sessions import LONGEST_BREAK_DAYS, learn_stored
from libs.domain.errors import InvalidInput

LAST = date(2026, 12, 31)
CLOSED = frozenset({date(2027, 1, 1), *(date(2027, 2, 5) + timedelta(days=n) for n in range(7)), date(2027, 5, 1)})
YEAR = open_days(date(2027, 1, 1), date(2027, 6, 30), CLOSED)
"""What a vendor says of the first half of 2027."""


def test_a_stored_calendar_moves_the_horizon_to_its_last_session() -> None:
    mine = calendar.load()
    assert learn_stored(mine, (*mine.sessions[-40:], *YEAR)) == len(YEAR)
    assert mine.last == date(2027, 6, 30)
    assert mine.next_session(LAST) == date(2027, 1, 4)
    assert not mine.is_session(date(2027, 2, 5))
    assert learn_stored(mine, (*mine.sessions[-40:], *YEAR)) == 0


def test_what_lies_behind_a_hole_is_not_believed() -> None:
    mine = calendar.load()
    fetched = [day for day in YEAR if not date(2027, 3, 1) <= day <= date(2027, 3, 31)]
    learn_stored(mine, fetched)
    assert mine.last == date(2027, 2, 26)


def test_a_calendar_that_does_not_reach_the_horizon_adds_nothing() -> None:
    mine = calendar.load()
    assert learn_stored(mine, [day for day in YEAR if day > date(2027, 1, 20)]) == 0
    assert learn_stored(mine, mine.sessions[-20:-10]) == 0
    assert mine.last == LAST


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        (open_days(date(2027, 1, 1), date(2027, 3, 31), frozenset()), "a session on 2027-01-01"),
        ((date(2026, 10, 1), *YEAR), "a session on 2026-10-01, which is known to be none"),
        ((date(2026, 12, 31), *YEAR), "lacks 2026-12-01"),
        ((*YEAR, date(2027, 1, 9)), "weekend"),
    ],
)
def test_a_calendar_that_cannot_be_the_exchanges_own_is_refused(stored: tuple[date, ...], words: str) -> None:
    mine = calendar.load()
    with pytest.raises(InvalidInput, match=words):
        learn_stored(mine, stored)
    assert mine.last == LAST


def test_a_session_that_was_called_off_is_no_contradiction() -> None:
    mine = calendar.load()
    mine.close([date(2026, 12, 30)], after=date(2026, 12, 22))
    learn_stored(mine, (*calendar.CALENDAR.sessions[-40:], *YEAR))
    assert mine.last == YEAR[-1]
    assert not mine.is_session(date(2026, 12, 30))


@given(st.sets(st.sampled_from(YEAR)))
def test_whatever_is_stored_the_calendar_has_no_break_longer_than_any_real_one(stored: set[date]) -> None:
    mine = calendar.load()
    learn_stored(mine, stored)
    later = [day for day in mine.sessions if day >= LAST]
    assert all((b - a).days <= LONGEST_BREAK_DAYS for a, b in pairwise(later))
    assert mine.sessions[: len(calendar.CALENDAR.sessions)] == calendar.CALENDAR.sessions
    assert set(later) - {LAST} <= stored
