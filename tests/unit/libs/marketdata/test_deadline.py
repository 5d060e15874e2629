"""A blocking call ends at its deadline, whatever it is doing."""

import signal
import threading

import pytest

from libs.marketdata.deadline import deadline
from libs.marketdata.source import SourceTimeout


def test_a_call_that_never_returns_is_ended_and_named() -> None:
    with pytest.raises(SourceTimeout, match=r"vendor daily: no answer within 0\.05 s"), deadline(0.05, "vendor daily"):
        threading.Event().wait(30)


def test_a_call_in_time_leaves_no_alarm_behind() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with deadline(30, "vendor daily"):
        pass
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
