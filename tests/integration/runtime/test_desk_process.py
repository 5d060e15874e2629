"""The whole of `make run` without its services' work: servers, supervisor, signals, and every way it can go wrong."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from libs.runtime.processes import wait_until
from libs.runtime.proctable import read_table, stop_running
from libs.runtime.state import StateDirectory
from tests.integration.runtime.conftest import Desk
from tests.support import fake_services
from tests.support.fake_services import write_services

StartDesk = Callable[..., Desk]


@pytest.fixture
def services(open_folder: Path) -> Path:
    return write_services(open_folder / "services", steady=fake_services.STEADY, other=fake_services.STEADY)


def _select_one(url: str) -> bool:
    try:
        with psycopg.connect(url) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def test_ctrl_c_stops_everything_within_five_seconds(start_desk: StartDesk, open_folder: Path, services: Path) -> None:
    write_services(services, deaf=fake_services.DEAF)
    desk = start_desk(open_folder / "state", services).await_running()
    assert set(desk.pids) == {"steady", "other", "deaf", "desk", "forkserver", "redis", "postgres"}
    began = time.monotonic()
    desk.process.send_signal(signal.SIGINT)
    assert desk.process.wait(10) == 0
    assert time.monotonic() - began < 5.0
    assert desk.ended_without_a_trace()


def test_down_finds_the_desk_and_waits_for_its_end(start_desk: StartDesk, open_folder: Path, services: Path) -> None:
    desk = start_desk(open_folder / "state", services).await_running()
    state = StateDirectory(open_folder / "state")
    assert {row.name for row in read_table(state)} == set(desk.pids)
    assert stop_running(state)
    assert desk.process.wait(5) == 0
    assert desk.ended_without_a_trace()
    assert not stop_running(state)


def test_nothing_outlives_a_supervisor_that_is_killed(start_desk: StartDesk, open_folder: Path, services: Path) -> None:
    desk = start_desk(open_folder / "state", services).await_running()
    desk.process.kill()
    assert desk.ended_without_a_trace()
    again = start_desk(open_folder / "state", services).await_running()
    assert _select_one(again.database)


@pytest.mark.parametrize("server", ["postgres", "redis"])
def test_a_killed_server_is_back_on_its_port(
    start_desk: StartDesk, open_folder: Path, services: Path, server: str
) -> None:
    desk = start_desk(open_folder / "state", services).await_running()
    state = StateDirectory(open_folder / "state")
    os.kill(desk.pids[server], signal.SIGKILL)
    assert wait_until(
        lambda: any(row.name == server and row.pid not in (None, desk.pids[server]) for row in read_table(state)),
        patience_seconds=10.0,
    )
    assert wait_until(lambda: _select_one(desk.database), patience_seconds=10.0)


def test_a_second_desk_is_refused_in_one_line(start_desk: StartDesk, open_folder: Path, services: Path) -> None:
    first = start_desk(open_folder / "state", services).await_running()
    second = start_desk(open_folder / "state", services)
    _, complaint = second.process.communicate(timeout=20)
    assert second.process.returncode == 78
    assert f"a desk already runs in {open_folder}/state: pid {first.process.pid}" in complaint
    assert complaint.count("\n") == 1


def test_a_disk_without_room_is_refused_in_one_line(start_desk: StartDesk, small_disk: Path, services: Path) -> None:
    desk = start_desk(small_disk / "state", services)
    _, complaint = desk.process.communicate(timeout=20)
    assert desk.process.returncode == 78
    assert "MB free and the desk needs 600 MB: make room or set HIDDENGEM_STATE_DIR" in complaint
    assert complaint.count("\n") == 1


def test_a_folder_that_nobody_can_enter_is_refused_in_one_line(
    start_desk: StartDesk, open_folder: Path, services: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives the servers to another user")
    (open_folder / "closed").mkdir(mode=0o700)
    desk = start_desk(open_folder / "closed" / "state", services)
    _, complaint = desk.process.communicate(timeout=20)
    assert desk.process.returncode == 78
    assert f"cannot enter {open_folder}/closed" in complaint
    assert complaint.count("\n") == 1


def test_a_user_without_a_passwd_entry_is_refused_in_one_line(
    start_desk: StartDesk, open_folder: Path, services: Path
) -> None:
    prefix, python = _as_user(424242, 424242)
    open_folder.chmod(0o777)
    desk = start_desk(open_folder / "state", services, prefix=prefix, python=python)
    _, complaint = desk.process.communicate(timeout=20)
    assert desk.process.returncode == 78
    assert "user id 424242 has no entry in /etc/passwd" in complaint
    assert complaint.count("\n") == 1


def test_an_ordinary_user_runs_the_same_desk(start_desk: StartDesk, open_folder: Path, services: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    prefix, python = _as_user(nobody.pw_uid, nobody.pw_gid)
    home = open_folder / "home"
    home.mkdir(mode=0o700)
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    desk = start_desk(home / "state", services, prefix=prefix, python=python).await_running()
    assert _select_one(desk.database)
    assert {Path(f"/proc/{pid}").stat().st_uid for pid in desk.pids.values()} == {nobody.pw_uid}
    desk.process.send_signal(signal.SIGTERM)
    assert desk.process.wait(10) == 0
    assert desk.ended_without_a_trace()


def test_a_disk_that_fills_up_is_told_and_the_desk_still_stops(
    start_desk: StartDesk, small_disk: Path, services: Path
) -> None:
    _resize(small_disk, 1_000_000_000)
    desk = start_desk(small_disk / "state", services).await_running()
    _resize(small_disk, shutil.disk_usage(small_disk).used + 1_000_000)
    (small_disk / "ballast").write_bytes(b"x" * shutil.disk_usage(small_disk).free)
    assert desk.process.stderr is not None
    assert desk.process.stderr.readline().startswith(f"the disk of {small_disk}/state is full")
    desk.process.send_signal(signal.SIGTERM)
    assert desk.process.wait(10) == 0
    assert desk.ended_without_a_trace()


def test_a_server_that_keeps_dying_ends_the_desk_with_its_last_words(
    start_desk: StartDesk, open_folder: Path, services: Path
) -> None:
    desk = start_desk(open_folder / "state", services).await_running()
    (open_folder / "state" / "postgres" / "global" / "pg_control").unlink()
    os.kill(desk.pids["postgres"], signal.SIGKILL)
    _, complaint = desk.process.communicate(timeout=30)
    assert desk.process.returncode == 78
    assert complaint.splitlines()[-1].startswith("postgres keeps dying: ")
    assert "pg_control" in complaint.splitlines()[-1]
    assert desk.ended_without_a_trace()


def _resize(disk: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)


def _as_user(uid: int, gid: int) -> tuple[list[str], list[str]]:
    """How to start Python as another user: with an interpreter and packages that this user can reach."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("only root can become another user, and needs setpriv for it")
    prefix = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
    packages = sysconfig.get_path("purelib")
    for python in (sys.executable, "/usr/bin/python3.11"):
        command = [*prefix, "env", f"PYTHONPATH={packages}", "PYTHONDONTWRITEBYTECODE=1", python]
        probe = subprocess.run([*command, "-c", "import psycopg"], capture_output=True, cwd="/", check=False)
        if probe.returncode == 0:
            return command[:-1], [python]
    pytest.skip("no interpreter here can be reached by another user")
