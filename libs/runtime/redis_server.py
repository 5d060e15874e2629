"""A real Redis on loopback, from a wheel; its password goes in through a pipe, never on the command line."""

import os
import signal
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from libs.runtime.binaries import Binaries
from libs.runtime.processes import User, spawn


@dataclass(frozen=True, slots=True)
class Redis:
    """One server with an append-only file in `data`."""

    binaries: Binaries
    data: Path
    log: Path
    user: User | None
    password: str
    durable: bool

    name = "redis"
    stop_signals = (signal.SIGTERM,)
    death_signal = signal.SIGTERM

    def prepare(self) -> None:
        """Redis makes its files by itself."""

    def launch(self, port: int) -> "subprocess.Popen[bytes]":
        """Start the server with its settings on standard input."""
        reader, writer = os.pipe()
        try:
            os.write(writer, self._settings(port).encode())
        finally:
            os.close(writer)
        try:
            with self.log.open("ab") as output:
                command = [self.binaries.redis_server, "-"]
                return spawn(command, output=output, death_signal=self.death_signal, user=self.user, stdin=reader)
        finally:
            os.close(reader)

    def is_ready(self, process: "subprocess.Popen[bytes]", port: int) -> bool:
        """It answers PING; while it still loads its file it does not."""
        if process.poll() is not None:
            return False
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2 and (chunk := connection.recv(256)):
                    answer += chunk
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"

    def _settings(self, port: int) -> str:
        settings = {
            "port": str(port),
            "bind": "127.0.0.1",
            "dir": f'"{self.data}"',
            "requirepass": self.password,
            "appendonly": "yes" if self.durable else "no",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        return "".join(f"{name} {value}\n" for name, value in settings.items())
