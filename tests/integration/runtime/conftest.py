"""A desk of fake services in a process of its own, and the folders it may use."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from libs.runtime.processes import start_ticks, wait_until

ROOT = Path(__file__).resolve().parents[3]


@dataclass(slots=True)
class Desk:
    """A running desk; `pids` are those of its processes by name."""

    process: subprocess.Popen[str]
    pids: dict[str, int] = field(default_factory=dict)
    database: str = ""

    def await_running(self) -> "Desk":
        """Wait until it says that everything runs."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        facts = json.loads(line)
        self.database = facts.pop("database")
        self.pids = facts
        return self

    def ended_without_a_trace(self) -> bool:
        """None of its processes lives any more."""
        return wait_until(lambda: not any(map(start_ticks, self.pids.values())), patience_seconds=5.0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="hiddengem-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def small_disk(open_folder: Path) -> Iterator[Path]:
    """A file system of 200 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    folder = open_folder / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def start_desk() -> Iterator[Callable[..., Desk]]:
    """Start a desk; whatever a test leaves of it is ended."""
    desks: list[Desk] = []

    def start(state: Path, services: Path, *, prefix: Sequence[str] = (), python: Sequence[str] = ()) -> Desk:
        interpreter = list(python) or [sys.executable]
        command = [*prefix, *interpreter, "-m", "tests.support.desk_process", str(state), str(services)]
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        desks.append(Desk(process))
        return desks[-1]

    yield start
    for desk in desks:
        if desk.process.poll() is None:
            desk.process.send_signal(signal.SIGKILL)
        desk.process.communicate()
        assert desk.ended_without_a_trace()
