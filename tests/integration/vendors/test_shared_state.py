"""Buckets, breakers and kept answers: one behaviour in memory and in PostgreSQL, and PostgreSQL's over processes."""

import subprocess
import sys
import threading
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from libs.domain.clock import SystemClock
from libs.marketdata.breaker import Failure, Phase, Trouble
from libs.marketdata.gate import VendorCall
from libs.marketdata.guarded_gate import Guards
from libs.marketdata.vendor_cache import Kept, cache_key
from libs.storage.engine import Engine, make_engine, transaction
from libs.storage.vendor_answers import StoredCache, prune
from libs.storage.vendor_buckets import StoredQuota
from tests.integration.vendors.conftest import stored_guards

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
HOST = "host:push2his.eastmoney.com"
BAN = Failure(Trouble.BAN, "HTTP 403: 验证码")
RATE = 6000.0
STEP = timedelta(minutes=1) / RATE


def call(symbol: str = "600519.SH") -> VendorCall:
    return VendorCall(
        "akshare", "stock_zh_a_hist", "push2his.eastmoney.com", {"symbol": symbol}, date(2024, 9, 2), 60.0
    )


def draw(url: str, key: str, count: int, end: str) -> "subprocess.Popen[str]":
    arguments = [
        sys.executable,
        "-m",
        "tests.integration.vendors.drawing_process",
        url,
        key,
        str(count),
        str(RATE),
        end,
    ]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def starts(process: "subprocess.Popen[str]") -> list[datetime]:
    output, _ = process.communicate(timeout=60)
    return [datetime.fromisoformat(line) for line in output.split()]


def test_a_bucket_gives_its_tokens_one_by_one_and_saves_up_no_more_than_the_burst(guards: Guards) -> None:
    def take(now: datetime, patience: float = 100.0) -> float | None:
        return guards.buckets.take(HOST, rate_per_minute=60, burst=3, now=now, patience_seconds=patience)

    assert [take(NOW) for _ in range(5)] == [0, 0, 0, 1, 2]
    assert take(NOW, patience=1) is None
    an_hour_later = NOW + timedelta(hours=1)
    assert [take(an_hour_later) for _ in range(4)] == [0, 0, 0, 1]


def test_a_deferred_bucket_is_empty_until_then(guards: Guards) -> None:
    guards.buckets.defer(HOST, NOW + timedelta(seconds=20))
    guards.buckets.defer(HOST, NOW + timedelta(seconds=5))
    assert guards.buckets.take(HOST, rate_per_minute=60, burst=3, now=NOW, patience_seconds=60) == 20


def test_a_breaker_opens_lends_one_probe_and_forgets_after_a_success(guards: Guards) -> None:
    breakers = guards.breakers
    for _ in range(3):
        assert breakers.admit(HOST, NOW).allowed
        breakers.failed(HOST, BAN, NOW)
    refused = breakers.admit(HOST, NOW)
    assert (refused.allowed, refused.cause, refused.wait_seconds) == (False, "HTTP 403: 验证码", 300.0)
    assert [(s.key, s.phase) for s in breakers.standing(NOW)] == [(HOST, Phase.OPEN)]
    later = NOW + timedelta(seconds=301)
    assert [breakers.admit(HOST, later).allowed for _ in range(3)] == [True, False, False]
    breakers.succeeded(HOST, later)
    assert breakers.admit(HOST, later).allowed
    assert breakers.standing(later) == []


def test_an_answer_is_given_back_until_it_expires_or_is_forgotten(guards: Guards) -> None:
    key, kept = cache_key(call()), Kept(b"\x00arrow\xff", NOW, NOW + timedelta(hours=1))
    assert guards.cache.get(key, NOW) is None
    guards.cache.put(key, call(), kept)
    assert guards.cache.get(key, NOW) == kept
    assert guards.cache.get(key, NOW + timedelta(hours=1)) is None
    for_good = Kept(b"newer", NOW, None)
    guards.cache.put(key, call(), for_good)
    assert guards.cache.get(key, NOW + timedelta(days=4000)) == for_good
    guards.cache.forget([key])
    assert guards.cache.get(key, NOW) is None


