"""Keep every service of `make run` alive: start, log, restart with back-off, stop; nothing outlives this process.

One thread does all of it. Servers and fork server hang on the thread that started them, services on the fork
server, so a supervisor killed with -9 takes the whole desk with it.
"""

import contextlib
import os
import selectors
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from libs.domain.clock import Clock, SystemClock
from libs.runtime.forkclient import Exited, ForkServer, ForkServerGone, ServiceSpec, Started
from libs.runtime.logs import LogStream, Output
from libs.runtime.proctable import ProcessRow, write_table
from libs.runtime.servers import LocalServers
from libs.runtime.state import StateDirectory

_HEALTHY_SECONDS = 10.0
_FIRST_BACK_OFF_SECONDS = 0.2
_LONGEST_BACK_OFF_SECONDS = 10.0
_TICK_SECONDS = 0.1
_KILL_SECONDS = 0.5
_SCARCE_BYTES = 50_000_000
_SAID_AGAIN_SECONDS = 30.0
_FORK_SERVER_TRIES = 5
_STATUS_OF_BAD_SETTINGS = 78


@dataclass(slots=True)
class _Service:
    spec: ServiceSpec
    state: str = "waiting"
    pid: int | None = None
    starts: int = 0
    failures: int = 0
    started_at: float = 0.0
    due_at: float = 0.0
    output: Output | None = None
    last_words: str = ""


