"""Trying again: how often, how long between, and never beyond the deadline."""

import contextlib
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.domain.clock import ManualClock
from libs.domain.errors import HiddenGemError
from libs.marketdata.retry import Backoff, Retry
from libs.marketdata.source import SourceError


class Stubborn:
    """Fails so many times, then answers."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.tries = 0

    def __call__(self) -> str:
        self.tries += 1
        if self.tries <= self.failures:
            raise SourceError(f"failure {self.tries}")
        return "answer"


def retrying(backoff: Backoff) -> tuple[Retry, ManualClock]:
    clock = ManualClock(datetime(2026, 3, 2, tzinfo=UTC))
    return Retry(backoff, clock, clock.advance, Random(7)), clock


def always(_error: HiddenGemError) -> bool:
    return True


def test_what_fails_twice_is_tried_a_third_time_and_counted() -> None:
    retry, _ = retrying(Backoff())
    heard: list[str] = []
    answer = retry(Stubborn(2), worth_it=always, give_up_at=1e9, on_retry=lambda e: heard.append(str(e)))
    assert (answer, heard) == ("answer", ["failure 1", "failure 2"])


def test_after_the_last_attempt_its_error_is_raised() -> None:
    retry, _ = retrying(Backoff(attempts=3))
    work = Stubborn(99)
    with pytest.raises(SourceError, match="failure 3"):
        retry(work, worth_it=always, give_up_at=1e9)
    assert work.tries == 3


def test_what_cannot_help_is_not_tried_again() -> None:
    retry, _ = retrying(Backoff())
    work = Stubborn(1)
    with pytest.raises(SourceError):
        retry(work, worth_it=lambda _e: False, give_up_at=1e9)
    assert work.tries == 1


@given(deadline=st.floats(min_value=0, max_value=40), failures=st.integers(min_value=0, max_value=30))
def test_no_pause_ever_leads_beyond_the_deadline(deadline: float, failures: int) -> None:
    retry, clock = retrying(Backoff(attempts=20, base_seconds=1, ceiling_seconds=8))
    with contextlib.suppress(SourceError):
        retry(Stubborn(failures), worth_it=always, give_up_at=deadline)
    assert clock.monotonic() <= deadline


def test_the_same_seed_waits_the_same_times() -> None:
    backoff = Backoff()
    first, second = ([backoff.pause(n, random) for n in range(1, 6)] for random in (Random(3), Random(3)))
    assert first == second
    assert all(0 <= pause <= 2 ** (n - 1) for n, pause in enumerate(first, 1))
