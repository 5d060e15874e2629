"""`hiddengem replay`, and the main job of `hiddengem up`: walk the desk through past sessions and tell how it went."""

import time
from collections.abc import Callable
from datetime import date
from uuid import UUID

from rich.console import Console
from rich.progress import Progress, TaskID

from libs.cli import report
from libs.cli.connection import DeskConnection, find_desk, patiently
from libs.cli.imports import bar
from libs.cli.rounds import check_symbols
from libs.cli.tables import money, percent
from libs.cli.terminal import chatter, console, print_json
from libs.contracts.api_replays import ReplayView
from libs.contracts.desk import START_REPLAY, ReplayStarted, StartReplay
from libs.domain.errors import HiddenGemError
from libs.domain.market import Symbol, parse_symbol
from libs.marketdata.choose import parse_window
from libs.storage import views_replays
from libs.storage.engine import Engine, transaction
from libs.storage.views_replays import SessionLine

_LOOK_SECONDS = 0.1
_START_SECONDS = 30.0


class ReplayFailed(HiddenGemError):
    """The replay did not come to its end."""

    code = "cli.replay_failed"


def replay(first: str | None, last: str | None, symbols: str | None, *, supersede: bool, as_json: bool) -> int:
    """The verb."""
    window = parse_window(first, last)
    wanted = parse_symbols(symbols, "--symbols")
    desk = find_desk()
    with desk.engine() as engine:
        check_symbols(engine, wanted, "--symbols")
        out = chatter if as_json else console
        started = start(desk, window, wanted, "cli", supersede=supersede)
        done = follow(engine, started, on=out, lines=not as_json)
        if as_json:
            print_json(done)
        else:
            report.show(engine, done, on=console)
    return 0


def parse_symbols(text: str | None, field: str) -> tuple[Symbol, ...]:
    """A comma-separated list of symbols; raises `InvalidInput` naming `field`."""
    parts = (part for part in (text or "").split(",") if part.strip())
    return tuple(dict.fromkeys(parse_symbol(part, field=field) for part in parts))


def start(
    desk: DeskConnection,
    window: tuple[date | None, date | None],
    symbols: tuple[Symbol, ...],
    who: str,
    *,
    supersede: bool,
) -> ReplayStarted:
    """Ask the orchestrator for a replay."""
    asked = StartReplay(
        from_session=window[0],
        to_session=window[1],
        symbols=list(symbols) or None,
        supersede=supersede,
        requested_by=who,
    )
    return desk.ask("orchestrator", START_REPLAY, asked, timeout=_START_SECONDS)


def tell_interrupted(engine: Engine, *, on: Console) -> None:
    """Say that a replay which a former Ctrl-C cut off is given up for the new one."""
    with transaction(engine, read_only=True) as tx:
        left = views_replays.running(tx)
    if left is not None:
        on.print(
            f"{left.account_id}, interrupted after {left.sessions_done} of {left.sessions_total} sessions, is given up."
        )


def follow(engine: Engine, started: ReplayStarted, *, on: Console, lines: bool) -> ReplayView:
    """Watch a replay to its end, a line per session; raises `ReplayFailed` with the desk's reason."""
    on.print(
        f"Replaying {started.sessions} sessions, {started.from_session} to {started.to_session}, "
        f"{len(started.symbols)} symbols, account {started.account_id}",
        style="bold",
    )
    with bar(on) as progress:
        task = progress.add_task("sessions", total=started.sessions)
        watch = _Watch(engine, started.replay_id, progress, task)
        done = watch.until_over(_line if lines else None)
    if done.status != "DONE" or done.report is None:
        raise ReplayFailed(done.error or "the desk gave no reason")
    return done


class _Watch:
    """Looks at a replay now and then."""

    def __init__(self, engine: Engine, replay_id: UUID, progress: Progress, task: TaskID) -> None:
        self._engine = engine
        self._replay_id = replay_id
        self._progress = progress
        self._task = task
        self._told: SessionLine | None = None

    def until_over(self, line: Callable[[SessionLine, SessionLine | None], str] | None) -> ReplayView:
        while True:
            view, fresh = patiently(self._look)
            self._progress.update(self._task, completed=view.sessions_done)
            for session in fresh:
                if line is not None:
                    self._progress.console.print(line(session, self._told), markup=False)
                self._told = session
            if view.status != "RUNNING":
                return view
            time.sleep(_LOOK_SECONDS)

    def _look(self) -> tuple[ReplayView, list[SessionLine]]:
        """The state first, then the sessions: so that the last look misses none."""
        after = self._told.session if self._told else None
        with transaction(self._engine, read_only=True) as tx:
            view = views_replays.one(tx, self._replay_id)
            if view is None:
                raise ReplayFailed("the replay is gone from the database")
            return view, views_replays.sessions(tx, self._replay_id, after=after)


def _line(now: SessionLine, before: SessionLine | None) -> str:
    moved = "" if before is None else percent(float(now.equity / before.equity - 1))
    undecided = f" ({now.undecided} without)" if now.undecided else ""
    return (
        f"{now.session}  decisions {now.scored:3d}{undecided:<13}  orders {now.orders:2d}  fills {now.fills:2d}  "
        f"equity {money(now.equity):>14} {moved:>7}"
    )
