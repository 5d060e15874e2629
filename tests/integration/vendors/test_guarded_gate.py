"""What the gate does with every way a vendor can fail; the shared state in memory and in PostgreSQL."""

from collections.abc import Callable, Sequence
from datetime import date, time
from itertools import pairwise
from random import Random

import polars as pl
import pytest

from libs.domain.clock import ManualClock, at_shanghai
from libs.marketdata.gate import VendorCall
from libs.marketdata.guarded_gate import GateRules, GuardedGate, Guards, HostPace, NotNow
from libs.marketdata.retry import Backoff
from libs.marketdata.source import (
    SchemaDrift,
    SourceBanned,
    SourceError,
    SourceLimited,
    SourceRefused,
    SourceTimeout,
)
from libs.storage.engine import Engine
from tests.integration.vendors.conftest import stored_guards

NOW = at_shanghai(date(2026, 3, 2), time(10, 0))
TABLE = pl.DataFrame({"日期": ["2024-09-02"], "收盘": [1411.5]})
RULES = GateRules(other_hosts=HostPace(600, 10), backoff=Backoff(attempts=3, base_seconds=1, ceiling_seconds=4))
Answer = pl.DataFrame | SourceError


class Vendor:
    """Gives its answers in turn, the last one for ever, and remembers when it was asked."""

    def __init__(self, clock: ManualClock, answers: Sequence[Answer]) -> None:
        self.clock = clock
        self.answers = list(answers)
        self.asked_at: list[float] = []

    def __call__(self) -> pl.DataFrame:
        self.asked_at.append(self.clock.monotonic())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, SourceError):
            raise answer
        return answer


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def gate(guards: Guards, clock: ManualClock) -> GuardedGate:
    return open_gate(guards, clock)


def open_gate(guards: Guards, clock: ManualClock, rules: GateRules = RULES, *, refresh: bool = False) -> GuardedGate:
    return GuardedGate(guards, clock, clock.advance, rules=rules, random=Random(5), refresh=refresh)


def call(symbol: str = "600519", rate: float = 600.0, endpoint: str = "stock_zh_a_hist") -> VendorCall:
    return VendorCall("akshare", endpoint, "quotes.example", {"symbol": symbol}, date(2024, 9, 2), rate)


def usage(gate: GuardedGate) -> tuple[int, int, int, int]:
    used = gate.usage()["akshare", "stock_zh_a_hist"]
    return used.calls, used.cache_hits, used.retries, used.failures


def test_what_was_asked_once_is_never_asked_again(gate: GuardedGate, clock: ManualClock) -> None:
    vendor = Vendor(clock, [TABLE])
    first, second = (gate.through(call(), vendor) for _ in range(2))
    assert first.equals(second)
    assert usage(gate) == (1, 1, 0, 0)


def test_a_repair_asks_again_and_keeps_the_newer_answer(guards: Guards, clock: ManualClock) -> None:
    open_gate(guards, clock).through(call(), Vendor(clock, [TABLE]))
    corrected = TABLE.with_columns(pl.lit(1400.0).alias("收盘"))
    open_gate(guards, clock, refresh=True).through(call(), Vendor(clock, [corrected]))
    assert open_gate(guards, clock).through(call(), Vendor(clock, [TABLE])).equals(corrected)


def test_an_empty_answer_is_passed_on_and_not_kept(gate: GuardedGate, clock: ManualClock) -> None:
    vendor = Vendor(clock, [TABLE.clear(), TABLE])
    assert gate.through(call(), vendor).is_empty()
    assert gate.through(call(), vendor).height == 1


@pytest.mark.parametrize("error", [SourceTimeout("20 s"), SourceError("HTTP 502"), SourceError("truncated JSON")])
def test_what_may_pass_is_tried_again(gate: GuardedGate, clock: ManualClock, error: SourceError) -> None:
    assert gate.through(call(), Vendor(clock, [error, error, TABLE])).equals(TABLE)
    assert usage(gate) == (3, 0, 2, 2)


@pytest.mark.parametrize("error", [SourceRefused("wrong token"), SchemaDrift("renamed"), SourceBanned("HTTP 403")])
def test_what_cannot_pass_or_makes_it_worse_is_asked_once(
    gate: GuardedGate, clock: ManualClock, error: SourceError
) -> None:
    vendor = Vendor(clock, [error])
    with pytest.raises(type(error)):
        gate.through(call(), vendor)
    assert len(vendor.asked_at) == 1


