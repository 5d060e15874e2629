"""Start and stop programs so that none outlives its owner.

Every child gets a session of its own (Ctrl-C in the terminal reaches the owner alone) and a parent-death
signal (it goes even when the owner is killed with -9). The death signal belongs to the *thread* that started
the child: start children from a thread that lives as long as they should.
"""

import ctypes
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class User:
    """Whom a server runs as."""

    name: str
    uid: int
    gid: int


def unprivileged_user() -> User | None:
    """`nobody` when this process is root (PostgreSQL refuses root), else None: servers run as we do."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid)


def die_with_parent(parent: int, signum: signal.Signals) -> None:
    """Ask the kernel to signal this process when the thread that started it ends; go if it already has."""
    _libc.prctl(PR_SET_PDEATHSIG, int(signum), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def name_process(name: str) -> None:
    """The name that `ps -o comm` and `top` show: 15 bytes at most."""
    _libc.prctl(PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def spawn(
    command: Sequence[object],
    *,
    output: IO[bytes] | int,
    death_signal: signal.Signals,
    user: User | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, as `user`, with both outputs in `output`."""
    parent = os.getpid()
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd="/",
        env=dict(environment or {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}),
        start_new_session=True,
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=[] if user else None,
        preexec_fn=lambda: die_with_parent(parent, death_signal),  # noqa: PLW1509 - one libc call, no lock taken
    )


def stop(process: subprocess.Popen[bytes], signals: Sequence[signal.Signals], *, patience_seconds: float) -> int | None:
    """Send the signals one after the other, each with its share of the patience; SIGKILL ends it for sure."""
    for signum in (*signals, signal.SIGKILL):
        if process.poll() is not None:
            break
        process.send_signal(signum)
        try:
            process.wait(patience_seconds / max(1, len(signals)))
        except subprocess.TimeoutExpired:
            continue
    return process.poll()


def wait_until(condition: Callable[[], bool], *, patience_seconds: float, interval_seconds: float = 0.01) -> bool:
    """Look until the condition holds or the patience is over; says which."""
    deadline = time.monotonic() + patience_seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(interval_seconds)
    return True


def start_ticks(pid: int) -> int | None:
    """When the process started, in kernel ticks since boot; with the pid it names a process for good."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


def pss_bytes(pid: int) -> int | None:
    """Memory of a process with shared pages divided among their users; None where the kernel does not say."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), None)
