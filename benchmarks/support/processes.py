"""What the kernel says about the processes of a desk: memory, processor time, and which libraries they have mapped."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """One living process; `name` is what `ps -o comm` shows. Its processor time includes children that ended."""

    pid: int
    parent: int
    name: str
    program: str
    cpu_seconds: float

    @property
    def is_python(self) -> bool:
        return self.program.startswith("python")


def family(root: int) -> list[Process]:
    """A process and all its descendants."""
    everybody = [found for entry in Path("/proc").iterdir() if entry.name.isdigit() and (found := _read(entry))]
    known = {root}
    while True:
        more = {process.pid for process in everybody if process.parent in known} - known
        if not more:
            return [process for process in everybody if process.pid in known]
        known |= more


def pss_bytes(pid: int) -> int:
    """Memory of a process with shared pages divided among their users; 0 when it has gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def mapped_packages(pid: int) -> set[str]:
    """The top-level packages of site-packages of which a process has mapped a compiled part."""
    try:
        lines = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    inside = (line.partition("/site-packages/")[2] for line in lines if ".so" in line)
    return {path.split("/")[0] for path in inside if "/" in path}


def _read(entry: Path) -> Process | None:
    try:
        stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
        program = (entry / "exe").readlink().name
    except OSError:
        return None
    name, _, rest = stat.partition(" (")[2].rpartition(")")
    fields = rest.split()
    cpu_seconds = sum(map(int, fields[11:15])) / _TICK
    return Process(int(entry.name), int(fields[1]), name, program, cpu_seconds)