@pytest.mark.requirement("B7")
def test_a_429_is_waited_out_for_as_long_as_it_asks(gate: GuardedGate, clock: ManualClock) -> None:
    vendor = Vendor(clock, [SourceLimited("每分钟最多访问", retry_after_seconds=42.0), TABLE])
    assert gate.through(call(), vendor).equals(TABLE)
    first, second = vendor.asked_at
    assert second - first >= 42 - 1e-3


@pytest.mark.requirement("B7")
def test_a_storm_of_429_ends_in_an_error_and_never_outruns_the_bucket(guards: Guards, clock: ManualClock) -> None:
    vendor = Vendor(clock, [SourceLimited("429")])
    for number in range(10):
        with pytest.raises(SourceError):
            open_gate(guards, clock).through(call(str(number), rate=30.0), vendor)
    assert all(after - before >= 2.0 - 1e-6 for before, after in pairwise(vendor.asked_at))


def test_calls_of_one_endpoint_keep_its_rate_and_all_of_a_host_the_hosts(guards: Guards, clock: ManualClock) -> None:
    rules = GateRules(hosts={"example": HostPace(60, 1)})
    gate, vendor = open_gate(guards, clock, rules), Vendor(clock, [TABLE])
    for number in range(6):
        gate.through(call(str(number), endpoint=("one", "two")[number % 2]), vendor)
    assert all(after - before >= 1 - 1e-6 for before, after in pairwise(vendor.asked_at))
    gate.through(call("slow", rate=2.0), vendor)
    gate.through(call("slower", rate=2.0), vendor)
    assert vendor.asked_at[-1] - vendor.asked_at[-2] >= 30 - 1e-6


def test_a_turn_that_comes_too_late_is_refused_at_once_and_not_taken(guards: Guards, clock: ManualClock) -> None:
    gate, vendor = open_gate(guards, clock, GateRules(patience_seconds=10)), Vendor(clock, [TABLE])
    gate.through(call("1", rate=2.0), vendor)
    for _ in range(3):
        with pytest.raises(NotNow, match="no turn"):
            gate.through(call("2", rate=2.0), vendor)
    clock.advance(31)
    assert gate.through(call("2", rate=2.0), vendor).equals(TABLE)


@pytest.mark.requirement("B7")
def test_a_ban_closes_the_host_for_every_endpoint_and_a_probe_opens_it_again(
    guards: Guards, clock: ManualClock
) -> None:
    banned = Vendor(clock, [SourceBanned("HTTP 403: 验证码")])
    for number in range(3):
        with pytest.raises(SourceBanned):
            open_gate(guards, clock).through(call(str(number)), banned)
    with pytest.raises(NotNow, match="left alone for 300 s more: HTTP 403: 验证码"):
        open_gate(guards, clock).through(call("4", endpoint="another"), banned)
    assert len(banned.asked_at) == 3
    clock.advance(301)
    assert open_gate(guards, clock).through(call("5"), Vendor(clock, [TABLE])).equals(TABLE)
    assert guards.breakers.standing(clock.utc_now()) == []


def test_a_failed_probe_closes_the_host_for_longer(guards: Guards, clock: ManualClock) -> None:
    banned = Vendor(clock, [SourceBanned("HTTP 403")])
    for _ in range(3):
        with pytest.raises(SourceBanned):
            open_gate(guards, clock).through(call(), banned)
    clock.advance(301)
    with pytest.raises(SourceBanned):
        open_gate(guards, clock).through(call(), banned)
    with pytest.raises(NotNow) as caught:
        open_gate(guards, clock).through(call(), banned)
    assert caught.value.retry_after_seconds == 600


def test_an_answer_found_unfit_later_is_not_kept(gate: GuardedGate, clock: ManualClock) -> None:
    vendor = Vendor(clock, [TABLE])

    def provider(verdict: Callable[[], None]) -> None:
        with gate.slice():
            gate.through(call(), vendor)
            verdict()

    def drifted() -> None:
        raise SchemaDrift("amount does not fit volume")

    with pytest.raises(SchemaDrift):
        provider(drifted)
    provider(lambda: None)
    provider(lambda: None)
    assert len(vendor.asked_at) == 2


