"""The owner's end of the fork server: order a service to be forked, signal it, hear when it ended."""

import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import libs
from libs.domain.errors import HiddenGemError
from libs.runtime.forkserver import PACKET_BYTES
from libs.runtime.processes import spawn, stop

PROJECT_ROOT = Path(next(iter(libs.__path__))).resolve().parent
_FIRST_WORD_SECONDS = 60.0


class ForkServerGone(HiddenGemError):
    """The process that forks services has ended."""

    code = "runtime.forkserver_gone"
    retryable = True


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A service to run: `module` has a `main() -> int` and finds its settings in `environment`."""

    name: str
    module: str
    environment: Mapping[str, str]
    extra_services: str | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """A service runs."""

    name: str
    pid: int


@dataclass(frozen=True, slots=True)
class Exited:
    """A service ended: with an exit status, or by the signal whose negative number it is."""

    pid: int
    status: int


class ForkServer:
    """A running fork server; it dies with the thread that made this object."""

    def __init__(self, preload: Sequence[str], *, output: int) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = spawn(
                [sys.executable, "-P", "-m", "libs.runtime.forkserver", Path.cwd(), *preload],
                output=output,
                death_signal=signal.SIGKILL,
                environment={**os.environ, "PYTHONPATH": str(PROJECT_ROOT), "OPENBLAS_NUM_THREADS": "1"},
                stdin=theirs.fileno(),
            )
        self._channel.settimeout(_FIRST_WORD_SECONDS)
        first = self._read()
        self._channel.settimeout(None)
        self.pid = self._process.pid
        self.not_preloaded: dict[str, str] = first["not_preloaded"]

    def fileno(self) -> int:
        """For selectors: readable when `receive` has something to say."""
        return self._channel.fileno()

    def start(self, service: ServiceSpec, *, output: int) -> None:
        """Order a service; `Started` follows."""
        job = {**asdict(service), "environment": dict(service.environment)}
        with self._translated():
            socket.send_fds(self._channel, [json.dumps({"job": job}).encode()], [output])

    def signal(self, pid: int, signum: signal.Signals) -> None:
        """Signal a service that has not ended yet; the fork server knows, so no stranger is ever hit."""
        with self._translated():
            self._channel.send(json.dumps({"pid": pid, "signal": int(signum)}).encode())

    def receive(self) -> Started | Exited:
        """The next thing that happened."""
        fact = self._read()
        if "started" in fact:
            return Started(fact["started"], fact["pid"])
        return Exited(fact["exited"], fact["status"])

    def close(self) -> None:
        """End it; services that still run are killed with it."""
        self._channel.close()
        stop(self._process, (), patience_seconds=1.0)

    def _read(self) -> dict[str, Any]:
        with self._translated():
            packet = self._channel.recv(PACKET_BYTES)
        if not packet:
            raise ForkServerGone
        fact: dict[str, Any] = json.loads(packet)
        return fact

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as e:
            raise ForkServerGone from e
