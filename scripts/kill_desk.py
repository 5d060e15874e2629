"""Kill every process of a desk while it replays a market, and say by SQL what was lost or doubled.

    .venv/bin/python scripts/kill_desk.py file:PATH --from 2024-09-02 --to 2024-10-31
    .venv/bin/python scripts/kill_desk.py sim --only analysts --json

It starts a desk of its own in an empty state directory, replays once undisturbed, then once with the analysts killed
in turn, once with every service, once with Redis (killed, and emptied) and PostgreSQL; manual rounds run all the
while. Then it asks the database for every promise in libs/storage/invariants.py. Exit code 0: all replays ended, no
promise was broken, and the ORDERS line was the same wherever only analysts were killed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import redis

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from libs.cli import imports  # noqa: E402 - after the path
from libs.cli.connection import DeskConnection  # noqa: E402
from libs.cli.readiness import api_missing  # noqa: E402
from libs.cli.terminal import chatter  # noqa: E402
from libs.contracts.api_replays import ReplayView  # noqa: E402
from libs.contracts.desk import OPEN_ROUND, START_REPLAY, OpenRound, StartReplay  # noqa: E402
from libs.domain.errors import HiddenGemError  # noqa: E402
from libs.marketdata.choose import parse_source, parse_window  # noqa: E402
from libs.runtime.proctable import ProcessStatus, read_table  # noqa: E402
from libs.runtime.state import StateDirectory  # noqa: E402
from libs.storage import views_replays  # noqa: E402
from libs.storage.engine import Engine, transaction  # noqa: E402
from libs.storage.invariants import violations  # noqa: E402

ANALYSTS = ("fundamental", "market_monitor", "policy", "sentiment", "technical")
OTHERS = ("orchestrator", "risk", "execution", "broker_gateway", "paper_venue", "api_gateway", "ingestion")
SERVERS = ("redis", "flushall", "postgres")
GROUPS = {"analysts": ANALYSTS, "services": (*ANALYSTS, *OTHERS), "servers": SERVERS}
_READY_SECONDS = 90.0
_REPLAY_SECONDS = 600.0
_BACK_SECONDS = 30.0
_REST_SECONDS = 20.0
_LOOK_SECONDS = 0.05
_SERVER_KILLS = 2
"""How often one server is hit in a replay: the supervisor gives up one that dies four times in quick succession."""


@dataclass
class Outcome:
    """What became of one replay."""

    name: str
    status: str = ""
    error: str | None = None
    orders: str = ""
    count: int = 0
    seconds: float = 0.0
    kills: dict[str, int] = field(default_factory=dict)
    never_back: list[str] = field(default_factory=list)
    rounds_asked: int = 0
    states: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """The desk that is being hurt."""

    state: StateDirectory
    desk: DeskConnection
    engine: Engine
    window: tuple[Any, Any]
    chance: random.Random
    every: float


def main() -> int:
    """The command line."""
    chosen = _arguments()
    state = StateDirectory(Path(chosen.state or tempfile.mkdtemp(prefix="hiddengem-kill-")))
    say = _silent if chosen.json else _print
    try:
        outcomes, broken = _run(chosen, state, say)
    except HiddenGemError as e:
        sys.stderr.write(f"kill_desk: {e}\n")
        return 1
    finally:
        if chosen.state is None:
            shutil.rmtree(state.path, ignore_errors=True)
    good = _good(outcomes) and not broken
    if chosen.json:
        found = {"ok": good, "replays": [asdict(o) for o in outcomes], "violations": broken}
        sys.stdout.write(json.dumps(found, default=str, ensure_ascii=False) + "\n")
    else:
        _tell(outcomes, broken, good)
    return 0 if good else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", help="file:PATH or sim")
    parser.add_argument("--from", dest="first", metavar="DATE", help="first session to replay")
    parser.add_argument("--to", dest="last", metavar="DATE", help="last session to replay")
    parser.add_argument("--only", action="append", choices=sorted(GROUPS), help="one group of victims; may be repeated")
    parser.add_argument("--every", type=float, default=1.0, metavar="S", help="pause between kills, at most (1.0)")
    parser.add_argument("--seed", type=int, default=1, help="of the pauses between kills (1)")
    parser.add_argument("--state", metavar="PATH", help="state directory to use and keep (default: a temporary one)")
    parser.add_argument("--json", action="store_true", help="print JSON for a program instead of text")
    return parser.parse_args()


def _run(chosen: argparse.Namespace, state: StateDirectory, say: Any) -> tuple[list[Outcome], list[dict[str, Any]]]:
    choice = parse_source(chosen.source, os.environ)
    window = parse_window(chosen.first, chosen.last)
    with _started(chosen.source, state) as desk, desk.engine() as engine:
        imports.sync(desk, imports.sync_request(choice, None, None), on=chatter)
        target = Target(state, desk, engine, window, random.Random(chosen.seed), chosen.every)  # noqa: S311 - pauses
        outcomes = [_replay(target, "undisturbed", ())]
        say(outcomes[-1])
        for group in dict.fromkeys(chosen.only or GROUPS):
            outcomes.append(_replay(target, group, GROUPS[group]))
            say(outcomes[-1])
        return outcomes, _broken(engine)


@contextlib.contextmanager
def _started(source: str, state: StateDirectory) -> Iterator[DeskConnection]:
    """A desk without a main job, in a process of its own; it ends with the block."""
    command = [sys.executable, "-m", "libs.cli.main", "up", "--source", source, "--no-run", "--port", str(_free_port())]
    environment = {**os.environ, "HIDDENGEM_STATE_DIR": str(state.path)}
    state.path.mkdir(parents=True, exist_ok=True)
    log = state.path / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield _ready(process, state, log)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


def _ready(process: subprocess.Popen[bytes], state: StateDirectory, log: Path) -> DeskConnection:
    give_up = time.monotonic() + _READY_SECONDS
    while time.monotonic() < give_up and process.poll() is None:
        run = state.running() or {}
        if "url" in run and not api_missing(str(run["url"])):
            return DeskConnection(str(run["database_url"]), str(run["redis_url"]))
        time.sleep(_LOOK_SECONDS)
    last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise HiddenGemError(f"the desk did not start: {last[-1] if last else 'it said nothing'}")


def _replay(target: Target, name: str, victims: tuple[str, ...]) -> Outcome:
    """Replays with the victims killed in turn, again and again; as many as it takes for each to be killed once."""
    outcome = Outcome(name)
    started = time.monotonic()
    digests: list[str] = []
    turn = 0
    while True:
        view, turn = _one_replay(target, victims, outcome, turn)
        outcome.status, outcome.error = view.status, view.error
        report = view.report or {}
        digest = report.get("orders_digest", {})
        digests.append(digest.get("sha256", ""))
        outcome.orders, outcome.count = ",".join(dict.fromkeys(digests)), digest.get("n", 0)
        outcome.states = report.get("orders", {})
        if view.status != "DONE" or turn >= len(victims):
            break
    outcome.seconds = round(time.monotonic() - started, 1)
    return outcome


def _one_replay(target: Target, victims: tuple[str, ...], outcome: Outcome, turn: int) -> tuple[ReplayView, int]:
    """One replay to its end; which victim's turn it is afterwards."""
    started = time.monotonic()
    first, last = target.window
    asked = StartReplay(from_session=first, to_session=last, requested_by="kill_desk")
    replay_id = target.desk.ask("orchestrator", START_REPLAY, asked).replay_id
    while (view := _look(target.engine, replay_id)).status == "RUNNING":
        if time.monotonic() > started + _REPLAY_SECONDS:
            break
        if turn < len(victims) * (_SERVER_KILLS if victims == SERVERS else 1_000) and victims:
            before = sum(outcome.kills.values())
            _hurt(target, victims[turn % len(victims)], outcome)
            # A victim that was not up keeps its turn.
            turn += sum(outcome.kills.values()) - before
            _ask_a_round(target, outcome)
        time.sleep(target.chance.uniform(0.2, 1.0) * target.every)
    return view, turn


