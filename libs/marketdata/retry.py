"""Try again, a few times, after pauses that grow and scatter, and never beyond a deadline.

Exponential backoff with full jitter: each pause is drawn between nothing and a ceiling that doubles. Only what says of
itself that trying again can help is tried again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from libs.domain.clock import Clock
from libs.domain.errors import HiddenGemError

T = TypeVar("T")
Sleep = Callable[[float], None]
"""Waits so many seconds; tests let a manual clock pass instead."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often and how patiently."""

    attempts: int = 4
    base_seconds: float = 1.0
    ceiling_seconds: float = 30.0

    def pause(self, tries: int, random: Random) -> float:
        """The pause after so many tries (1 …)."""
        return random.uniform(0.0, min(self.ceiling_seconds, self.base_seconds * 2.0 ** (tries - 1)))


@dataclass(frozen=True, slots=True)
class Retry:
    """Runs a piece of work until it succeeds, fails for good, or time is up."""

    backoff: Backoff
    clock: Clock
    sleep: Sleep
    random: Random

    def __call__(
        self,
        work: Callable[[], T],
        *,
        worth_it: Callable[[HiddenGemError], bool],
        give_up_at: float,
        on_retry: Callable[[HiddenGemError], None] = lambda _error: None,
    ) -> T:
        """What `work` gives; raises its last error. `give_up_at` is on the clock's monotonic scale."""
        tries = 1
        while True:
            try:
                return work()
            except HiddenGemError as e:
                pause = self.backoff.pause(tries, self.random)
                in_time = self.clock.monotonic() + pause < give_up_at
                if tries >= self.backoff.attempts or not worth_it(e) or not in_time:
                    raise
                on_retry(e)
            self.sleep(pause)
            tries += 1
