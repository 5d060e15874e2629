"""Fork services from one process that has loaded the shared libraries already: a start costs milliseconds and the
pages of the libraries are there once, not a dozen times.

The standard library's forkserver would load the starting command again in every child (and with it the command
line's libraries), keep a tracker process, and live on when its owner is killed; this one does none of it. It is
single-threaded, so forking is safe, and it must stay so: preload nothing that starts threads.

This module is the program that forks. The owner's end is `forkclient`; both speak JSON over one packet socket.
"""

import contextlib
import gc
import importlib
import json
import os
import random
import selectors
import signal
import socket
import sys
from dataclasses import dataclass
from typing import Any

from libs.runtime.processes import die_with_parent, name_process

PACKET_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Job:
    """One service to become after the fork."""

    name: str
    module: str
    environment: dict[str, str]
    extra_services: str | None
    output: int


def main() -> int:
    """Preload, then fork on demand; returns in the forked children too, as the service they became."""
    channel = _take_channel()
    os.chdir(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    name_process("hg-forkserver")
    failures = _preload(sys.argv[2:])
    gc.collect()
    gc.freeze()
    _tell(channel, {"not_preloaded": failures})
    job = _Server(channel).serve()
    return 0 if job is None else _become(job)


def _take_channel() -> socket.socket:
    """The owner's socket comes in as standard input, which then is empty for everybody."""
    channel = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return channel


def _preload(modules: list[str]) -> dict[str, str]:
    """A library that cannot be preloaded costs memory, not the desk: the services say what is wrong with it."""
    failures = {}
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as e:  # noqa: BLE001 - any failure of a foreign module is only reported
            failures[name] = f"{type(e).__name__}: {e}"
    return failures


class _Server:
    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._children: set[int] = set()
        self._wake_in, self._wake_out = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._wake_out, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> Job | None:
        """Until the owner hangs up (None), or, in a forked child, its job."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._channel, selectors.EVENT_READ)
            selector.register(self._wake_in, selectors.EVENT_READ)
            while True:
                ready = {key.fd for key, _ in selector.select()}
                if self._wake_in in ready:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self._wake_in, 4096)
                    self._reap()
                if self._channel.fileno() in ready:
                    packet, descriptors, *_ = socket.recv_fds(self._channel, PACKET_BYTES, 1)
                    if not packet:
                        return None
                    job = self._obey(json.loads(packet), descriptors)
                    if job is not None:
                        break
        self._leave()
        return job

    def _obey(self, order: dict[str, Any], descriptors: list[int]) -> Job | None:
        if "signal" in order:
            if order["pid"] in self._children:
                os.kill(order["pid"], order["signal"])
            return None
        job = Job(**order["job"], output=descriptors[0])
        owner = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.setsid()
            die_with_parent(owner, signal.SIGKILL)
            return job
        os.close(job.output)
        self._children.add(pid)
        _tell(self._channel, {"started": job.name, "pid": pid})
        return None

    def _reap(self) -> None:
        """What a service leaves running goes with it; its group is signalled before its number is free again."""
        while self._children:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                return
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(ended.si_pid, signal.SIGKILL)
            _, status = os.waitpid(ended.si_pid, 0)
            self._children.discard(ended.si_pid)
            _tell(self._channel, {"exited": ended.si_pid, "status": os.waitstatus_to_exitcode(status)})

    def _leave(self) -> None:
        """A child keeps nothing of the server."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.close(self._wake_in)
        os.close(self._wake_out)
        self._channel.close()


def _become(job: Job) -> int:
    name_process(f"hg-{job.name}")
    os.dup2(job.output, 1)
    os.dup2(job.output, 2)
    os.close(job.output)
    os.environ.clear()
    os.environ.update(job.environment)
    random.seed()
    sys.argv = [job.module]
    if job.extra_services:
        importlib.import_module("services").__path__.append(job.extra_services)
    return int(importlib.import_module(job.module).main() or 0)


def _tell(channel: socket.socket, fact: dict[str, object]) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionError):
        channel.send(json.dumps(fact).encode())


if __name__ == "__main__":
    sys.exit(main())