class Supervisor:
    """Runs the services until `stop`; `say` gets what a person at the terminal should know."""

    def __init__(
        self,
        state: StateDirectory,
        services: Sequence[ServiceSpec],
        *,
        preload: Sequence[str] = (),
        servers: LocalServers | None = None,
        say: Callable[[str], None] = print,
        clock: Clock | None = None,
    ) -> None:
        self._state = state
        self._preload = preload
        self._servers = servers
        self._say = say
        self._clock = clock or SystemClock()
        self._services = {spec.name: _Service(spec) for spec in services}
        self._fork_server: ForkServer | None = None
        self._fork_server_failures = 0
        self._patience = 3.0
        self._said: dict[str, float] = {}
        self._stopping = threading.Event()
        self._launched = threading.Event()
        self._ended = threading.Event()
        self._failure: Exception | None = None
        self._selector = selectors.DefaultSelector()
        self._log = LogStream(state.log_file, clock=self._clock, complain=say)
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Load the shared libraries and order every service; they become ready by themselves."""
        self._thread.start()
        self._launched.wait()
        self._raise_failure()

    def wait(self, seconds: float | None = None) -> bool:
        """Until somebody calls `stop` (True) or the time is over (False); raises when the desk cannot go on."""
        ended = self._ended.wait(seconds)
        self._raise_failure()
        return ended

    def stop(self, *, patience_seconds: float = 3.0) -> None:
        """SIGTERM for every service, SIGKILL for what outlasts the patience, then the servers."""
        self._patience = patience_seconds
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _raise_failure(self) -> None:
        if self._failure:
            raise self._failure

    # The thread.

    def _run(self) -> None:
        try:
            self._launch_fork_server()
            while not self._stopping.is_set():
                try:
                    self._start_due()
                    self._launched.set()
                    self._take_in(self._tick())
                except ForkServerGone:
                    self._revive_fork_server()
                self._watch_servers()
                self._watch_disk()
        except Exception as e:  # noqa: BLE001 - whatever it is, the desk must be taken down and `wait` tells
            self._failure = e
        finally:
            self._end()
            self._launched.set()
            self._ended.set()

    def _end(self) -> None:
        self._stopping.set()
        with contextlib.suppress(ForkServerGone):
            self._end_services()
        if self._fork_server:
            self._fork_server.close()
        if self._servers:
            self._servers.stop(patience_seconds=1.5)
        self._services = {}
        self._publish()
        self._selector.close()
        self._log.close()

    def _launch_fork_server(self) -> None:
        reader, writer = os.pipe()
        try:
            self._fork_server = ForkServer(self._preload, output=writer)
        finally:
            os.close(writer)
            self._listen("forkserver", reader)
        for name, reason in self._fork_server.not_preloaded.items():
            self._say(f"{name} could not be loaded ahead: {reason}")
        self._selector.register(self._fork_server, selectors.EVENT_READ, None)

    def _start_due(self) -> None:
        now = self._clock.monotonic()
        for service in self._services.values():
            if service.state == "waiting" and service.due_at <= now and self._fork_server:
                reader, writer = os.pipe()
                try:
                    self._fork_server.start(service.spec, output=writer)
                finally:
                    os.close(writer)
                    service.output = self._listen(service.spec.name, reader)
                service.state = "starting"
                self._publish()

    def _take_in(self, seconds: float) -> None:
        """What was printed and who started or ended, as soon as there is something, for at most so long."""
        for key, _ in self._selector.select(seconds):
            if isinstance(key.data, Output):
                self._read(key.data)
            else:
                self._hear()

    def _watch_servers(self) -> None:
        for sentence in self._servers.poll() if self._servers else ():
            self._say(sentence)
            self._publish()

    def _tick(self) -> float:
        waiting = [service.due_at for service in self._services.values() if service.state == "waiting"]
        return max(0.0, min([_TICK_SECONDS, *(due - self._clock.monotonic() for due in waiting)]))

    def _watch_disk(self) -> None:
        free = self._state.free_bytes()
        if free < _SCARCE_BYTES:
            place = self._state.path
            self._say_once(f"the disk of {place} is full to less than {_SCARCE_BYTES // 1_000_000} MB: make room")

    def _hear(self) -> None:
        if self._fork_server is None:
            return
        match self._fork_server.receive():
            case Started(name, pid):
                service = self._services[name]
                service.state, service.pid = "running", pid
                service.starts += 1
                service.started_at = self._clock.monotonic()
            case Exited(pid, status):
                ended = next(service for service in self._services.values() if service.pid == pid)
                self._schedule(ended, status)
        self._publish()

    def _schedule(self, service: _Service, status: int) -> None:
        """The first restart is immediate; one that keeps failing waits twice as long each time."""
        if service.output:
            self._read(service.output)
        now = self._clock.monotonic()
        healthy = now - service.started_at >= _HEALTHY_SECONDS
        service.failures = 1 if healthy else service.failures + 1
        delay = 0.0
        if status == _STATUS_OF_BAD_SETTINGS:
            delay = _LONGEST_BACK_OFF_SECONDS
        elif service.failures > 1:
            delay = min(_LONGEST_BACK_OFF_SECONDS, _FIRST_BACK_OFF_SECONDS * 2.0 ** (service.failures - 2))
        service.pid, service.state, service.due_at = None, "waiting", now + delay
        if not self._stopping.is_set():
            how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
            words = f": {service.last_words}" if service.last_words and status != 0 else ""
            self._say(f"{service.spec.name} {how} and starts again in {delay:.1f} s{words}")

    def _revive_fork_server(self) -> None:
        """Every service died with it; all start again from a new one."""
        self._fork_server_failures += 1
        if self._fork_server is None or self._fork_server_failures > _FORK_SERVER_TRIES:
            raise ForkServerGone(f"the fork server keeps dying: see {self._state.log_file}")
        self._selector.unregister(self._fork_server)
        self._fork_server.close()
        self._say("the fork server died; every service starts again")
        for service in self._services.values():
            if service.pid:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(service.pid, signal.SIGKILL)
            service.pid, service.state, service.due_at = None, "waiting", 0.0
        self._launch_fork_server()

    def _end_services(self) -> None:
        self._signal_until_ended(signal.SIGTERM, self._patience)
        self._signal_until_ended(signal.SIGKILL, _KILL_SECONDS)

    def _signal_until_ended(self, signum: signal.Signals, patience_seconds: float) -> None:
        """Whoever is started only now is told as soon as it is known."""
        deadline = self._clock.monotonic() + patience_seconds
        told: set[int] = set()
        while self._fork_server and self._clock.monotonic() < deadline:
            alive = [one for one in self._services.values() if one.state in ("starting", "running")]
            if not alive:
                return
            for pid in {one.pid for one in alive if one.pid} - told:
                self._fork_server.signal(pid, signum)
                told.add(pid)
            self._take_in(_TICK_SECONDS)

    def _listen(self, name: str, reader: int) -> Output:
        output = Output(name, reader)
        self._selector.register(reader, selectors.EVENT_READ, output)
        return output

    def _read(self, output: Output) -> None:
        """Take what a process printed into the log; its errors go to the terminal, too."""
        if output.ended():
            return
        lines = output.lines()
        if output.ended():
            self._selector.unregister(output.descriptor)
        for raw in lines:
            line = self._log.write(output.name, raw)
            service = self._services.get(output.name)
            if service and line.text:
                service.last_words = line.text
            if line.alarming:
                self._say_once(f"{output.name}: {line.text}")

    def _say_once(self, sentence: str) -> None:
        """The log has every line; the terminal does not repeat one that it has just shown."""
        now = self._clock.monotonic()
        if now - self._said.get(sentence, -_SAID_AGAIN_SECONDS) >= _SAID_AGAIN_SECONDS:
            if len(self._said) > 1_000:
                self._said.clear()
            self._said[sentence] = now
            self._say(sentence)

    def _publish(self) -> None:
        rows = [
            ProcessRow(
                name=one.spec.name,
                kind="service",
                pid=one.pid,
                state=one.state,
                restarts=max(0, one.starts - 1),
                last_words=one.last_words if one.state == "waiting" else "",
            )
            for one in self._services.values()
        ]
        if self._services:
            rows.append(ProcessRow(name="desk", kind="supervisor", pid=os.getpid(), state="running"))
            rows += [
                ProcessRow(name=name, kind="server", pid=pid, state="running")
                for name, pid in (self._servers.processes() if self._servers else {}).items()
            ]
            if self._fork_server:
                rows.append(
                    ProcessRow(name="forkserver", kind="supervisor", pid=self._fork_server.pid, state="running")
                )
        write_table(self._state, rows)
