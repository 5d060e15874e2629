"""The paper venue as a process: it listens, closes a session when the clock says so, and stops when told to."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2

from libs.storage.clock import Phase
from tests.support.order_path import TUESDAY, OrderPath

_SAYS = "Uvicorn running on http://127.0.0.1:"


@contextmanager
def _venue(path: OrderPath, **settings: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    environment = os.environ | {
        "HIDDENGEM_DATABASE_URL": path.url("paper_venue"),
        "HIDDENGEM_VENUE_PORT": "0",
        **settings,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "services.broker_gateway.venues.paper"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            messages = (json.loads(line)["message"] for line in process.stdout)
            listening = next(message for message in messages if message.startswith(_SAYS))
            yield process, int(listening.removeprefix(_SAYS).split(" ")[0])
        finally:
            process.kill()


def test_the_venue_follows_the_clock_and_stops_when_told_to(path: OrderPath) -> None:
    with _venue(path) as (process, port):
        path.at(TUESDAY, Phase.CLOSED)
        answer = httpx2.get(f"http://127.0.0.1:{port}/reports?after=0&wait=20", timeout=25)
        assert [report["body"]["kind"] for report in answer.json()["reports"]] == ["SESSION_CLOSED"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def test_a_wrong_setting_stops_the_venue_with_one_line(path: OrderPath) -> None:
    command = [sys.executable, "-m", "services.broker_gateway.venues.paper"]
    environment = os.environ | {"HIDDENGEM_DATABASE_URL": "nonsense"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 78
    assert done.stderr.startswith("paper_venue: HIDDENGEM_DATABASE_URL")
    assert done.stderr.count("\n") == 1
