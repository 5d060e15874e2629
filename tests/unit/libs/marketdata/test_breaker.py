"""When a host is left alone, for how long, and what ends it."""

from datetime import UTC, datetime, timedelta
from http.client import RemoteDisconnected
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from libs.marketdata.breaker import (
    CLOSED,
    BreakerRules,
    BreakerState,
    Failure,
    Phase,
    Trouble,
    admitted,
    after_failure,
    trouble_of,
)
from libs.marketdata.source import SchemaDrift, SourceBanned, SourceError, SourceLimited, SourceRefused, SourceTimeout

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
RULES = BreakerRules(jitter=0.0)
BAN = Failure(Trouble.BAN, "HTTP 403")


def failed(state: BreakerState, failure: Failure = BAN, at: datetime = NOW, times: int = 1) -> BreakerState:
    for _ in range(times):
        state = after_failure(state, failure, at, RULES, Random(1))
    return state


def opening(state: BreakerState, at: datetime) -> float:
    assert state.open_until is not None
    return (state.open_until - at).total_seconds()


def test_a_ban_opens_after_three_in_a_row_and_names_its_cause() -> None:
    assert failed(CLOSED, times=2).phase(NOW) is Phase.CLOSED
    state = failed(CLOSED, times=3)
    assert state.phase(NOW) is Phase.OPEN
    _, answer = admitted(state, NOW, RULES)
    assert not answer.allowed
    assert (answer.cause, answer.trouble, answer.wait_seconds) == ("HTTP 403", Trouble.BAN, 300.0)


def test_another_trouble_between_starts_the_count_again() -> None:
    state = failed(failed(CLOSED, times=2), Failure(Trouble.FAULT, "HTTP 500"))
    assert failed(state, times=2).phase(NOW) is Phase.CLOSED


def test_after_an_opening_one_single_probe_is_let_through() -> None:
    state = failed(CLOSED, times=3)
    later = NOW + timedelta(seconds=300)
    state, first = admitted(state, later, RULES)
    state, second = admitted(state, later, RULES)
    assert (first.allowed, second.allowed) == (True, False)


def test_a_probe_whose_process_was_killed_is_replaced_after_a_while() -> None:
    state, _ = admitted(failed(CLOSED, times=3), NOW + timedelta(seconds=300), RULES)
    _, answer = admitted(state, NOW + timedelta(seconds=300 + RULES.probe_seconds), RULES)
    assert answer.allowed


def test_a_failed_probe_opens_for_twice_as_long_each_time() -> None:
    state, at, lengths = failed(CLOSED, times=3), NOW, []
    for _ in range(12):
        lengths.append(opening(state, at))
        at += timedelta(seconds=lengths[-1])
        state, _ = admitted(state, at, RULES)
        state = failed(state, at=at)
    assert lengths[:3] == [300, 600, 1200]
    assert lengths[-1] == RULES.longest_seconds


def test_a_429_is_obeyed_at_once_and_for_as_long_as_it_asks() -> None:
    state = failed(CLOSED, Failure(Trouble.LIMIT, "429", retry_after_seconds=7.0))
    assert opening(state, NOW) == 7.0
    assert opening(failed(CLOSED, Failure(Trouble.LIMIT, "429")), NOW) == RULES.limit_seconds


@given(asked=st.floats(min_value=0, max_value=1e5), seed=st.integers())
def test_no_jitter_ever_shortens_what_the_vendor_asked_for(asked: float, seed: int) -> None:
    failure = Failure(Trouble.LIMIT, "429", retry_after_seconds=asked)
    state = after_failure(CLOSED, failure, NOW, BreakerRules(), Random(seed))
    assert opening(state, NOW) >= asked - 1e-5


def test_errors_say_what_they_mean_for_their_host() -> None:
    dropped = SourceError("connection error")
    dropped.__cause__ = RemoteDisconnected("Remote end closed connection without response")
    troubles = {
        error: failure.trouble if (failure := trouble_of(error)) else None
        for error in (
            SourceBanned("captcha"),
            SourceLimited("429", retry_after_seconds=3),
            SourceTimeout("20 s"),
            SourceError("HTTP 502"),
            dropped,
            SourceRefused("no permission"),
            SchemaDrift("renamed"),
        )
    }
    expected = [Trouble.BAN, Trouble.LIMIT, Trouble.FAULT, Trouble.FAULT, Trouble.BAN, None, None]
    assert list(troubles.values()) == expected
