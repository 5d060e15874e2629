"""A desk that is stopped, whenever and however: nothing runs on, and the next start is a clean one."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.runtime.processes import wait_until
from tests.support.desk import Desk, new_desk, window
from tests.support.desk_market import SESSIONS

_REPLAYING = "SELECT count(*) > 0 FROM desk.replays WHERE status = 'RUNNING' AND sessions_done BETWEEN 2 AND 30"


@pytest.fixture(scope="module")
def place(market: Path) -> Iterator[Desk]:
    """One state directory, in which one desk after the other is stopped."""
    with new_desk(HIDDENGEM_SOURCE=f"file:{market}") as desk:
        yield desk


def _stopped(desk: Desk, signum: signal.Signals, code: int) -> None:
    assert desk.processes()
    ended, seconds = desk.interrupt(signum)
    assert "Traceback" not in desk.said
    assert (ended, desk.processes()) == (code, {})
    assert seconds < 5.0


def test_ctrl_c_while_the_desk_starts(place: Desk) -> None:
    place.up(*window(SESSIONS[-40:]))
    place.until(lambda: "is migrated" in place.said, "the database is migrated")
    _stopped(place, signal.SIGINT, 130)


def test_ctrl_c_while_the_market_is_read(place: Desk) -> None:
    place.up(*window(SESSIONS[-40:]))
    place.until_sql("SELECT count(*) > 0 FROM market.sync_jobs WHERE status = 'RUNNING' AND attempts > 0")
    _stopped(place, signal.SIGINT, 130)


def test_ctrl_c_during_the_replay_twice_for_good_measure(place: Desk) -> None:
    process = place.up(*window(SESSIONS[-40:]))
    place.until_sql(_REPLAYING)
    os.kill(process.pid, signal.SIGINT)
    _stopped(place, signal.SIGINT, 130)
    assert "interrupted before the replay was over" in place.said


def test_a_supervisor_killed_with_9_takes_everything_with_it(place: Desk) -> None:
    process = place.up(*window(SESSIONS[-40:]))
    place.until_sql(_REPLAYING)
    started = time.monotonic()
    process.kill()
    process.wait(timeout=5)
    assert wait_until(lambda: not place.processes(), patience_seconds=10), place.processes()
    assert time.monotonic() - started < 5.0


def test_the_next_start_does_its_own_job_and_says_what_became_of_the_interrupted_ones(place: Desk) -> None:
    place.serve(*window(SESSIONS[-6:]))
    assert "ORDERS sha256=" in place.said
    replays = place.rows("SELECT status, sessions_total, sessions_done FROM desk.replays ORDER BY number")
    assert replays[-1] == ("DONE", 6, 6)
    assert [replay for replay in replays if replay[0] == "RUNNING"] == []
    assert place.broken() == []
    _stopped(place, signal.SIGTERM, 0)
