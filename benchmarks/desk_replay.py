"""How long the whole desk takes for one session of a replay, and where the time goes.

    python -m benchmarks.desk_replay [--data PATH] [--from 2024-09-02] [--to 2024-10-31] [--rounds 5]

Every process takes part: orchestrator, five analysts, risk, execution, gateway, venue, PostgreSQL, Redis. Seconds a
session are machine time from the replay's own report, by phase; the median of several replays counts. Processor time
comes from the kernel, for all processes: what PostgreSQL and Redis took is what database and bus cost on the servers'
side (their clients' part is inside the services).
"""

import argparse
import platform
import statistics
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.support.desk import BenchDesk, bench_desk
from benchmarks.support.goals import goal
from benchmarks.support.source import add_arguments, source_of

_BARS = "cn_daily_2020_2025.parquet"
_PATIENCE = 900.0
_SERVERS = {"postgres": "database (PostgreSQL)", "redis-server": "bus (Redis)"}


def main() -> None:
    """Measure and print."""
    chosen = _arguments()
    source = source_of(chosen)
    print(f"source {source.partition(':')[0]} · Python {platform.python_version()} · replays {chosen.rounds}")
    goals = []
    with bench_desk(source) as desk, desk.running("--no-run"):
        desk.until_ready(seconds=120)
        desk.command("data", "import", source, timeout=_PATIENCE)
        few = [_replay(desk, chosen) for _ in range(chosen.rounds)]
        goals.append(_shown("20 names", few, "desk_replay.seconds_per_session", 0.25))
        if names := _all_names(chosen.data):
            many = [_replay(desk, chosen, names) for _ in range(max(1, chosen.rounds // 2))]
            goals.append(_shown(f"{len(names)} names", many, "desk_replay.seconds_per_session_225", 1.0))
    print("\n".join(goals))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_arguments(parser)
    parser.add_argument("--from", dest="first", metavar="DATE", help="first session (default: the last 20)")
    parser.add_argument("--to", dest="last", metavar="DATE", help="last session")
    parser.add_argument("--rounds", type=int, default=5, help="how many replays (default: 5)")
    return parser.parse_args()


def _replay(desk: BenchDesk, chosen: argparse.Namespace, names: list[str] | None = None) -> dict[str, Any]:
    """The report of one replay, with the processor time that each part of the desk took for it."""
    span = [part for flag, day in (("--from", chosen.first), ("--to", chosen.last)) if day for part in (flag, day)]
    symbols = ["--symbols", ",".join(names)] if names else []
    before = _cpu(desk)
    report: dict[str, Any] = desk.command("replay", *span, *symbols, timeout=_PATIENCE)["report"]
    return {**report, "cpu": _cpu(desk) - before}


def _cpu(desk: BenchDesk) -> Counter[str]:
    """Processor seconds so far, by part of the desk."""
    spent: Counter[str] = Counter()
    for process in desk.processes():
        spent[_SERVERS.get(process.program, process.name)] += round(process.cpu_seconds * 1000)
    return spent


def _shown(title: str, reports: list[dict[str, Any]], name: str, bound: float) -> str:
    """Print where the time of the median replay went; the goal's line."""
    typical = sorted(reports, key=lambda report: float(report["seconds_per_session"]))[len(reports) // 2]
    sessions = int(typical["sessions"])
    every = ", ".join(f"{report['seconds_per_session']:.3f}" for report in reports)
    print(f"{title}: {sessions} sessions, seconds a session {every}")
    for phase, seconds in typical["timings"].items():
        print(f"  {phase:<24} {1000 * seconds / sessions:8.1f} ms wall  {_share(seconds, typical['seconds'])}")
    total = sum(typical["cpu"].values())
    for part, milliseconds in typical["cpu"].most_common():
        print(f"  {part:<24} {milliseconds / sessions:8.1f} ms CPU   {_share(milliseconds, total)}")
    print(f"  {'all processes':<24} {total / sessions:8.1f} ms CPU")
    return goal(name, statistics.median(float(report["seconds_per_session"]) for report in reports), "<=", bound)


def _share(part: float, whole: float) -> str:
    return f"{part / whole:6.1%}" if whole else "     -"


def _all_names(data: Path | None) -> list[str]:
    """Every name of the daily bars; none where the market is simulated."""
    if data is None:
        return []
    names: list[str] = (
        pl.scan_parquet(data / _BARS).select(pl.col("ts_code").unique().sort()).collect()["ts_code"].to_list()
    )
    return names


if __name__ == "__main__":
    main()
