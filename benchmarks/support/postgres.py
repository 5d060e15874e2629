"""A PostgreSQL server of its own for a benchmark, from the wheel, with the durability a desk has."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.support.processes import family
from libs.runtime.servers import LocalServers
from libs.runtime.state import StateDirectory
from libs.storage.migrate import upgrade


@dataclass(frozen=True, slots=True)
class BenchPostgres:
    """Where a migrated database is, and the server's first process."""

    url: str
    pid: int

    def cpu_ms(self) -> float:
        """Processor time of all its processes so far, in the kernel's finest count."""
        return sum(scheduled_ms(process.pid) for process in family(self.pid))


def scheduled_ms(pid: int) -> float:
    """Processor time of a process and its threads so far; 0 when it has gone."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6
    except OSError:
        return 0.0


@contextlib.contextmanager
def postgres_server() -> Iterator[BenchPostgres]:
    """Start one in a folder that is thrown away; its database has the newest schema."""
    folder = Path(tempfile.mkdtemp(prefix="hiddengem-bench-"))
    servers = LocalServers(durable=True)
    try:
        state = StateDirectory(folder)
        state.prepare(new_cluster_bytes=1_000_000_000)
        urls = servers.start(state)
        upgrade(urls.database)
        yield BenchPostgres(urls.database, servers.processes()["postgres"])
    finally:
        servers.stop()
        shutil.rmtree(folder)
