"""The whole desk as its user meets it: the command `hiddengem` in a process of its own, over a made market.

Every desk has a state directory and ports of its own, nothing of the caller's HIDDENGEM settings, and is gone with
all its processes when the block ends.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from libs.cli.connection import DeskConnection
from libs.runtime.forkclient import PROJECT_ROOT
from libs.runtime.processes import wait_until
from libs.runtime.proctable import ProcessStatus, read_table
from libs.runtime.state import StateDirectory
from libs.storage.engine import make_engine, transaction
from libs.storage.invariants import violations

PATIENCE_SECONDS = 60.0


@dataclass
class Desk:
    """One state directory, and whatever runs in it."""

    state: StateDirectory
    settings: dict[str, str] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[str] | None = None

    @property
    def path(self) -> Path:
        """The state directory."""
        return self.state.path

    @property
    def said(self) -> str:
        """What `up` has printed so far."""
        log = self.path.parent / f"{self.path.name}.up"
        return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""

    def environment(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The caller's environment without its own desk, with this one's."""
        foreign = ("HIDDENGEM_", "TUSHARE_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return {**kept, "HIDDENGEM_STATE_DIR": str(self.path), **self.settings, **(more or {})}

    def cli(
        self, *arguments: str, timeout: float = PATIENCE_SECONDS, **more: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run one verb to its end."""
        command = [sys.executable, "-m", "libs.cli.main", *arguments]
        environment = self.environment(more)
        return subprocess.run(
            command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, timeout=timeout, check=False
        )

    def json(self, *arguments: str, timeout: float = PATIENCE_SECONDS) -> Any:
        """What a verb says to a program."""
        done = self.cli(*arguments, "--json", timeout=timeout)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def up(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start `up` and come back at once."""
        self.port = free_port()
        command = [sys.executable, "-m", "libs.cli.main", "up", "--port", str(self.port), *arguments]
        log = self.path.parent / f"{self.path.name}.up"
        with log.open("w", encoding="utf-8") as output:
            self.process = subprocess.Popen(
                command, cwd=PROJECT_ROOT, env=self.environment(), stdout=output, stderr=subprocess.STDOUT, text=True
            )
        return self.process

    def serve(self, *arguments: str) -> None:
        """Start `up` and wait until it serves, its main job done."""
        self.up(*arguments)
        self.until(lambda: "Serving http" in self.said, "the desk serves")

    def until(self, condition: Callable[[], bool], what: str, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Wait for something while `up` runs; fails with what it said."""

        def over() -> bool:
            return condition() or (self.process is not None and self.process.poll() is not None)

        wait_until(over, patience_seconds=patience_seconds, interval_seconds=0.03)
        assert condition(), f"{what}: not within {patience_seconds:.0f} s; up said:\n{self.said}"

    def interrupt(self, signum: signal.Signals = signal.SIGINT, patience_seconds: float = 20.0) -> tuple[int, float]:
        """Stop `up` by a signal; its exit code, and how long everything took to be gone."""
        assert self.process is not None
        started = time.monotonic()
        self.process.send_signal(signum)
        code = self.process.wait(timeout=patience_seconds)
        assert wait_until(lambda: not self.processes(), patience_seconds=patience_seconds), self.processes()
        return code, time.monotonic() - started

    def processes(self) -> dict[int, str]:
        """Every process that belongs to this state directory, whoever its parent is, by the kernel's word."""
        mine: dict[int, str] = {}
        needle = str(self.path).encode()
        for entry in Path("/proc").glob("[0-9]*"):
            if int(entry.name) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes()
                place = os.fsencode((entry / "cwd").readlink())
                if words and needle in b"\0".join((words, place, (entry / "environ").read_bytes())):
                    mine[int(entry.name)] = words.replace(b"\0", b" ").decode(errors="replace")[:120]
        return mine

    def ps(self) -> dict[str, ProcessStatus]:
        """The processes by name, as `hiddengem ps` shows them."""
        return {row.name: row for row in read_table(self.state)}

    def pid(self, name: str) -> int:
        """The process of a service or server now."""
        self.until(lambda: name in self.ps() and self.ps()[name].pid is not None, f"{name} runs")
        pid = self.ps()[name].pid
        assert pid is not None
        return pid

    def kill(self, name: str, signum: signal.Signals = signal.SIGKILL) -> int:
        """Signal one process; its pid."""
        pid = self.pid(name)
        os.kill(pid, signum)
        return pid

    def cards(self) -> list[str]:
        """Who is alive on the bus, by name."""
        run = self.state.running() or {}
        return [card.name for card in DeskConnection(str(run["database_url"]), str(run["redis_url"])).cards()]

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database as its owner."""
        run = self.state.running() or {}
        with psycopg.connect(str(run["database_url"]), autocommit=True) as connection:
            return connection.execute(sql.encode(), values).fetchall()

    def one(self, sql: str, *values: object) -> Any:
        """The only value of the only row."""
        [(value,)] = self.rows(sql, *values)
        return value

    def until_sql(self, sql: str, *values: object, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until the query's only value is true; a database that is away is asked again."""

        def holds() -> bool:
            try:
                return bool(self.one(sql, *values))
            except (psycopg.Error, KeyError, ValueError):
                return False

        self.until(holds, sql, patience_seconds)

    def broken(self) -> list[str]:
        """The promises that do not hold, once the desk has had a moment to come to rest."""
        engine = make_engine(str((self.state.running() or {})["database_url"]), pool_size=1)
        try:
            found: list[str] = []

            def kept() -> bool:
                with transaction(engine, read_only=True) as tx:
                    found[:] = [f"{v.id} {v.description}: {v.rows[0]}" for v in violations(tx)]
                return not found

            wait_until(kept, patience_seconds=15.0, interval_seconds=0.2)
            return found
        finally:
            engine.dispose()


@contextlib.contextmanager
def new_desk(**settings: str) -> Iterator[Desk]:
    """A desk that has never run; nothing is left of it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="hiddengem-desk-"))
    folder.chmod(0o755)
    desk = Desk(StateDirectory(folder / "state"), settings)
    try:
        yield desk
    finally:
        _end(desk)
        shutil.rmtree(folder)


def _end(desk: Desk) -> None:
    if desk.process is not None and desk.process.poll() is None:
        desk.process.send_signal(signal.SIGTERM)
        try:
            desk.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            desk.process.kill()
    for pid in desk.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not desk.processes(), patience_seconds=10)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def one_line(done: "subprocess.CompletedProcess[str]", *parts: str) -> str:
    """What a refused command said: one line about the failure, no traceback, a bad exit code; the line."""
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert "Traceback" not in said, said
    lines = [line for line in said.splitlines() if line.startswith("hiddengem: ")]
    assert len(lines) == 1, said
    for part in parts:
        assert part in lines[0], lines[0]
    return lines[0]


def window(sessions: Sequence[Any]) -> list[str]:
    """The options that name a span of sessions."""
    return ["--from", sessions[0].isoformat(), "--to", sessions[-1].isoformat()]