def _look(engine: Engine, replay_id: UUID) -> ReplayView:
    """The replay as it stands, as soon as the database answers."""
    give_up = time.monotonic() + _BACK_SECONDS
    while True:
        try:
            with transaction(engine, read_only=True) as tx:
                if view := views_replays.one(tx, replay_id):
                    return view
        except HiddenGemError:
            if time.monotonic() > give_up:
                raise
        time.sleep(_LOOK_SECONDS)


def _hurt(target: Target, victim: str, outcome: Outcome) -> None:
    """Kill one process with -9 (or empty Redis) and wait until it runs again."""
    if victim == "flushall":
        with contextlib.suppress(redis.RedisError), redis.Redis.from_url(target.desk.redis_url) as client:
            client.flushall()
            outcome.kills[victim] = outcome.kills.get(victim, 0) + 1
        return
    before = _process(target.state, victim)
    if before is None or before.pid is None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(before.pid, signal.SIGKILL)
    outcome.kills[victim] = outcome.kills.get(victim, 0) + 1
    give_up = time.monotonic() + _BACK_SECONDS
    while time.monotonic() < give_up:
        now = _process(target.state, victim)
        if now is not None and now.pid not in (None, before.pid) and now.state == "running":
            return
        time.sleep(_LOOK_SECONDS)
    outcome.never_back.append(victim)


