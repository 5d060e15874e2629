"""A whole desk, started as a person would, in a state directory of its own."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_KEY = re.compile(r"hgk_[0-9a-f]{12}_[A-Za-z0-9_-]{43}")
_READY_SECONDS = 180.0


@dataclass
class LiveDesk:
    """A running `hiddengem up` and what it printed."""

    process: subprocess.Popen[bytes]
    state: Path
    url: str
    output: Path

    @property
    def text(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    @property
    def key(self) -> str:
        found = _KEY.search(self.text)
        assert found, self.text
        return found[0]

    def environment(self) -> dict[str, str]:
        """For further commands on the same desk."""
        return desk_environment(self.state)

    def wait_until_serving(self) -> None:
        self.wait_until_it_says("until Ctrl-C")

    def wait_until_it_says(self, words: str) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while words not in self.text:
            assert self.process.poll() is None, self.text
            assert time.monotonic() < deadline, self.text
            time.sleep(0.05)

    def interrupt(self) -> tuple[int, float]:
        """Ctrl-C; the exit code and how long it took."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30), time.monotonic() - started


@contextlib.contextmanager
def live_desk(*options: str) -> Iterator[LiveDesk]:
    """`hiddengem up` with these options; whatever is left of it is ended with the block."""
    folder = Path(tempfile.mkdtemp(prefix="hiddengem-desk-"))
    folder.chmod(0o755)
    port = _free_port()
    output = folder / "output.txt"
    with output.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "libs.cli.main", "up", "--port", str(port), *options],
            cwd=ROOT,
            env=desk_environment(folder / "state"),
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield LiveDesk(process, folder / "state", f"http://127.0.0.1:{port}", output)
    finally:
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
        shutil.rmtree(folder, ignore_errors=True)


def desk_environment(state: Path) -> dict[str, str]:
    """The environment without anybody's own settings of a desk."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HIDDENGEM_")}
    return {**kept, "HIDDENGEM_STATE_DIR": str(state)}


def processes_with(state: Path) -> list[str]:
    """Command lines and names of processes that were started for this state directory."""
    found = []
    wanted = f"HIDDENGEM_STATE_DIR={state}".encode()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    found.append((folder / "comm").read_text().strip())
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
