"""The state directory of a desk on this machine: who may use it, what it needs, and who runs in it now.

Everything that can be wrong with the place (owner, parents, room, a desk already running) is found here,
before any process is started, and is told in one line that says what to do.
"""

import fcntl
import json
import os
import pwd
import secrets
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from libs.domain.errors import ConfigurationError
from libs.runtime.binaries import unreachable_parent
from libs.runtime.processes import User, start_ticks, unprivileged_user

NEW_CLUSTER_BYTES = 600_000_000
"""Room for a new PostgreSQL cluster, its write-ahead log and the first import."""
RESTART_BYTES = 100_000_000
_ROOT_DEFAULT = Path("/var/lib/hiddengem")


class AlreadyRunning(ConfigurationError):
    """Another desk runs in this state directory."""

    code = "runtime.already_running"


def state_path(environment: Mapping[str, str]) -> Path:
    """HIDDENGEM_STATE_DIR, else the user's data directory; as root /var/lib/hiddengem."""
    if chosen := environment.get("HIDDENGEM_STATE_DIR"):
        return Path(chosen).expanduser().absolute()
    if os.geteuid() == 0:
        return _ROOT_DEFAULT
    if data_home := environment.get("XDG_DATA_HOME"):
        return Path(data_home) / "hiddengem"
    return Path(environment.get("HOME") or _home_of_user()) / ".local" / "share" / "hiddengem"


def check_port_free(host: str, port: int) -> None:
    """Refuse a port that somebody listens on already, and one that this user may not open."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as e:
            raise ConfigurationError(
                f"cannot listen on {host}:{port} ({e.strerror}): stop what uses it or choose another PORT"
            ) from e


class StateDirectory:
    """The folder that keeps database, logs and secrets between runs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.server_user: User | None = None

    @property
    def log_file(self) -> Path:
        """The one log stream of all services."""
        return self.path / "log" / "desk.log"

    def prepare(self, *, new_cluster_bytes: int = NEW_CLUSTER_BYTES, restart_bytes: int = RESTART_BYTES) -> None:
        """Create the folder and refuse, in one line, a place in which the servers could not live."""
        _home_of_user()
        self.server_user = unprivileged_user()
        try:
            (self.path / "log").mkdir(parents=True, exist_ok=True)
            # PostgreSQL as nobody must get through; only the server's own folders open to it.
            self.path.chmod(0o711 if self.server_user else 0o700)
            (self.path / "log").chmod(0o700)
        except OSError as e:
            raise ConfigurationError(
                f"cannot use the state directory {self.path} ({e.strerror}): "
                "set HIDDENGEM_STATE_DIR to a folder that you may write"
            ) from e
        self._check_reachable()
        self._check_room(new_cluster_bytes, restart_bytes)

    def server_folder(self, *names: str) -> Path:
        """A folder of the user that the servers run as, closed to everybody else."""
        folder = self.path
        for name in names:
            folder = folder / name
            folder.mkdir(exist_ok=True)
            folder.chmod(0o700)
            if self.server_user:
                os.chown(folder, self.server_user.uid, self.server_user.gid)
        return folder

    def free_bytes(self) -> int:
        """Room left on the disk."""
        return shutil.disk_usage(self.path).free

    def secret(self, name: str) -> str:
        """A random secret that stays the same as long as the state directory lives."""
        file = self.path / "secrets.json"
        known = _read_json(file)
        if name not in known:
            known[name] = secrets.token_hex(24)
            _write_private(file, known)
        return str(known[name])

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Be the only desk here for the length of the block; the record of the run goes with it."""
        descriptor = os.open(self.path / "run.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not _try_lock(descriptor):
                raise AlreadyRunning(self._who_runs())
            self.record(pid=os.getpid(), start_ticks=start_ticks(os.getpid()))
            yield
        finally:
            if _try_lock(descriptor):
                (self.path / "run.json").unlink(missing_ok=True)
            os.close(descriptor)

    def held(self) -> bool:
        """Whether a desk runs here now."""
        try:
            descriptor = os.open(self.path / "run.lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            return not _try_lock(descriptor)
        finally:
            os.close(descriptor)

    def record(self, **facts: object) -> None:
        """Add facts (url, ports, pid) to what other processes may read about this run."""
        _write_private(self.path / "run.json", {**_read_json(self.path / "run.json"), **facts})

    def running(self) -> dict[str, Any] | None:
        """The record of the desk that runs here now, or None."""
        return _read_json(self.path / "run.json") if self.held() else None

    def _who_runs(self) -> str:
        run = _read_json(self.path / "run.json")
        return (
            f"a desk already runs in {self.path}: pid {run.get('pid', 'unknown')}, "
            f"{run.get('url', 'not serving yet')}; "
            "stop it with `hiddengem down` or choose another HIDDENGEM_STATE_DIR"
        )

    def _check_reachable(self) -> None:
        if self.server_user is None:
            return
        closed = unreachable_parent(self.path)
        if closed is not None:
            raise ConfigurationError(
                f"PostgreSQL runs as {self.server_user.name} and cannot enter {closed}: "
                f"set HIDDENGEM_STATE_DIR to a folder such as {_ROOT_DEFAULT}, or `chmod o+x {closed}`"
            )

    def _check_room(self, new_cluster_bytes: int, restart_bytes: int) -> None:
        fresh = not (self.path / "postgres" / "PG_VERSION").is_file()
        needed = new_cluster_bytes if fresh else restart_bytes
        free = self.free_bytes()
        if free < needed:
            raise ConfigurationError(
                f"{self.path} has {free // 1_000_000} MB free and the desk needs {needed // 1_000_000} MB: "
                "make room or set HIDDENGEM_STATE_DIR to a folder on a larger disk"
            )


def _home_of_user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError as e:
        raise ConfigurationError(
            f"user id {os.geteuid()} has no entry in /etc/passwd and PostgreSQL will not start for it: "
            "run as a user that has one"
        ) from e


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as e:
        raise ConfigurationError(f"{file} is not readable as JSON: move it away and start again") from e
    return content if isinstance(content, dict) else {}


def _write_private(file: Path, content: Mapping[str, object]) -> None:
    """Replace the file at once, so that readers never see half of it; nobody else may read it."""
    partial = file.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(file)
