"""What `hiddengem ps` shows: written by the supervisor, read and checked against the kernel by anybody else."""

import contextlib
import json
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from libs.domain.errors import HiddenGemError
from libs.runtime.processes import pss_bytes, start_ticks, wait_until
from libs.runtime.state import StateDirectory

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class DeskDoesNotStop(HiddenGemError):
    """The desk that runs in the state directory did not end in time."""

    code = "runtime.does_not_stop"


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """One process as the supervisor knows it."""

    name: str
    kind: str
    state: str
    pid: int | None = None
    restarts: int = 0
    last_words: str = ""


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """One process as it is now; memory is its share (PSS)."""

    name: str
    kind: str
    state: str
    pid: int | None
    restarts: int
    uptime_seconds: float | None
    pss_bytes: int | None
    last_words: str

    @classmethod
    def of(cls, row: dict[str, Any]) -> Self:
        """The row, checked: a pid that is gone or belongs to somebody else now counts as ended."""
        pid, born = row["pid"], row["start_ticks"]
        alive = pid is not None and born is not None and start_ticks(pid) == born
        return cls(
            name=row["name"],
            kind=row["kind"],
            state="ended" if row["state"] == "running" and not alive else row["state"],
            pid=pid if alive else None,
            restarts=row["restarts"],
            uptime_seconds=_seconds_since_boot() - born / _TICKS_PER_SECOND if alive else None,
            pss_bytes=pss_bytes(pid) if alive else None,
            last_words=row["last_words"],
        )


def write_table(state: StateDirectory, rows: Sequence[ProcessRow]) -> None:
    """Replace the table; a disk without room costs the table, not the desk."""
    table = [asdict(row) | {"start_ticks": start_ticks(row.pid) if row.pid else None} for row in rows]
    file = state.path / "ps.json"
    partial = file.with_suffix(".partial")
    with contextlib.suppress(OSError):
        partial.write_text(json.dumps(table), encoding="utf-8")
        partial.replace(file)


def read_table(state: StateDirectory) -> list[ProcessStatus]:
    """Every process of the desk that runs in the state directory; none when no desk runs."""
    try:
        rows = json.loads((state.path / "ps.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [ProcessStatus.of(row) for row in rows] if state.held() else []


def stop_running(state: StateDirectory, *, patience_seconds: float = 10.0) -> bool:
    """Ask the desk that runs here to stop and wait for it; False when none runs."""
    run = state.running()
    if run is None:
        return False
    pid = int(run.get("pid", 0))
    if not pid or start_ticks(pid) != run.get("start_ticks"):
        raise DeskDoesNotStop(f"{state.path} is in use, but its record names no living process")
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    if not wait_until(lambda: not state.held(), patience_seconds=patience_seconds, interval_seconds=0.05):
        raise DeskDoesNotStop(f"the desk with pid {pid} did not stop within {patience_seconds:.0f} s")
    return True


@contextlib.contextmanager
def signals_as_interrupt() -> Iterator[None]:
    """Let SIGTERM (`hiddengem down`) and SIGHUP (terminal closed) end the block as Ctrl-C does. Main thread only."""

    def interrupt(_signum: int, _frame: object) -> None:
        raise KeyboardInterrupt

    kept = {signum: signal.signal(signum, interrupt) for signum in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for signum, handler in kept.items():
            signal.signal(signum, handler)


def _seconds_since_boot() -> float:
    return float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
