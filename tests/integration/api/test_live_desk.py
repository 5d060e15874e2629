"""The whole desk from one command: what it promises to print, what further commands see, and that nothing is left."""

import json
import subprocess
import sys
from typing import Any

import httpx2
import pytest

from tests.support.live_desk import ROOT, LiveDesk, live_desk, processes_with

_PROMISED = (
    "SIMULATED EXCHANGE, NOT REAL DATA", "services are ready", "role trader, shown this once", "Replaying 20 sessions",
    "Signals", "abstains: ", "Decisions", "Orders", "APPROVE", "Positions", "cash", "equity", "benchmark", "trades",
    "Abstentions", "s each (", "SYNTHETIC DATA", "ORDERS sha256=",
)  # fmt: skip


_WINDOW = ("--from", "2025-04-01", "--to", "2025-04-29")
"""Twenty sessions that end with orders; a later today changes none of them."""


def _command(desk: LiveDesk, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "libs.cli.main", *arguments],
        cwd=ROOT,
        env=desk.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _json(desk: LiveDesk, *arguments: str) -> Any:
    done = _command(desk, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _digest(text: str) -> str:
    return next(line for line in text.splitlines() if line.startswith("ORDERS sha256="))


def test_one_command_replays_shows_serves_and_leaves_nothing() -> None:
    with live_desk("--source", "sim", *_WINDOW) as desk:
        desk.wait_until_serving()
        for promised in _PROMISED:
            assert promised in desk.text, promised
        _second_start_is_refused(desk)
        _further_commands_see_it(desk)
        _the_door_asks_the_desk(desk)
        stopped = _command(desk, "down")
        assert stopped.returncode == 0, stopped.stderr
        assert desk.process.wait(10) == 0
        assert processes_with(desk.state) == []


def _second_start_is_refused(desk: LiveDesk) -> None:
    again = _command(desk, "up", "--source", "sim")
    assert again.returncode == 78
    assert "a desk already runs" in again.stderr
    assert again.stderr.count("\n") == 1


def _further_commands_see_it(desk: LiveDesk) -> None:
    assert {row["state"] for row in _json(desk, "ps")} == {"running"}
    replay = _json(desk, "replay", *_WINDOW)
    digest = replay["report"]["orders_digest"]
    assert _digest(desk.text) == f"ORDERS sha256={digest['sha256']} n={digest['n']}"
    opened = _json(desk, "round", replay["symbols"][0])
    assert (opened["status"], opened["synthetic"], len(opened["decisions"])) == ("DECIDED", True, 1)
    unknown = _command(desk, "round", "600000.SH")
    assert (unknown.returncode, "600000.SH" in unknown.stderr) == (78, True)


def _the_door_asks_the_desk(desk: LiveDesk) -> None:
    with httpx2.Client(base_url=desk.url, headers={"Authorization": f"Bearer {desk.key}"}, timeout=60) as client:
        triggered = client.post("/api/v1/agents/technical/trigger", json={})
        assert (triggered.status_code, len(triggered.json()["results"])) == (200, 20)
        opened = client.post("/api/v1/rounds", json={"trade": True})
        assert (opened.status_code, opened.json()["clock"]["phase"]) == (202, "RESTING")
        asked = {"jsonrpc": "2.0", "id": 1, "method": "agents.trigger", "params": {"agent": "risk"}}
        assert client.post("/rpc", json=asked).json()["result"]["answer"]["control"] == "ACTIVE"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (
            ["--source", "sim", "--from", "1999-01-01", "--to", "1999-02-01"],
            "FROM/TO: there are no bars in this window",
        ),
        (["--source", "sim", "--watchlist", "600000.SH"], "HIDDENGEM_WATCHLIST: the market data knows nothing of"),
    ],
)
def test_what_only_the_data_can_tell_is_told_in_a_line_and_takes_the_desk_down(options: list[str], named: str) -> None:
    with live_desk(*options) as desk:
        assert desk.process.wait(120) == 78
        assert desk.text.splitlines()[-1].startswith(f"hiddengem: {named}")
        assert processes_with(desk.state) == []


def test_ctrl_c_before_the_end_says_so() -> None:
    with live_desk("--source", "sim") as desk:
        desk.wait_until_it_says("Replaying")
        code, seconds = desk.interrupt()
        assert (code, seconds < 5.0) == (130, True), desk.text
        assert processes_with(desk.state) == []
