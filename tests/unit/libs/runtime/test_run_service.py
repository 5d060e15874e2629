"""A service starts, stops and fails in one way; here as a process of its own, with neither database nor Redis."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).resolve().parents[4]
CANARY = "c4n4ry"
PROGRAM = """
    import asyncio, sys
    from libs.bus.endpoint import Endpoint
    from libs.domain.errors import ConfigurationError, NotFound
    from libs.runtime.service import Service, run_service
    from libs.runtime.settings import ServiceSettings

    HOW = sys.argv[1]

    def build(runtime):
        async def prepare():
            print("prepared", flush=True)
            if HOW == "waits":
                await asyncio.Event().wait()
            if HOW == "refused":
                raise ConfigurationError("HIDDENGEM_X: wrong")
        async def background():
            print("background", flush=True)
            if HOW == "fails":
                raise ValueError("no such table")
            if HOW == "known":
                raise NotFound("no bars")
            await asyncio.Event().wait()
        def close():
            print("closed", flush=True)
        return Service(Endpoint(runtime.card("risk")), prepare=prepare, background=(background,), close=close)

    raise SystemExit(run_service("risk", ServiceSettings, build))
"""


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    """What a test started and did not see end."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


def start(how: str, **settings: str) -> subprocess.Popen[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HIDDENGEM_DATABASE_URL": f"postgresql://hg:{CANARY}@127.0.0.1:1/desk",
        "HIDDENGEM_REDIS_URL": f"redis://:{CANARY}@127.0.0.1:1/0",
    }
    return subprocess.Popen(
        [sys.executable, "-c", dedent(PROGRAM), how],
        cwd=ROOT,
        env=environment | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    out, _ = process.communicate(timeout=10)
    assert CANARY not in out
    return process.returncode, out.splitlines()


def read_until(process: subprocess.Popen[str], word: str) -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if word in line:
            return lines
    raise AssertionError(lines)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_closes_and_ends_well(number: int, processes: list[subprocess.Popen[str]]) -> None:
    process = start("lives", HIDDENGEM_DRAIN_SECONDS="0.2")
    processes.append(process)
    before = read_until(process, "background")
    assert "prepared" in before
    process.send_signal(number)
    code, lines = ended(process)
    assert code == 0
    assert "closed" in lines
    assert json.loads(lines[-1])["message"] == "service stopped"


def test_a_signal_while_preparing_ends_well_too(processes: list[subprocess.Popen[str]]) -> None:
    process = start("waits")
    processes.append(process)
    read_until(process, "prepared")
    process.send_signal(signal.SIGTERM)
    code, lines = ended(process)
    assert code == 0
    assert "closed" in lines
    assert "background" not in lines


def test_a_background_task_that_fails_ends_the_process_and_its_stack_is_told_once() -> None:
    code, lines = ended(start("fails"))
    assert code == 1
    assert "closed" in lines
    told = [line for line in lines if "no such table" in line]
    assert len(told) == 1
    assert json.loads(told[0])["level"] == "error"


def test_a_known_failure_is_told_by_its_code_without_a_stack() -> None:
    code, lines = ended(start("known"))
    assert code == 1
    (told,) = [json.loads(line) for line in lines if "service failed" in line]
    assert (told["code"], told["reason"]) == ("input.not_found", "no bars")
    assert "exception" not in told


def test_a_wrong_setting_is_one_line_and_exit_code_78() -> None:
    code, lines = ended(start("lives", HIDDENGEM_METRICS_PORT="high", HIDDENGEM_DATABASE_URL=f"mysql://a:{CANARY}@b"))
    assert code == 78
    assert len(lines) == 1
    assert lines[0].startswith("risk: HIDDENGEM_DATABASE_URL: ")
    assert "HIDDENGEM_METRICS_PORT: " in lines[0]


def test_a_setting_that_proves_wrong_later_is_exit_code_78_too() -> None:
    assert ended(start("refused"))[0] == 78


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def test_a_port_in_use_is_one_line_that_says_what_to_do(taken: int) -> None:
    code, lines = ended(start("lives", HIDDENGEM_METRICS_PORT=str(taken)))
    assert code == 78
    (line,) = lines
    assert f"HIDDENGEM_METRICS_PORT: cannot listen on 127.0.0.1:{taken}" in json.loads(line)["reason"]
