"""A desk of its own for a benchmark: started as a user starts it, in a state directory that is thrown away."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.support.processes import Process, family

ROOT = Path(__file__).resolve().parents[2]
_CLI = (sys.executable, "-P", "-m", "libs.cli.main")
_LOOK_SECONDS = 0.02


class DeskFailed(Exception):
    """The desk did not do what the benchmark wants to measure; the text ends with what it printed last."""


class BenchDesk:
    """One state directory and one port; the desk in it can be started and stopped any number of times."""

    def __init__(self, state: Path, source: str) -> None:
        self.port = _free_port()
        self.source = source
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HIDDENGEM_")},
            "HIDDENGEM_STATE_DIR": str(state / "state"),
            "HIDDENGEM_PORT": str(self.port),
            "HIDDENGEM_SOURCE": source,
            "PYTHONPATH": str(ROOT),
        }
        self._output = state / "output.txt"
        self._process: subprocess.Popen[bytes] | None = None
        self._key: str | None = None

    @contextmanager
    def running(self, *arguments: str) -> Iterator[float]:
        """`hiddengem up …` for the length of the block; gives the moment at which it was started."""
        with self._output.open("wb") as output:
            started = time.monotonic()
            self._process = subprocess.Popen(
                [*_CLI, "up", *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=self.environment,
                start_new_session=True,
            )
        try:
            yield started
        finally:
            self._stop()

    def command(self, *arguments: str, timeout: float = 60.0) -> Any:
        """A command of the CLI beside the running desk, and its JSON."""
        command = [*_CLI, *arguments, "--json"]
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=timeout, check=False
        )
        if done.returncode != 0:
            raise DeskFailed(f"{' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return json.loads(done.stdout)

    def until_ready(self, *, seconds: float) -> None:
        """Wait until `/health/ready` answers 200."""
        self._until(lambda: self.get("/health/ready")[0] == 200, "ready", seconds)

    def until_cards(self, names: Collection[str], *, seconds: float) -> None:
        """Wait until the API shows every one of these services alive."""
        self._until(lambda: self._shows(names), "complete", seconds)

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON of a path of the API; status 0 while nobody listens."""
        return self._ask(urllib.request.Request(self._url(path)), seconds=10)

    def post(self, path: str, body: object, *, seconds: float = 60.0) -> Any:
        """The JSON that a path answers to a body; anything but a success raises."""
        request = urllib.request.Request(self._url(path), data=json.dumps(body).encode(), method="POST")
        request.add_header("Content-Type", "application/json")
        status, answer = self._ask(request, seconds=seconds)
        if not 200 <= status < 300:
            raise DeskFailed(f"POST {path} answered {status}; the desk said: {self.last_words()}")
        return answer

    def make_key(self) -> None:
        """An API key for `get`, kept over restarts of the desk."""
        self._key = self.command("apikey", "create", "bench", "--role", "admin")["key"]

    def processes(self) -> list[Process]:
        """Every process of the running desk, servers included."""
        if self._process is None:
            raise DeskFailed("the desk does not run")
        return family(self._process.pid)

    def last_words(self) -> str:
        """The end of what the desk printed."""
        return " | ".join(self._output.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-8:])

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def _ask(self, request: urllib.request.Request, *, seconds: float) -> tuple[int, Any]:
        if self._key:
            request.add_header("Authorization", f"Bearer {self._key}")
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as e:
            return e.code, None
        except OSError:
            return 0, None

    def _until(self, condition: Callable[[], bool], what: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                raise DeskFailed(f"not {what} within {seconds:g} s; the desk said: {self.last_words()}")
            time.sleep(_LOOK_SECONDS)

    def _shows(self, names: Collection[str]) -> bool:
        status, body = self.get("/api/v1/agents/status")
        return status == 200 and set(names) <= {agent["name"] for agent in body["agents"]}

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


@contextmanager
def bench_desk(source: str) -> Iterator[BenchDesk]:
    """A desk that is gone, with all it stored, when the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="hiddengem-bench-"))
    folder.chmod(0o711)
    try:
        yield BenchDesk(folder, source)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
