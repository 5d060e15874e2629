"""Calls into a vendor's library cannot hang, kill or read the process that makes them."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from libs.marketdata.isolation import IsolatedWorker, WorkerRules, clean_environment
from libs.marketdata.source import (
    SchemaDrift,
    SourceBanned,
    SourceError,
    SourceLimited,
    SourceRefused,
    SourceTimeout,
)
from libs.runtime.processes import wait_until

RULES = WorkerRules("tests.support.fake_worker")


@pytest.fixture
def worker() -> Iterator[IsolatedWorker]:
    running = IsolatedWorker(RULES)
    yield running
    running.close()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def is_running(pid: int) -> bool:
    """Whether it runs: who was killed and not buried yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_one_worker_serves_call_after_call(worker: IsolatedWorker) -> None:
    first = worker.call("echo", {"symbol": "600519"}, seconds=10)
    second = worker.call("echo", {"symbol": "000001"}, seconds=10)
    assert (first["symbol"].item(), second["symbol"].item()) == ("600519", "000001")
    assert first["pid"].item() == second["pid"].item() == worker.pid


@pytest.mark.parametrize("behaviour", ["hang", "trickle"])
def test_a_worker_that_does_not_answer_in_time_is_killed_and_the_next_call_works(
    worker: IsolatedWorker, behaviour: str
) -> None:
    worker.call("echo", {}, seconds=10)
    hung = worker.pid
    with pytest.raises(SourceTimeout, match=r"no answer within 0\.2 s"):
        worker.call(behaviour, {}, seconds=0.2)
    assert hung is not None
    assert not is_alive(hung)
    assert worker.call("echo", {}, seconds=10)["pid"].item() != hung


@pytest.mark.parametrize(("behaviour", "how"), [("die", f"signal {signal.SIGKILL.value}"), ("leave", "exit status 3")])
def test_a_worker_that_dies_on_a_call_is_an_error_and_the_next_call_works(
    worker: IsolatedWorker, behaviour: str, how: str
) -> None:
    with pytest.raises(SourceError, match=rf"the worker died \({how}\)"):
        worker.call(behaviour, {}, seconds=10)
    assert worker.call("echo", {"a": "b"}, seconds=10)["a"].item() == "b"


def test_a_worker_sees_nothing_of_the_desks_secrets(worker: IsolatedWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "TUSHARE_TOKEN", "HIDDENGEM_BROKER_PASSWORD", "REDIS_URL", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "a secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://egress:3128")
    seen = worker.call("environment", {}, seconds=10)["name"].to_list()
    allowed = set(clean_environment(os.environ)) | {"LC_CTYPE"}
    assert set(seen) <= allowed
    assert "HTTPS_PROXY" in seen


@pytest.mark.parametrize("kind", [SchemaDrift, SourceBanned, SourceRefused, SourceTimeout, SourceError])
def test_the_error_a_worker_names_is_raised(worker: IsolatedWorker, kind: type[SourceError]) -> None:
    with pytest.raises(kind, match="said so") as caught:
        worker.call("fail", {"error": kind.__name__}, seconds=10)
    assert type(caught.value) is kind


def test_a_limit_says_how_long_to_wait(worker: IsolatedWorker) -> None:
    with pytest.raises(SourceLimited) as caught:
        worker.call("fail", {"error": "SourceLimited"}, seconds=10)
    assert caught.value.retry_after_seconds == 7


def test_an_error_of_another_name_raises_no_other_class(worker: IsolatedWorker) -> None:
    with pytest.raises(SourceError) as caught:
        worker.call("fail", {"error": "SystemExit"}, seconds=10)
    assert type(caught.value) is SourceError


def test_columns_are_numbers_or_text(worker: IsolatedWorker) -> None:
    found = worker.call("mixed", {}, seconds=10)
    assert found.schema == {"日期": pl.String, "n": pl.Int64, "x": pl.Int64, "y": pl.Float64, "z": pl.String}
    assert found.rows() == [("2024-09-02", 1, 1, 1.0, None), (None, 2, None, 2.5, None)]


@pytest.mark.parametrize(
    "words",
    [
        "no JSON",
        "[1, 2]",
        "{}",
        '{"columns": [1]}',
        '{"columns": {"a": [1, 2], "b": [1]}}',
        '{"columns": {"a": 7}}',
    ],
)
def test_a_worker_that_was_taken_over_can_say_nothing_but_a_table_or_an_error(
    worker: IsolatedWorker, words: str
) -> None:
    with pytest.raises(SourceError, match="the worker speaks in another way"):
        worker.call("babble", {"words": words}, seconds=10)


def test_a_limit_that_is_no_time_is_a_limit_without_one(worker: IsolatedWorker) -> None:
    words = '{"error": "SourceLimited", "message": "429", "retry_after_seconds": "for ever"}'
    with pytest.raises(SourceLimited) as caught:
        worker.call("babble", {"words": words}, seconds=10)
    assert caught.value.retry_after_seconds is None


def test_what_a_worker_has_started_ends_with_it(worker: IsolatedWorker) -> None:
    child = worker.call("breed", {}, seconds=10)["child"].item()
    assert is_running(child)
    worker.close()
    assert wait_until(lambda: not is_running(child), patience_seconds=10)


def test_a_worker_that_cannot_start_is_an_error() -> None:
    worker = IsolatedWorker(WorkerRules("tests.support.no_such_worker"))
    with pytest.raises(SourceError, match="did not start"):
        worker.call("echo", {}, seconds=10)
    assert worker.pid is None


def test_closing_ends_the_worker(worker: IsolatedWorker) -> None:
    pid = worker.call("echo", {}, seconds=10)["pid"].item()
    worker.close()
    assert not is_alive(pid)
