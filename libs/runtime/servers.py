"""The desk's own PostgreSQL and Redis for `make run` and the tests: started, watched, revived, stopped.

Compose and production do not use this module: there the servers are containers or somebody else's.
"""

import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from libs.domain.errors import HiddenGemError
from libs.runtime.binaries import find_binaries
from libs.runtime.postgres import SUPERUSER, Postgres, last_line
from libs.runtime.processes import stop
from libs.runtime.redis_server import Redis
from libs.runtime.state import StateDirectory

_READY_SECONDS = 60.0
_PORT_TRIES = 5
_LOG_LIMIT_BYTES = 10_000_000
_FAILURES_TOLERATED = 3
_HEALTHY_SECONDS = 10.0


class ServerFailed(HiddenGemError):
    """PostgreSQL or Redis does not come up."""

    code = "runtime.server_failed"


@dataclass(frozen=True, slots=True)
class ServerUrls:
    """Where the servers answer; `database` is the superuser's URL, for migrations alone."""

    database: str
    redis: str

    def database_url(self, database: str, *, role: str = SUPERUSER, password: str | None = None) -> str:
        """The URL of one database for one role; without a password it is the superuser's."""
        credentials, _, place = self.database.removeprefix("postgresql://").rpartition("@")
        secret = password if password is not None else credentials.partition(":")[2]
        return f"postgresql://{role}:{secret}@{place.partition('/')[0]}/{database}"


class LocalServers:
    """One PostgreSQL and one Redis, children of the thread that calls `start`."""

    def __init__(self, *, durable: bool = True, redis_name: str = "main") -> None:
        self._durable = durable
        self._redis_name = redis_name
        self._servers: list[_Server] = []

    def start(self, state: StateDirectory) -> ServerUrls:
        """Bring both up side by side; both are gone again if one fails."""
        user = state.server_user
        binaries = find_binaries(state.path / "bin", user)
        log = state.path / "log"
        data = state.server_folder("postgres")
        redis_data = state.server_folder("redis", self._redis_name)
        password, redis_password = state.secret("postgres"), state.secret("redis")
        postgres = _Server(Postgres(binaries, data, log / "postgres.log", user, password, self._durable))
        redis = _Server(Redis(binaries, redis_data, log / "redis.log", user, redis_password, self._durable))
        self._servers = [redis, postgres]
        try:
            for server in self._servers:
                server.launch()
            for server in self._servers:
                server.wait_ready()
        except BaseException:
            self.stop()
            raise
        return ServerUrls(
            database=f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{postgres.port}/postgres",
            redis=f"redis://:{redis_password}@127.0.0.1:{redis.port}/0",
        )

    def poll(self) -> list[str]:
        """Start a server that died again, on its old port; says what happened, in sentences. Never blocks."""
        return [sentence for server in self._servers if (sentence := server.revive())]

    def stop(self, *, patience_seconds: float = 3.0) -> None:
        """End both; one that outlasts the patience is killed, which it survives without loss."""
        give_up = time.monotonic() + patience_seconds
        for server in self._servers:
            server.signal_stop()
        for server in self._servers:
            server.end(max(0.1, give_up - time.monotonic()))
        self._servers = []

    def processes(self) -> dict[str, int]:
        """The pid of each server by its name."""
        return {server.name: server.process.pid for server in self._servers if server.process}


class _Server:
    def __init__(self, program: Postgres | Redis) -> None:
        self._program = program
        self.name = program.name
        self.process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        self._failures = 0
        self._launched_at = 0.0

    def launch(self) -> None:
        _cut(self._program.log)
        self._program.prepare()
        self._spawn()

    def wait_ready(self) -> None:
        for _ in range(_PORT_TRIES):
            if self._ready_or_gone():
                return
            if "ddress already in use" not in _tail(self._program.log):
                break
            self.port = _free_port()
            self._spawn()
        raise ServerFailed(f"{self.name} does not start: {last_line(self._program.log)} (see {self._program.log})")

    def revive(self) -> str | None:
        if self.process is None or self.process.poll() is None:
            return None
        if time.monotonic() < self._launched_at + self._back_off():
            return None
        self._failures = 0 if time.monotonic() > self._launched_at + _HEALTHY_SECONDS else self._failures + 1
        if self._failures > _FAILURES_TOLERATED:
            raise ServerFailed(f"{self.name} keeps dying: {last_line(self._program.log)} (see {self._program.log})")
        status = self.process.returncode
        self._spawn()
        return f"{self.name} ended with status {status} and was started again"

    def signal_stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(self._program.stop_signals[0])

    def end(self, patience_seconds: float) -> None:
        if self.process:
            stop(self.process, self._program.stop_signals, patience_seconds=patience_seconds)

    def _spawn(self) -> None:
        self._launched_at = time.monotonic()
        self.process = self._program.launch(self.port)

    def _ready_or_gone(self) -> bool:
        """True when it answers, False when it ended; a server that does neither has failed."""
        process, deadline = self.process, time.monotonic() + _READY_SECONDS
        while process and process.poll() is None and time.monotonic() < deadline:
            if self._program.is_ready(process, self.port):
                return True
            time.sleep(0.01)
        return False

    def _back_off(self) -> float:
        return 0.0 if self._failures == 0 else min(5.0, 0.2 * 2.0**self._failures)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tail(log: Path) -> str:
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - 2_000))
        return stream.read().decode(errors="replace")


def _cut(log: Path) -> None:
    """Keep the log of the last runs only, within reason."""
    if log.is_file() and log.stat().st_size > _LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))
