"""A real PostgreSQL on loopback, from a wheel: how its cluster is made, started and known to be ready."""

import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from libs.domain.errors import ConfigurationError
from libs.runtime.binaries import Binaries
from libs.runtime.processes import User, spawn

SUPERUSER = "hiddengem"
_CLUSTER = (
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-sync",
)
_ALWAYS = {
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "150",
    "io_method": "sync",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "min_wal_size": "64MB",
    "max_wal_size": "256MB",
    "jit": "off",
}
_DURABLE = {"shared_buffers": "128MB", "fsync": "on", "synchronous_commit": "on"}
_FAST = {
    "shared_buffers": "32MB",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}


@dataclass(frozen=True, slots=True)
class Postgres:
    """One cluster: `data` belongs to `user`, who is never root."""

    binaries: Binaries
    data: Path
    log: Path
    user: User | None
    password: str
    durable: bool

    name = "postgres"
    stop_signals = (signal.SIGINT, signal.SIGQUIT)
    death_signal = signal.SIGINT

    def prepare(self) -> None:
        """Make the cluster once; one that was interrupted half-way is made again."""
        if (self.data / "PG_VERSION").is_file() and not self._unfinished.exists():
            return
        self._unfinished.touch()
        _empty(self.data)
        secret = self.data.parent / f"{self.data.name}.pw"
        descriptor = os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(descriptor, f"{self.password}\n".encode())
            if self.user:
                os.fchown(descriptor, self.user.uid, self.user.gid)
            self._initdb(secret)
        finally:
            os.close(descriptor)
            secret.unlink()
        self._unfinished.unlink()

    def launch(self, port: int) -> "subprocess.Popen[bytes]":
        """Start the server on loopback TCP only (a socket path in a deep folder would be too long)."""
        settings = _ALWAYS | (_DURABLE if self.durable else _FAST)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        place = ["-D", self.data, "-h", "127.0.0.1", "-p", port, "-k", ""]
        command = [self.binaries.postgres, *place, *options]
        with self.log.open("ab") as output:
            return spawn(command, output=output, death_signal=self.death_signal, user=self.user)

    def is_ready(self, process: "subprocess.Popen[bytes]", port: int) -> bool:
        """What pg_ctl asks: the server writes its state into line 8 of its own pid file."""
        try:
            lines = (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except OSError:
            return False
        return (
            len(lines) >= 8 and lines[0] == str(process.pid) and lines[3] == str(port) and lines[7].strip() == "ready"
        )

    @property
    def _unfinished(self) -> Path:
        return self.data.parent / f"{self.data.name}.unfinished"

    def _initdb(self, secret: Path) -> None:
        where = [f"--pgdata={self.data}", f"--username={SUPERUSER}", f"--pwfile={secret}"]
        command = [self.binaries.initdb, *where, *_CLUSTER]
        with self.log.open("ab") as output:
            process = spawn(command, output=output, death_signal=signal.SIGKILL, user=self.user)
            status = process.wait(timeout=120)
        if status != 0:
            raise ConfigurationError(f"PostgreSQL could not make its cluster: {last_line(self.log)} (see {self.log})")


def last_line(log: Path) -> str:
    """The last thing a server said, for the one line that a person gets to see."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return "no log"
    telling = [line for line in lines[-20:] if any(word in line for word in ("FATAL", "PANIC", "error", "rror:"))]
    return (telling or lines or ["no output"])[-1].strip()


def _empty(folder: Path) -> None:
    for entry in sorted(folder.rglob("*"), reverse=True):
        if entry.is_dir() and not entry.is_symlink():
            entry.rmdir()
        else:
            entry.unlink()
