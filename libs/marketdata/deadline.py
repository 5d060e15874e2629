"""A hard deadline for a blocking call into a library that has none. For the main thread of a short-lived process."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from libs.marketdata.source import SourceTimeout


@contextmanager
def deadline(seconds: float, doing: str) -> Iterator[None]:
    """Raise `SourceTimeout` in the block when it takes longer; a server that trickles bytes cannot dodge it."""

    def on_alarm(_signum: int, _frame: FrameType | None) -> None:
        raise SourceTimeout(f"{doing}: no answer within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
