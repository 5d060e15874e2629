"""What a fan-out to seven agents costs on our bus and on its peers: processor time, the Redis server included.

    python -m benchmarks.bus [--rounds 5]

Every contender has seven agent processes and one asker, all on one Redis (the MCP SDK talks HTTP instead). Rounds are
interleaved; a figure is the median of the rounds' ratios. The peers' environments are made on first use from
`benchmarks/peers/<peer>.txt`; a peer that cannot be installed is said so and its goal falls short.
"""

import argparse
import contextlib
import functools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from benchmarks.support.goals import goal
from benchmarks.support.redis import redis_server

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / "benchmarks" / "peers"
IN_FLIGHT = 64
ONE_BY_ONE = 200
READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to ask seven agents; `environment` names a file of requirements, None is our own environment."""

    name: str
    module: str
    fan_outs: int
    environment: str | None = None


OURS = Contender("hiddengem", "hiddengem", 2000)
PLAIN = Contender("redis-py", "plain_redis", 2000)
FASTSTREAM = Contender("faststream", "faststream_rpc", 192, "faststream")
MCP_HTTP = Contender("mcp-http", "mcp_http", 128, "mcp_http")


@dataclass(slots=True)
class Running:
    """A contender's processes and what its rounds gave."""

    contender: Contender
    asker: "subprocess.Popen[str]"
    pids: list[int]
    cpu_ms: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)

    def order(self, line: str) -> dict[str, float]:
        assert self.asker.stdin is not None
        assert self.asker.stdout is not None
        self.asker.stdin.write(line + "\n")
        self.asker.stdin.flush()
        answer: dict[str, float] = json.loads(self.asker.stdout.readline())
        if answer["missing"]:
            raise RuntimeError(f"{self.contender.name}: {answer['missing']:.0f} answers are missing")
        return answer


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (default: 5)")
    rounds = parser.parse_args().rounds
    print(f"Python {platform.python_version()}, redis-py {version('redis')}, hiredis {version('hiredis')}")
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(redis_server())
        desks: dict[str, Running] = {}
        for contender in (OURS, PLAIN, FASTSTREAM, MCP_HTTP):
            try:
                desks[contender.name] = stack.enter_context(_running(contender, server.url))
            except (subprocess.CalledProcessError, OSError, RuntimeError) as e:
                print(f"{contender.name}: not measured, {e}")
        for number in range(-1, rounds):
            for desk in desks.values():
                _round(desk, server.pid, kept=number >= 0)
    _report(desks)


def _round(desk: Running, redis_pid: int, *, kept: bool) -> None:
    """One round of one contender; the first one warms up and is not kept."""
    fan_outs = desk.contender.fan_outs if kept else desk.contender.fan_outs // 4
    pids = [*desk.pids, redis_pid]
    before = sum(map(_cpu_ms, pids))
    desk.order(f"together {fan_outs} {IN_FLIGHT}")
    spent = (sum(map(_cpu_ms, pids)) - before) / fan_outs
    p50 = desk.order(f"one_by_one {ONE_BY_ONE}")["p50"] * 1000
    if kept:
        desk.cpu_ms.append(spent)
        desk.p50_ms.append(p50)


def _report(desks: dict[str, Running]) -> None:
    print(
        f"\n7 agents, 1.4 KB answers, {IN_FLIGHT} fan-outs in flight; medians of {len(desks[OURS.name].cpu_ms)} rounds"
    )
    print(f"{'':12}{'CPU-ms a fan-out':>18}{'lowest':>9}{'highest':>9}{'p50 alone, ms':>16}")
    for desk in desks.values():
        cpu = statistics.median(desk.cpu_ms)
        row = f"{desk.contender.name:12}{cpu:18.3f}{min(desk.cpu_ms):9.3f}{max(desk.cpu_ms):9.3f}"
        print(f"{row}{statistics.median(desk.p50_ms):16.3f}")
    print()
    ours = desks[OURS.name]
    for name, peer, bound in (("redispy", PLAIN, 1.0), ("faststream", FASTSTREAM, 0.1), ("mcp_http", MCP_HTTP, 0.1)):
        against = desks.get(peer.name)
        ratio = _ratio(ours.cpu_ms, against.cpu_ms) if against else float("inf")
        print(goal(f"bus.cpu_vs_{name}", ratio, "<=", bound))
    print(goal("bus.sequential_p50_vs_redispy", _ratio(ours.p50_ms, desks[PLAIN.name].p50_ms), "<=", 1.0))


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def _cpu_ms(pid: int) -> float:
    """Processor time of a process and its threads so far, as the scheduler counts it."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6


@contextlib.contextmanager
def _running(contender: Contender, url: str) -> Iterator[Running]:
    python = _python(contender.environment)
    with (
        _started(python, contender.module, "agents", url) as (_, agents),
        _started(python, contender.module, "client", url) as (asker, pids),
    ):
        yield Running(contender, asker, agents + pids)


@contextlib.contextmanager
def _started(python: Path, module: str, role: str, url: str) -> Iterator[tuple["subprocess.Popen[str]", list[int]]]:
    """One program of the peers; it says `ready` with its process ids and ends with its standard input."""
    command = [str(python), "-m", f"benchmarks.peers.{module}", role, url]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            words = process.stdout.readline().split()
            if words[:1] != ["ready"]:
                errors.seek(0)
                raise RuntimeError(f"{module} {role} did not start: {errors.read().strip()[-300:]}")
            yield process, [int(pid) for pid in words[1:]]
        finally:
            process.stdin.close()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()


@functools.cache
def _python(environment: str | None) -> Path:
    """The interpreter of a peer's own environment, made on first use."""
    if environment is None:
        return Path(sys.executable)
    folder = PEERS / ".venvs" / environment
    python = folder / "bin" / "python"
    done = folder / "installed"
    if not done.exists():
        print(f"installing {environment} into {folder.relative_to(ROOT)}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        requirements = str(PEERS / f"{environment}.txt")
        subprocess.run([str(python), "-m", "pip", "install", "-q", "-r", requirements], check=True, timeout=300)
        done.touch()
    return python


if __name__ == "__main__":
    main()