def _process(state: StateDirectory, name: str) -> ProcessStatus | None:
    return next((row for row in read_table(state) if row.name == name), None)


def _ask_a_round(target: Target, outcome: Outcome) -> None:
    """Rounds go on meanwhile; one that nobody takes in is none."""
    with contextlib.suppress(HiddenGemError):
        target.desk.ask("orchestrator", OPEN_ROUND, OpenRound(requested_by="kill_desk"), timeout=2.0)
        outcome.rounds_asked += 1


def _broken(engine: Engine) -> list[dict[str, Any]]:
    """What does not hold, once the desk has had its time to come to rest (rounds have a deadline of their own)."""
    give_up = time.monotonic() + _REST_SECONDS
    while True:
        with transaction(engine, read_only=True) as tx:
            found = violations(tx)
        if not found or time.monotonic() > give_up:
            return [asdict(violation) for violation in found]
        time.sleep(0.5)


def _good(outcomes: list[Outcome]) -> bool:
    undisturbed = outcomes[0].orders
    ended = all(outcome.status == "DONE" and not outcome.never_back for outcome in outcomes)
    return ended and all(outcome.orders == undisturbed for outcome in outcomes if outcome.name == "analysts")


def _tell(outcomes: list[Outcome], broken: list[dict[str, Any]], good: bool) -> None:
    for violation in broken:
        print(f"BROKEN {violation['id']}: {violation['description']}")
        for row in violation["rows"]:
            print(f"  {row}")
    same = sum(outcome.orders == outcomes[0].orders for outcome in outcomes)
    print(f"{same} of {len(outcomes)} replays gave the same orders; {len(broken)} promises broken")
    print("PASSED" if good else "FAILED")


def _print(outcome: Outcome) -> None:
    kills = ", ".join(f"{name} {times}" for name, times in outcome.kills.items()) or "nobody"
    print(f"{outcome.name}: {outcome.status} in {outcome.seconds} s, {outcome.rounds_asked} rounds, killed {kills}")
    if outcome.error or outcome.never_back:
        print(f"  {outcome.error or ''} never back: {outcome.never_back}")
    print(f"  ORDERS sha256={outcome.orders} n={outcome.count} {outcome.states}", flush=True)


def _silent(_: Outcome) -> None:
    return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
