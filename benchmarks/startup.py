"""How soon the whole desk is ready, and how much memory it takes after work.

    python -m benchmarks.startup [--data PATH] [--rounds 3]

It starts the desk as `make run` does, in a state directory of its own: once fresh (a new database is made), then
several times again. Ready means that `/health/ready` answers 200 and that seven cards are shown: five analysts, risk
and execution. Then it imports the market, replays 20 sessions, and adds up the memory of all Python processes (PSS, so
that shared pages count once). Last it looks for heavy libraries inside the living analysts, and in what their modules
import.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time

from benchmarks.support.desk import ROOT, BenchDesk, bench_desk
from benchmarks.support.goals import goal
from benchmarks.support.processes import mapped_packages, pss_bytes
from benchmarks.support.source import add_arguments, source_of

ANALYSTS = ("fundamental", "market_monitor", "policy", "sentiment", "technical")
SEVEN = (*ANALYSTS, "risk", "execution")
HEAVY = ("pandas", "polars", "_polars_runtime_32", "pyarrow", "akshare", "tushare", "fastapi", "starlette", "uvicorn")
_READY_PATIENCE = 120.0
_REPLAY_PATIENCE = 600.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_arguments(parser)
    parser.add_argument("--rounds", type=int, default=3, help="how many warm starts (default: 3)")
    chosen = parser.parse_args()
    source = source_of(chosen)
    print(f"source {source.partition(':')[0]} · Python {platform.python_version()} · warm starts {chosen.rounds}")
    with bench_desk(source) as desk:
        first = _first_start(desk)
        warm = [_start(desk) for _ in range(chosen.rounds)]
        megabytes, trigger, found = _work(desk)
    print(f"first start {first:.2f} s · warm starts {', '.join(f'{seconds:.2f}' for seconds in warm)} s")
    print(f"from start to the first answered trigger {trigger:.2f} s (warm)")
    print(f"heavy packages in analysts: {', '.join(sorted(found)) or 'none'}")
    print(goal("startup.first_ready_seconds", first, "<=", 10))
    print(goal("startup.ready_seconds", statistics.median(warm), "<=", 10))
    print(goal("startup.pss_megabytes", megabytes, "<=", 700))
    print(goal("startup.heavy_packages_in_analysts", len(found), "=", 0))


def _first_start(desk: BenchDesk) -> float:
    """The API key that the cards are read with is made as soon as there is a database; it costs this start a little."""
    with desk.running("--no-run") as started:
        desk.until_ready(seconds=_READY_PATIENCE)
        desk.make_key()
        desk.until_cards(SEVEN, seconds=_READY_PATIENCE)
        return time.monotonic() - started


def _start(desk: BenchDesk) -> float:
    with desk.running("--no-run") as started:
        desk.until_ready(seconds=_READY_PATIENCE)
        desk.until_cards(SEVEN, seconds=_READY_PATIENCE)
        return time.monotonic() - started


def _work(desk: BenchDesk) -> tuple[float, float, set[str]]:
    """Megabytes after 20 sessions, seconds to the first answered trigger, and heavy packages found."""
    with desk.running("--no-run"):
        desk.until_ready(seconds=_READY_PATIENCE)
        desk.command("data", "import", desk.source, timeout=_REPLAY_PATIENCE)
        desk.until_cards(SEVEN, seconds=_READY_PATIENCE)
        desk.command("replay", timeout=_REPLAY_PATIENCE)
        megabytes = _python_memory(desk)
        found = _heavy_mapped(desk) | _heavy_imported()
    with desk.running("--no-run") as started:
        desk.until_cards(SEVEN, seconds=_READY_PATIENCE)
        desk.post("/api/v1/agents/technical/trigger", {})
        return megabytes, time.monotonic() - started, found


def _python_memory(desk: BenchDesk) -> float:
    """Print what each process takes; the sum in megabytes."""
    processes = [(process.name, pss_bytes(process.pid) / 1e6) for process in desk.processes() if process.is_python]
    for name, megabytes in sorted(processes, key=lambda entry: -entry[1]):
        print(f"  {name:<16} {megabytes:7.1f} MB PSS")
    return sum(megabytes for _, megabytes in processes)


def _heavy_mapped(desk: BenchDesk) -> set[str]:
    """Compiled parts of heavy packages that living analysts have mapped."""
    pids = {row["name"]: row["pid"] for row in desk.command("ps")}
    return {
        f"{name}:{package} (mapped)" for name in ANALYSTS for package in mapped_packages(pids[name]) if package in HEAVY
    }


def _heavy_imported() -> set[str]:
    """Heavy packages that an analyst's modules import, compiled or not, each in a fresh interpreter."""
    found = set()
    for name in ANALYSTS:
        script = f"import json, sys, services.{name}.__main__; print(json.dumps(list(sys.modules)))"
        done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
        loaded = {module.partition(".")[0] for module in json.loads(done.stdout)}
        found |= {f"{name}:{package} (imported)" for package in HEAVY if package in loaded}
    return found


if __name__ == "__main__":
    main()
