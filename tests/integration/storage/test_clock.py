"""The desk clock moves by compare-and-set, and standing still is no move."""

from datetime import date, time

import pytest

from libs.domain.clock import at_shanghai
from libs.storage import clock
from libs.storage.clock import ClockMoved, Phase
from libs.storage.engine import Engine, transaction
from services.orchestrator.replay import move_clock

DAY = date(2024, 9, 2)


def test_who_saw_an_older_tick_does_not_move_the_clock(owner: Engine) -> None:
    with transaction(owner) as tx:
        seen = clock.read(tx)
        assert (seen.session, seen.phase) == (None, Phase.RESTING)
        moved = clock.move(tx, seen, run="r", session=DAY, phase=Phase.PRE_OPEN, now=seen.now)
        assert moved.tick == seen.tick + 1
        with pytest.raises(ClockMoved):
            clock.move(tx, seen, run="other", session=DAY, phase=Phase.CLOSED, now=seen.now)
        assert clock.read(tx) == moved


def test_setting_the_clock_where_it_stands_moves_nothing(owner: Engine) -> None:
    with transaction(owner) as tx:
        first = move_clock(tx, "replay-1", DAY, Phase.CLOSED)
        assert move_clock(tx, "replay-1", DAY, Phase.CLOSED) == first
        assert move_clock(tx, "replay-2", DAY, Phase.CLOSED).tick == first.tick + 1


@pytest.mark.parametrize(
    ("phase", "moment"),
    [(Phase.PRE_OPEN, time(9, 15)), (Phase.CLOSED, time(15)), (Phase.AFTER_CLOSE, time(16)), (Phase.RESTING, time(16))],
)
def test_each_phase_has_its_time_of_day(owner: Engine, phase: Phase, moment: time) -> None:
    with transaction(owner) as tx:
        assert move_clock(tx, "replay-1", DAY, phase).now == at_shanghai(DAY, moment)