@pytest.mark.requirement("B7")
def test_two_processes_drawing_from_one_bucket_together_keep_the_rate(ingestion_url: str) -> None:
    processes = [draw(ingestion_url, HOST, 60, "end") for _ in range(2)]
    drawn = sorted(at for process in processes for at in starts(process))
    assert len(drawn) == 120
    assert all(after - before >= STEP - timedelta(milliseconds=1) for before, after in pairwise(drawn))


def test_a_process_killed_with_a_token_in_hand_costs_the_others_one_slot(ingestion_url: str, ingestion: Engine) -> None:
    killed = draw(ingestion_url, HOST, 1, "die")
    (its_start,) = starts(killed)
    assert killed.returncode == -9
    now = SystemClock().utc_now()
    wait = StoredQuota(ingestion).take(HOST, rate_per_minute=RATE, burst=1, now=now, patience_seconds=60)
    assert wait is not None
    assert now + timedelta(seconds=wait) <= max(its_start, now) + STEP


def test_of_many_threads_at_a_half_open_breaker_one_is_let_through(ingestion: Engine) -> None:
    breakers = stored_guards(ingestion).breakers
    for _ in range(3):
        breakers.failed(HOST, BAN, NOW)
    later, admitted = NOW + timedelta(seconds=301), []

    def knock() -> None:
        admitted.append(breakers.admit(HOST, later).allowed)

    threads = [threading.Thread(target=knock) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(admitted) == [False] * 7 + [True]


@pytest.mark.requirement("B7")
def test_what_one_process_learnt_and_kept_the_next_one_knows(ingestion_url: str) -> None:
    before = make_engine(ingestion_url)
    guards = stored_guards(before)
    guards.cache.put(cache_key(call()), call(), Kept(b"rows", NOW, None))
    for _ in range(3):
        guards.breakers.failed(HOST, BAN, NOW)
    before.dispose()
    after = make_engine(ingestion_url)
    try:
        again = stored_guards(after)
        assert again.cache.get(cache_key(call()), NOW) == Kept(b"rows", NOW, None)
        assert not again.breakers.admit(HOST, NOW).allowed
    finally:
        after.dispose()


def test_the_cache_drops_what_expired_and_then_what_was_not_used_for_longest(ingestion: Engine) -> None:
    cache = stored_guards(ingestion).cache
    old, used, new, expired = (call(symbol) for symbol in ("000001.SZ", "000002.SZ", "000004.SZ", "000005.SZ"))
    for number, question in enumerate((old, used, new)):
        cache.put(cache_key(question), question, Kept(b"x" * 100, NOW + timedelta(minutes=number), None))
    cache.put(cache_key(expired), expired, Kept(b"x", NOW, NOW + timedelta(hours=1)))
    tomorrow = NOW + timedelta(days=1)
    assert cache.get(cache_key(used), tomorrow)
    with transaction(ingestion) as connection:
        assert prune(connection, tomorrow, largest=200) == 2
    left = [cache.get(cache_key(question), tomorrow) is not None for question in (old, used, new, expired)]
    assert left == [False, True, True, False]


def test_the_first_answer_that_a_process_keeps_makes_room_for_it(ingestion: Engine) -> None:
    symbols = ("000001.SZ", "000002.SZ", "000004.SZ")
    for number, symbol in enumerate(symbols):
        kept = Kept(b"x" * 100, NOW + timedelta(days=number), None)
        StoredCache(ingestion, largest=150).put(cache_key(call(symbol)), call(symbol), kept)
    cache = StoredCache(ingestion)
    left = [cache.get(cache_key(call(symbol)), NOW) is not None for symbol in symbols]
    assert left == [False, True, True]
