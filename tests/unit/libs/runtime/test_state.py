"""A place in which the servers could not live is refused before anything is started, in one line that helps."""

import os
import socket
from pathlib import Path

import pytest

from libs.domain.errors import ConfigurationError
from libs.runtime.processes import User, start_ticks
from libs.runtime.state import AlreadyRunning, StateDirectory, check_port_free, state_path


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    directory = StateDirectory(tmp_path / "state")
    (directory.path / "log").mkdir(parents=True)
    return directory


def test_the_setting_names_the_place_else_it_is_the_users_data_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert state_path({"HIDDENGEM_STATE_DIR": "/srv/desk"}) == Path("/srv/desk")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert state_path({"XDG_DATA_HOME": "/data", "HOME": "/home/a"}) == Path("/data/hiddengem")
    assert state_path({"HOME": "/home/a"}) == Path("/home/a/.local/share/hiddengem")


def test_root_keeps_its_state_where_nobody_can_enter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert state_path({"HOME": "/root"}) == Path("/var/lib/hiddengem")


def test_a_second_desk_is_told_who_runs(state: StateDirectory) -> None:
    with state.hold():
        state.record(url="http://127.0.0.1:8000")
        with pytest.raises(AlreadyRunning, match=f"pid {os.getpid()}, http://127.0.0.1:8000"), state.hold():
            pass
        assert state.running() == {
            "pid": os.getpid(),
            "start_ticks": start_ticks(os.getpid()),
            "url": "http://127.0.0.1:8000",
        }


def test_the_record_of_a_run_ends_with_it(state: StateDirectory) -> None:
    with state.hold():
        assert state.held()
    assert not state.held()
    assert state.running() is None
    assert not (state.path / "run.json").exists()


def test_the_record_and_the_secrets_are_for_their_owner_only(state: StateDirectory) -> None:
    with state.hold():
        secret = state.secret("postgres")
        modes = {file.name: file.stat().st_mode & 0o777 for file in state.path.glob("*.json")}
        assert modes == {"run.json": 0o600, "secrets.json": 0o600}
    assert state.secret("postgres") == secret
    assert state.secret("redis") != secret


def test_a_folder_closed_to_the_servers_user_is_named(state: StateDirectory, tmp_path: Path) -> None:
    state.server_user = User("nobody", 65534, 65534)
    tmp_path.chmod(0o700)
    with pytest.raises(ConfigurationError, match=r"cannot enter .*chmod o\+x") as refused:
        state._check_reachable()
    assert "\n" not in str(refused.value)


def test_a_disk_without_room_is_refused_with_both_numbers(state: StateDirectory) -> None:
    with pytest.raises(ConfigurationError, match=r"has \d+ MB free and the desk needs 1000000000 MB: make room"):
        state._check_room(10**15, 0)
    state._check_room(0, 10**15)
    (state.path / "postgres").mkdir()
    (state.path / "postgres" / "PG_VERSION").touch()
    with pytest.raises(ConfigurationError, match="make room"):
        state._check_room(0, 10**15)


def test_a_user_without_a_passwd_entry_is_told_so(state: StateDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 424242)
    with pytest.raises(ConfigurationError, match="user id 424242 has no entry in /etc/passwd"):
        state.prepare()


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"cannot use the state directory .*HIDDENGEM_STATE_DIR"):
        StateDirectory(tmp_path / "file" / "state").prepare()


def test_a_port_in_use_is_found_before_anything_starts() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1:{port} .*another PORT"):
            check_port_free("127.0.0.1", port)
    check_port_free("127.0.0.1", port)


def test_a_record_that_is_no_json_is_refused_by_name(state: StateDirectory) -> None:
    (state.path / "secrets.json").write_text("{torn")
    with pytest.raises(ConfigurationError, match=r"secrets.json is not readable"):
        state.secret("postgres")
