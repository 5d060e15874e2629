"""The table of processes tells what the kernel says now, not what was true when it was written."""

import os
from pathlib import Path

from libs.runtime.processes import pss_bytes, start_ticks
from libs.runtime.proctable import ProcessRow, ProcessStatus, read_table, stop_running, write_table
from libs.runtime.state import StateDirectory


def _state(tmp_path: Path) -> StateDirectory:
    (tmp_path / "log").mkdir()
    return StateDirectory(tmp_path)


def test_a_living_process_has_an_uptime_and_a_share_of_memory(tmp_path: Path) -> None:
    state = _state(tmp_path)
    with state.hold():
        write_table(state, [ProcessRow(name="risk", kind="service", state="running", pid=os.getpid(), restarts=2)])
        (risk,) = read_table(state)
    assert (risk.name, risk.state, risk.pid, risk.restarts) == ("risk", "running", os.getpid(), 2)
    assert risk.uptime_seconds is not None
    assert risk.uptime_seconds > 0
    assert risk.pss_bytes is not None
    assert risk.pss_bytes > 1_000_000


def test_a_pid_that_belongs_to_somebody_else_now_counts_as_ended() -> None:
    row = {"name": "risk", "kind": "service", "state": "running", "pid": os.getpid(), "restarts": 0, "last_words": ""}
    status = ProcessStatus.of(row | {"start_ticks": 1})
    assert (status.state, status.pid, status.pss_bytes) == ("ended", None, None)


def test_no_desk_means_no_table_and_nothing_to_stop(tmp_path: Path) -> None:
    state = _state(tmp_path)
    write_table(state, [ProcessRow(name="risk", kind="service", state="running", pid=os.getpid())])
    assert read_table(state) == []
    assert stop_running(state) is False


def test_a_process_that_is_gone_has_neither_birth_nor_memory() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    assert start_ticks(child) is None
    os.waitpid(child, 0)
    assert start_ticks(child) is None
    assert pss_bytes(child) is None