def test_an_answer_of_another_host_that_stood_in_is_dropped_too_when_it_is_unfit(
    gate: GuardedGate, clock: ManualClock
) -> None:
    vendor = Vendor(clock, [TABLE])

    def provider() -> None:
        with gate.slice():
            with pytest.raises(SourceBanned):
                gate.through(call("first host"), Vendor(clock, [SourceBanned("HTTP 403")]))
            gate.through(call("second host"), vendor)
            raise SchemaDrift("amount does not fit volume")

    for _ in range(2):
        with pytest.raises(SchemaDrift):
            provider()
    assert len(vendor.asked_at) == 2


def test_an_endpoint_whose_answer_is_unfit_is_asked_again_though_another_one_stood_in(
    gate: GuardedGate, clock: ManualClock
) -> None:
    first, second = Vendor(clock, [TABLE]), Vendor(clock, [TABLE])

    def unfit() -> None:
        with gate.slice():
            gate.through(call("first host"), first)
            raise SchemaDrift("amount does not fit volume")

    def provider() -> None:
        with gate.slice():
            with pytest.raises(SchemaDrift):
                unfit()
            with gate.slice():
                gate.through(call("second host"), second)

    provider()
    provider()
    assert (len(first.asked_at), len(second.asked_at)) == (2, 1)


def test_every_call_is_told_of_before_it_goes_out_and_none_that_does_not(guards: Guards, clock: ManualClock) -> None:
    told: list[str] = []
    gate = GuardedGate(
        guards, clock, clock.advance, rules=RULES, random=Random(5), told=lambda one: told.append(one.endpoint)
    )
    vendor = Vendor(clock, [SourceError("HTTP 502"), TABLE])
    gate.through(call(), vendor)
    gate.through(call(), vendor)
    assert told == ["stock_zh_a_hist", "stock_zh_a_hist"]


def test_a_call_that_its_endpoint_holds_back_does_not_use_up_the_probe_of_its_host(
    guards: Guards, clock: ManualClock
) -> None:
    spent = SourceLimited("每天最多访问", retry_after_seconds=40_000.0)
    with pytest.raises(NotNow):
        open_gate(guards, clock).through(call(endpoint="spent"), Vendor(clock, [spent]))
    for _ in range(3):
        with pytest.raises(SourceBanned):
            open_gate(guards, clock).through(call(), Vendor(clock, [SourceBanned("HTTP 403")]))
    clock.advance(301)
    with pytest.raises(NotNow, match="每天最多访问"):
        open_gate(guards, clock).through(call(endpoint="spent"), Vendor(clock, [TABLE]))
    assert open_gate(guards, clock).through(call(), Vendor(clock, [TABLE])).equals(TABLE)


def test_good_answers_survive_a_slice_that_fails_at_a_later_call(gate: GuardedGate, clock: ManualClock) -> None:
    good, bad = Vendor(clock, [TABLE]), Vendor(clock, [SourceBanned("HTTP 403")])

    def provider() -> None:
        with gate.slice():
            gate.through(call("good"), good)
            gate.through(call("bad"), bad)

    for _ in range(2):
        with pytest.raises(SourceBanned):
            provider()
    assert len(good.asked_at) == 1


def test_a_kept_answer_that_cannot_be_read_any_more_is_asked_for_again(ingestion: Engine, clock: ManualClock) -> None:
    guards = stored_guards(ingestion)
    open_gate(guards, clock).through(call(), Vendor(clock, [TABLE]))
    with ingestion.begin() as connection:
        connection.exec_driver_sql("UPDATE market.vendor_cache SET payload = '\\x00'")
    assert open_gate(guards, clock).through(call(), Vendor(clock, [TABLE])).equals(TABLE)


def test_the_pace_of_a_host_is_that_of_the_longest_name_it_ends_with() -> None:
    rules = GateRules(hosts={"eastmoney.com": HostPace(60, 1), "push2.eastmoney.com": HostPace(20, 1)})
    paces = [rules.pace_of(h).calls_per_minute for h in ("82.push2.eastmoney.com", "data.eastmoney.com", "qq.com")]
    assert paces == [20, 60, rules.other_hosts.calls_per_minute]
