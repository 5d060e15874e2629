"""When a vendor's host is left alone: closed, open, half open; bans are learnt and waited out for longer each time.

The moves are pure functions over a state, so that the same rules run in memory and over rows that all processes share.
A host that shuts us out (403, a captcha page, connections dropped) is a ban after a few times in a row; a 429 is obeyed
at once and for as long as it asks. After an opening one single call is let through to see (half open).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Protocol

from libs.marketdata.source import SourceBanned, SourceError, SourceLimited, SourceTimeout


class Phase(StrEnum):
    """Where a breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Trouble(StrEnum):
    """What a failed call says about its host."""

    BAN = "ban"
    LIMIT = "limit"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed call, as a breaker learns it."""

    trouble: Trouble
    cause: str
    """For people: what the vendor did."""
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """How much a host may fail, and how long it is left alone."""

    bans_in_a_row: int = 3
    faults_in_a_row: int = 6
    ban_seconds: float = 300.0
    """The first opening after a ban; each further one without a success between doubles it."""
    fault_seconds: float = 30.0
    limit_seconds: float = 60.0
    """After a 429 that did not say how long."""
    longest_seconds: float = 6 * 3600.0
    jitter: float = 0.2
    """An opening is up to this share longer, so that not everybody comes back at once."""
    probe_seconds: float = 90.0
    """How long one probe is waited for before another one may try: its process may have been killed."""


@dataclass(frozen=True, slots=True)
class BreakerState:
    """What is known of one key; the same as a row of `market.vendor_breakers`."""

    trouble: Trouble | None = None
    in_a_row: int = 0
    """Failures of this trouble since the last success or another trouble."""
    openings: int = 0
    """Openings since the last success."""
    open_until: datetime | None = None
    probing_until: datetime | None = None
    cause: str = ""

    def phase(self, now: datetime) -> Phase:
        """Where the breaker stands at `now`."""
        if self.open_until is None:
            return Phase.CLOSED
        return Phase.OPEN if now < self.open_until else Phase.HALF_OPEN


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a call may pass; if not, how long to stay away and why."""

    allowed: bool
    wait_seconds: float = 0.0
    trouble: Trouble | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """One breaker that is not closed, for health."""

    key: str
    phase: Phase
    open_until: datetime
    cause: str


class Breakers(Protocol):
    """Breakers by key, such as `host:push2his.eastmoney.com`."""

    def admit(self, key: str, now: datetime) -> Admission:
        """May a call pass now? Of those that ask of a half-open breaker one is told yes."""
        ...

    def succeeded(self, key: str, now: datetime) -> None:
        """A call came back well: whatever was known against the host is forgotten."""
        ...

    def failed(self, key: str, failure: Failure, now: datetime) -> BreakerState:
        """A call failed; gives the state that follows."""
        ...

    def standing(self, now: datetime) -> Sequence[Standing]:
        """Every breaker that is open or half open, by key."""
        ...


CLOSED = BreakerState()


def admitted(state: BreakerState, now: datetime, rules: BreakerRules) -> tuple[BreakerState, Admission]:
    """Whether a call may pass; a half-open breaker lends its one probe to the first who asks."""
    yes = Admission(allowed=True)
    if state.open_until is None:
        return state, yes
    probed_until = state.probing_until if state.probing_until and state.probing_until > now else None
    closed_until = max(state.open_until, probed_until or state.open_until)
    if closed_until > now:
        wait = (closed_until - now).total_seconds()
        return state, Admission(allowed=False, wait_seconds=wait, trouble=state.trouble, cause=state.cause)
    return replace(state, probing_until=now + timedelta(seconds=rules.probe_seconds)), yes


def after_failure(
    state: BreakerState, failure: Failure, now: datetime, rules: BreakerRules, random: Random
) -> BreakerState:
    """The state once a call has failed: counted, or opened for a time that grows."""
    in_a_row = state.in_a_row + 1 if state.trouble is failure.trouble else 1
    counted = replace(state, trouble=failure.trouble, in_a_row=in_a_row, cause=failure.cause[:300], probing_until=None)
    probe_failed = state.phase(now) is Phase.HALF_OPEN
    if not probe_failed and in_a_row < _enough(failure.trouble, rules):
        return counted
    seconds = _opening(failure, state.openings, rules) * (1 + rules.jitter * random.random())
    until = now + timedelta(seconds=seconds)
    return replace(counted, openings=state.openings + 1, open_until=max(until, state.open_until or until))


def trouble_of(error: SourceError) -> Failure | None:
    """What an error says about its host; None where the host answered and only the answer was unwelcome."""
    match error:
        case SourceLimited():
            return Failure(Trouble.LIMIT, str(error), error.retry_after_seconds)
        case SourceBanned():
            return Failure(Trouble.BAN, str(error))
        case SourceTimeout():
            return Failure(Trouble.FAULT, str(error))
    if not error.retryable:
        return None
    return Failure(Trouble.BAN if _dropped(error) else Trouble.FAULT, str(error))


_DROPPED = frozenset({"RemoteDisconnected", "RemoteProtocolError", "ConnectionResetError"})


def _dropped(error: BaseException) -> bool:
    """Whether the connection was dropped without an answer: how Eastmoney bans."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        if type(at).__name__ in _DROPPED or "RemoteDisconnected" in str(at):
            return True
        at = at.__cause__ or at.__context__
    return False


def _enough(trouble: Trouble, rules: BreakerRules) -> int:
    return {Trouble.BAN: rules.bans_in_a_row, Trouble.FAULT: rules.faults_in_a_row, Trouble.LIMIT: 1}[trouble]


def _opening(failure: Failure, openings: int, rules: BreakerRules) -> float:
    """How long, before jitter; what the vendor asked for is never shortened."""
    first = {
        Trouble.BAN: rules.ban_seconds,
        Trouble.FAULT: rules.fault_seconds,
        Trouble.LIMIT: rules.limit_seconds,
    }[failure.trouble]
    if failure.retry_after_seconds is not None:
        return max(0.0, failure.retry_after_seconds)
    return min(rules.longest_seconds, first * 2.0 ** min(openings, 20))


class MemoryBreakers:
    """Breakers of this process alone; the twin of the stored ones."""

    def __init__(self, rules: BreakerRules | None = None, random: Random | None = None) -> None:
        self._rules = rules or BreakerRules()
        self._random = random or Random()  # noqa: S311 - jitter is no secret
        self._states: dict[str, BreakerState] = {}

    def admit(self, key: str, now: datetime) -> Admission:
        self._states[key], answer = admitted(self._states.get(key, CLOSED), now, self._rules)
        return answer

    def succeeded(self, key: str, now: datetime) -> None:
        del now
        self._states.pop(key, None)

    def failed(self, key: str, failure: Failure, now: datetime) -> BreakerState:
        state = after_failure(self._states.get(key, CLOSED), failure, now, self._rules, self._random)
        self._states[key] = state
        return state

    def standing(self, now: datetime) -> list[Standing]:
        return [
            Standing(key, state.phase(now), state.open_until, state.cause)
            for key, state in sorted(self._states.items())
            if state.open_until is not None
        ]
