"""Services are kept alive, are stopped in time, and never outlive the supervisor."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from libs.runtime.forkclient import ServiceSpec
from libs.runtime.processes import start_ticks, wait_until
from libs.runtime.proctable import ProcessStatus, read_table
from libs.runtime.state import StateDirectory
from libs.runtime.supervisor import Supervisor
from tests.support import fake_services
from tests.support.fake_services import write_services


class Watched:
    """A supervisor with fake services, what it said and what it logged."""

    def __init__(self, folder: Path, sources: dict[str, str]) -> None:
        services = write_services(folder / "services", **sources)
        (folder / "log").mkdir()
        self.state = StateDirectory(folder)
        self.said: list[str] = []
        specs = [
            ServiceSpec(name, f"services.{name}.__main__", {"HIDDENGEM_INSTANCE": f"{name}-1"}, str(services))
            for name in sources
        ]
        self.supervisor = Supervisor(self.state, specs, preload=["json", "no_such_library"], say=self.said.append)

    def row(self, name: str) -> ProcessStatus:
        return next(row for row in read_table(self.state) if row.name == name)

    def pid(self, name: str) -> int:
        """The pid of a service as soon as it runs and has said something."""
        assert wait_until(lambda: self.row(name).pid is not None, patience_seconds=10.0)
        return self.row(name).pid or 0

    def logged(self, text: str, times: int = 1) -> bool:
        return wait_until(
            lambda: self.state.log_file.read_text(encoding="utf-8").count(text) >= times, patience_seconds=10.0
        )


Watch = Callable[..., AbstractContextManager[Watched]]


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    @contextmanager
    def watching(**sources: str) -> Iterator[Watched]:
        watched = Watched(tmp_path, sources)
        with watched.state.hold(), watched.supervisor:
            yield watched

    return watching


def test_a_killed_service_is_back_at_once_with_a_new_pid(watch: Watch) -> None:
    with watch(steady=fake_services.STEADY) as desk:
        first = desk.pid("steady")
        assert desk.logged('"message": "ready"')
        killed_at = time.monotonic()
        os.kill(first, signal.SIGKILL)
        assert desk.logged('"message": "ready"', times=2)
        assert time.monotonic() - killed_at < 1.0
        assert desk.pid("steady") != first
        assert desk.row("steady").restarts == 1
    assert "steady was ended by signal 9 and starts again in 0.0 s: ready" in desk.said


def test_a_service_that_keeps_failing_waits_longer_each_time_and_says_why(watch: Watch) -> None:
    with watch(broken=fake_services.BROKEN) as desk:
        assert wait_until(lambda: len(desk.said) >= 4, patience_seconds=10.0)
    reports = [sentence for sentence in desk.said if sentence.startswith("broken ended with status 1")]
    waits = [sentence.partition("again in ")[2].partition(" s")[0] for sentence in reports]
    assert waits[:3] == ["0.0", "0.2", "0.4"]
    assert all(sentence.endswith("ValueError: no such table") for sentence in reports)


def test_wrong_settings_are_not_tried_again_in_a_hurry(watch: Watch) -> None:
    with watch(misconfigured=fake_services.MISCONFIGURED) as desk:
        assert wait_until(lambda: len(desk.said) >= 2, patience_seconds=10.0)
        row = desk.row("misconfigured")
    assert desk.said[-1].endswith("starts again in 10.0 s: HIDDENGEM_WATCHLIST: not a symbol")
    assert (row.state, row.pid, row.last_words) == ("waiting", None, "HIDDENGEM_WATCHLIST: not a symbol")


def test_a_service_sees_its_own_environment_and_its_errors_reach_the_terminal(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOREIGN", "secret of the operator's shell")
    with watch(telling=fake_services.TELLING) as desk:
        assert desk.logged("telling-1 None True")
        assert wait_until(lambda: "telling: the venue does not answer" in desk.said, patience_seconds=5.0)


def test_what_a_service_started_goes_with_it(watch: Watch) -> None:
    with watch(parent=fake_services.PARENT) as desk:
        assert desk.logged('"message": "child ')
        child = int(desk.state.log_file.read_text(encoding="utf-8").partition("child ")[2].partition('"')[0])
        os.kill(desk.pid("parent"), signal.SIGKILL)
        assert wait_until(lambda: start_ticks(child) is None, patience_seconds=5.0)


def test_the_fork_server_may_die_and_everything_comes_back(watch: Watch) -> None:
    with watch(steady=fake_services.STEADY, other=fake_services.STEADY) as desk:
        before = {desk.pid("steady"), desk.pid("other")}
        os.kill(desk.pid("forkserver"), signal.SIGKILL)
        assert desk.logged('"message": "ready"', times=4)
        assert before.isdisjoint({desk.pid("steady"), desk.pid("other")})


def test_a_stop_takes_the_willing_at_once_and_kills_the_deaf(watch: Watch) -> None:
    with watch(steady=fake_services.STEADY, deaf=fake_services.DEAF) as desk:
        assert desk.logged('"message": "ready"', times=2)
        pids = [row.pid for row in read_table(desk.state) if row.pid and row.name != "desk"]
        began = time.monotonic()
        desk.supervisor.stop(patience_seconds=0.5)
        assert time.monotonic() - began < 3.0
        assert not any(map(start_ticks, pids))
    assert not any("starts again" in sentence for sentence in desk.said)


def test_a_library_that_cannot_be_loaded_ahead_is_only_reported(watch: Watch) -> None:
    with watch(steady=fake_services.STEADY) as desk:
        assert desk.logged('"message": "ready"')
    assert desk.said[0].startswith("no_such_library could not be loaded ahead: ModuleNotFoundError")
