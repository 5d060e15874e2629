"""The gate in front of every vendor: cache, breaker, buckets, retry, and learning from what comes back.

The order matters: what is kept is not asked again; a host that is left alone is not asked at all; then the call waits
for its turn in the bucket of its host, and last in that of its endpoint: that limit is the vendor's own, so nothing is
waited for between its slot and the call. All processes share the buckets. A gate serves one job in one thread.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from types import MappingProxyType

import polars as pl

from libs.domain.clock import Clock
from libs.domain.errors import HiddenGemError
from libs.marketdata.breaker import Admission, Breakers, Trouble, trouble_of
from libs.marketdata.gate import Fetch, VendorCall
from libs.marketdata.quota import Quota
from libs.marketdata.retry import Backoff, Retry, Sleep
from libs.marketdata.source import SourceBanned, SourceError
from libs.marketdata.vendor_cache import LARGEST_ANSWER, Kept, VendorCache, cache_key, expires_at


class NotNow(SourceError):
    """The desk itself holds a call back: its host is left alone, or there is no turn for it in time."""

    code = "marketdata.not_now"

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class HostPace:
    """What one host bears from one address."""

    calls_per_minute: float
    burst: float


HOST_PACES: Mapping[str, HostPace] = MappingProxyType(
    {
        "push2.eastmoney.com": HostPace(20, 4),
        "push2his.eastmoney.com": HostPace(20, 4),
        "datacenter-web.eastmoney.com": HostPace(60, 10),
        "quotes.sina.cn": HostPace(30, 5),
        "finance.sina.com.cn": HostPace(30, 5),
        "proxy.finance.qq.com": HostPace(60, 10),
        "api.tushare.pro": HostPace(480, 8),
        "api.waditu.com": HostPace(480, 8),
        "public-api.baostock.com": HostPace(240, 10),
    }
)
"""By the end of the host's name. Eastmoney's quote hosts ban by address after a dozen quick calls
(akfamily/akshare#6585, #6092); its data centre bears much more."""
OTHER_HOSTS = HostPace(60, 10)


@dataclass(frozen=True, slots=True)
class GateRules:
    """How patient and how polite a gate is."""

    patience_seconds: float = 120.0
    """How long one call may wait and retry in all; what takes longer is left to another source."""
    endpoint_burst: float = 1.0
    hosts: Mapping[str, HostPace] = field(default_factory=lambda: HOST_PACES)
    other_hosts: HostPace = OTHER_HOSTS
    backoff: Backoff = field(default_factory=Backoff)
    hurry: float = 1.0
    """Multiplies every rate; above 1 only where the vendor is a stub of our own."""

    def pace_of(self, host: str) -> HostPace:
        """The pace of the longest name that the host ends with."""
        fitting = [name for name in self.hosts if host == name or host.endswith("." + name)]
        return self.hosts[max(fitting, key=len)] if fitting else self.other_hosts


@dataclass(slots=True)
class EndpointUsage:
    """What one job cost at one endpoint."""

    calls: int = 0
    """Calls that really went out."""
    cache_hits: int = 0
    waited_seconds: float = 0.0
    retries: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Guards:
    """What all processes share; the stored ones are in `libs.storage`, the twins in memory."""

    buckets: Quota
    breakers: Breakers
    cache: VendorCache


class GuardedGate:
    """A `Gate` that is polite, remembers and learns."""

    def __init__(  # noqa: PLR0913 - what a gate works with, and two ways of a job
        self,
        guards: Guards,
        clock: Clock,
        sleep: Sleep,
        *,
        rules: GateRules | None = None,
        random: Random | None = None,
        refresh: bool = False,
        told: Callable[[VendorCall], None] = lambda _call: None,
    ) -> None:
        """`refresh`: ask again even where an answer is kept, as a repair does; the new answer is kept instead.

        `told` hears of every call before it goes out; an error of its own ends the call.
        """
        self._guards = guards
        self._clock = clock
        self._sleep = sleep
        self._rules = rules or GateRules()
        random = random or Random()  # noqa: S311 - jitter is no secret
        self._retry = Retry(self._rules.backoff, clock, sleep, random)
        self._refresh = refresh
        self._told = told
        self._usage: dict[tuple[str, str], EndpointUsage] = {}
        self._slices: list[list[str]] = []
        """The answers that each slice has used so far, the innermost slice last."""
        self._raised: HiddenGemError | None = None

    def through(self, call: VendorCall, fetch: Fetch) -> pl.DataFrame:
        """The answer to a call, kept or fresh; raises a `SourceError` that names what is wrong."""
        key = cache_key(call)
        usage = self._usage_of(call)
        kept = None if self._refresh else self._kept(key)
        if kept is not None:
            usage.cache_hits += 1
            self._used_in_slices(key)
            return kept
        try:
            answer = self._asked(call, fetch, usage)
        except HiddenGemError as e:
            self._raised = e
            raise
        self._keep(key, call, answer)
        return answer

    @contextmanager
    def slice(self) -> Iterator[None]:
        """Around the reading of answers: when they are found unfit, they are not kept any longer.

        An error of the gate itself says nothing against the answers before it.
        """
        used: list[str] = []
        self._slices.append(used)
        try:
            yield
        except HiddenGemError as e:
            if e is not self._raised and used:
                self._guards.cache.forget(used)
            raise
        finally:
            self._slices.pop()

    def usage(self) -> Mapping[tuple[str, str], EndpointUsage]:
        """What was used so far, by vendor and endpoint."""
        return MappingProxyType(self._usage)

    def _usage_of(self, call: VendorCall) -> EndpointUsage:
        return self._usage.setdefault((call.vendor, call.endpoint), EndpointUsage())

    def _kept(self, key: str) -> pl.DataFrame | None:
        kept = self._guards.cache.get(key, self._clock.utc_now())
        if kept is None:
            return None
        try:
            return pl.read_ipc(io.BytesIO(kept.payload))
        except (pl.exceptions.PolarsError, OSError):
            self._guards.cache.forget([key])
            return None

    def _keep(self, key: str, call: VendorCall, answer: pl.DataFrame) -> None:
        if answer.is_empty():
            return
        buffer = io.BytesIO()
        answer.write_ipc(buffer, compression="zstd")
        payload = buffer.getvalue()
        if len(payload) <= LARGEST_ANSWER:
            now = self._clock.utc_now()
            self._guards.cache.put(key, call, Kept(payload, now, expires_at(call.trade_date, now)))
            self._used_in_slices(key)

    def _used_in_slices(self, key: str) -> None:
        for used in self._slices:
            used.append(key)

    def _asked(self, call: VendorCall, fetch: Fetch, usage: EndpointUsage) -> pl.DataFrame:
        give_up_at = self._clock.monotonic() + self._rules.patience_seconds

        def once() -> pl.DataFrame:
            self._wait_for_turn(call, usage, give_up_at)
            self._told(call)
            usage.calls += 1
            return self._learning(call, fetch, usage)

        def again(_error: HiddenGemError) -> None:
            usage.retries += 1

        return self._retry(once, worth_it=_worth_it, give_up_at=give_up_at, on_retry=again)

    def _wait_for_turn(self, call: VendorCall, usage: EndpointUsage, give_up_at: float) -> None:
        # The host last: the one probe that its breaker lends must not go to a call that the endpoint then holds back.
        for key in (_endpoint(call), _host(call)):
            self._admitted(key, call, usage, give_up_at)
        endpoint = HostPace(call.calls_per_minute, self._rules.endpoint_burst)
        self._take(_host(call), self._rules.pace_of(call.host), call, usage, give_up_at)
        self._take(_endpoint(call), endpoint, call, usage, give_up_at)

    def _admitted(self, key: str, call: VendorCall, usage: EndpointUsage, give_up_at: float) -> None:
        """Pass the breaker; a limit that will be over soon is waited out, anything else is refused."""
        while not (said := self._guards.breakers.admit(key, self._clock.utc_now())).allowed:
            short = self._clock.monotonic() + said.wait_seconds < give_up_at
            if said.trouble is not Trouble.LIMIT or not short:
                raise _held_back(call, said)
            self._pause(said.wait_seconds, usage)

    def _take(self, key: str, pace: HostPace, call: VendorCall, usage: EndpointUsage, give_up_at: float) -> None:
        wait = self._guards.buckets.take(
            key,
            rate_per_minute=pace.calls_per_minute * self._rules.hurry,
            burst=pace.burst,
            now=self._clock.utc_now(),
            patience_seconds=max(0.0, give_up_at - self._clock.monotonic()),
        )
        if wait is None:
            said = f"{call.vendor} {call.endpoint}: no turn at {key} in time ({pace.calls_per_minute:g} calls a minute)"
            raise NotNow(said, retry_after_seconds=self._rules.patience_seconds)
        self._pause(wait, usage)

    def _pause(self, seconds: float, usage: EndpointUsage) -> None:
        if seconds > 0:
            usage.waited_seconds += seconds
            self._sleep(seconds)

    def _learning(self, call: VendorCall, fetch: Fetch, usage: EndpointUsage) -> pl.DataFrame:
        breakers = self._guards.breakers
        try:
            answer = fetch()
        except SourceError as e:
            usage.failures += 1
            failure = trouble_of(e)
            if failure is None:
                breakers.succeeded(_host(call), self._clock.utc_now())
            else:
                limited = failure.trouble is Trouble.LIMIT
                breakers.failed(_endpoint(call) if limited else _host(call), failure, self._clock.utc_now())
            raise
        for key in (_host(call), _endpoint(call)):
            breakers.succeeded(key, self._clock.utc_now())
        return answer


def _worth_it(error: HiddenGemError) -> bool:
    """Whether the same host should be asked again at once: not where it shuts us out or we hold back ourselves."""
    return isinstance(error, SourceError) and error.retryable and not isinstance(error, SourceBanned | NotNow)


def _held_back(call: VendorCall, said: Admission) -> NotNow:
    text = f"{call.vendor} {call.endpoint}: {call.host} is left alone for {said.wait_seconds:.0f} s more: {said.cause}"
    return NotNow(text, retry_after_seconds=said.wait_seconds)


def _host(call: VendorCall) -> str:
    return f"host:{call.host}"


def _endpoint(call: VendorCall) -> str:
    return f"endpoint:{call.vendor}/{call.endpoint}"
