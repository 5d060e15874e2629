"""The health check of a container: its exit code is all that Docker sees."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from libs.runtime.probe import is_ready

_ROOT = Path(__file__).resolve().parents[4]


@contextmanager
def _answering(answer: bytes) -> Iterator[int]:
    """A port that gives every caller the same bytes and hangs up."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(answer)

        worker = threading.Thread(target=serve)
        worker.start()
        yield server.getsockname()[1]
        worker.join()


def test_a_200_is_ready() -> None:
    with _answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") as port:
        assert is_ready(port)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 503 Service Unavailable\r\n\r\n", b"garbage\r\n", b"200\r\n", b""])
def test_anything_else_is_not(answer: bytes) -> None:
    with _answering(answer) as port:
        assert not is_ready(port)


def test_a_closed_port_is_not_ready() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    assert not is_ready(port)


@pytest.mark.parametrize(("status", "code"), [(b"200 OK", 0), (b"503 Not yet", 1)])
def test_the_exit_code_is_the_answer(status: bytes, code: int) -> None:
    with _answering(b"HTTP/1.1 " + status + b"\r\n\r\n") as port:
        command = [sys.executable, "-S", "-m", "libs.runtime.probe"]
        done = subprocess.run(command, cwd=_ROOT, env={"HIDDENGEM_METRICS_PORT": str(port)}, check=False)
    assert done.returncode == code
