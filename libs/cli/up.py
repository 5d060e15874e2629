"""`hiddengem up`, which is `make run`: servers, database, services, the replay of a market, and then the API.

Everything that can be wrong with what was asked is found before a process is started; whatever fails later takes down
all that was started. Ctrl-C ends it at any time.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from rich.panel import Panel
from rich.text import Text

from libs.cli import database, desk_plan, imports, replays, report
from libs.cli.apikeys import create_key
from libs.cli.connection import DeskConnection
from libs.cli.desk_plan import DeskPlan
from libs.cli.readiness import Awaited, NotReady, last_words, wait_until_ready
from libs.cli.rounds import check_symbols
from libs.cli.terminal import EXIT_INTERRUPTED, console
from libs.contracts.market import DEFAULT_SYMBOLS, SyncRequest
from libs.domain.errors import InvalidInput
from libs.domain.market import Symbol
from libs.marketdata.choose import HOW_TO_GET_REAL_DATA, SourceChoice, choose, parse_window
from libs.runtime.desk_calendar import apply_overlay, overlay_of
from libs.runtime.proctable import read_table, signals_as_interrupt
from libs.runtime.servers import LocalServers, ServerUrls
from libs.runtime.state import StateDirectory, check_port_free, state_path
from libs.runtime.supervisor import Supervisor
from libs.storage import views
from libs.storage.api_keys import Role
from libs.storage.databases import ensure_database
from libs.storage.engine import Engine, transaction

KEY_NAME = "quickstart"
_STOP_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What the command line and the environment say."""

    source: str | None
    first: str | None
    last: str | None
    host: str
    port: int
    watchlist: str | None
    run: bool
    keep: bool


@dataclass(frozen=True, slots=True)
class _Job:
    """The main job: which sessions of which symbols."""

    first: date | None
    last: date | None
    symbols: tuple[Symbol, ...]


def up(options: UpOptions) -> int:
    """Start, work, serve; 0 when Ctrl-C came after the work was done."""
    apply_overlay(overlay_of(os.environ))
    window = parse_window(options.first, options.last)
    job = _Job(*window, replays.parse_symbols(options.watchlist, "HIDDENGEM_WATCHLIST"))
    state = StateDirectory(state_path(os.environ))
    state.prepare()
    started = time.monotonic()
    with signals_as_interrupt(), state.hold():
        check_port_free(options.host, options.port)
        plan = desk_plan.make_plan(_choose(options.source), options.host, options.port, os.environ)
        with _running(plan, state, started) as (supervisor, desk):
            return _work(plan, desk, job, options, supervisor)


def _work(plan: DeskPlan, desk: DeskConnection, job: _Job, options: UpOptions, supervisor: Supervisor) -> int:
    key = create_key(desk.database_url, KEY_NAME, Role.TRADER)
    _welcome(plan, key)
    try:
        if options.run:
            main_job(plan.choice, desk, job.first, job.last, job.symbols)
    except KeyboardInterrupt:
        console.print("interrupted before the replay was over; stopping the desk")
        return EXIT_INTERRUPTED
    if not options.keep:
        return 0
    try:
        console.print(f"\nServing {plan.url} until Ctrl-C.", style="bold")
        supervisor.wait()
    except KeyboardInterrupt:
        console.print("stopping the desk")
    return 0


def main_job(
    choice: SourceChoice, desk: DeskConnection, first: date | None, last: date | None, symbols: tuple[Symbol, ...]
) -> None:
    """Import the market and replay it, telling how it goes."""
    asked = _asked(choice, first, last, symbols)
    imported = imports.sync(desk, asked, on=console)
    console.print(f"market: {imports.summary(imported)}")
    with desk.engine() as engine:
        _check_window(engine, choice, first, last)
        check_symbols(engine, symbols, "HIDDENGEM_WATCHLIST")
        replays.tell_interrupted(engine, on=console)
        started = replays.start(desk, (first, last), symbols, "make run", supersede=True)
        done = replays.follow(engine, started, on=console, lines=True)
        report.show(engine, done, on=console)
    if choice.synthetic:
        _banner(choice)


def _asked(choice: SourceChoice, first: date | None, last: date | None, symbols: tuple[Symbol, ...]) -> SyncRequest:
    """All there is of files; of vendors the watchlist, and beside it enough names to speak of the market's breadth."""
    if not choice.chain:
        return imports.sync_request(choice, None, None)
    wanted = tuple(dict.fromkeys((*symbols, *DEFAULT_SYMBOLS))) if symbols else ()
    return imports.sync_request(choice, first, last, wanted)


@contextmanager
def _running(plan: DeskPlan, state: StateDirectory, started: float) -> Iterator[tuple[Supervisor, DeskConnection]]:
    """The desk with all its processes; none of them is left when the block ends, however it ends."""
    say = _teller(started)
    servers = LocalServers(redis_name=plan.database)
    urls = servers.start(state)
    say("PostgreSQL and Redis are up")
    try:
        desk, supervisor = _assemble(plan, state, urls, servers, say)
    except BaseException:
        servers.stop()
        raise
    try:
        supervisor.start()
        facts = {"url": plan.url, "source": plan.choice.name, "synthetic": plan.choice.synthetic}
        state.record(**facts, database_url=desk.database_url, redis_url=desk.redis_url)
        _wait(plan, state, desk, supervisor)
        say(f"{len(plan.services)} services are ready")
        yield supervisor, desk
    finally:
        with _deaf_to_interrupts():
            supervisor.stop(patience_seconds=_STOP_SECONDS)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """A second Ctrl-C while everything is being stopped must not leave the rest running."""
    kept = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, kept)


def _assemble(
    plan: DeskPlan, state: StateDirectory, urls: ServerUrls, servers: LocalServers, say: Callable[[str], None]
) -> tuple[DeskConnection, Supervisor]:
    ensure_database(urls.database, plan.database)
    owner_url = urls.database_url(plan.database)
    password = state.secret("services")
    database.prepare(owner_url, password, plan.services)
    say(f"database {plan.database} is migrated")
    specs = desk_plan.service_specs(plan, os.environ, owner_url=owner_url, redis_url=urls.redis, password=password)
    supervisor = Supervisor(state, specs, preload=desk_plan.PRELOAD, servers=servers, say=say)
    return DeskConnection(owner_url, urls.redis), supervisor


def _wait(plan: DeskPlan, state: StateDirectory, desk: DeskConnection, supervisor: Supervisor) -> None:
    awaited = Awaited(desk.redis_url, plan.on_the_bus, plan.url)
    with console.status("starting the services") as status:
        try:
            wait_until_ready(
                awaited,
                lambda missing: status.update(f"waiting for {', '.join(missing)}"),
                lambda: _still_there(supervisor),
            )
        except NotReady as e:
            raise NotReady(f"{e}; {last_words(read_table(state)) or f'see {state.log_file}'}") from e


def _still_there(supervisor: Supervisor) -> None:
    """Raises what ended the supervisor, if it has ended."""
    if supervisor.wait(0.0):
        raise NotReady("the desk was stopped while it started")


def _choose(source: str | None) -> SourceChoice:
    if source and source.strip():
        choice = choose(source, os.environ)
    else:
        with console.status("looking for a market that can be reached"):
            choice = choose(None, os.environ)
        console.print(f"source: {choice.text}")
    if choice.synthetic:
        _banner(choice)
    return choice


def _banner(choice: SourceChoice) -> None:
    """A simulated market must not be mistaken for a real one."""
    words = choice.notice or f"SIMULATED EXCHANGE, NOT REAL DATA: {HOW_TO_GET_REAL_DATA}"
    console.print(Panel(Text(words, justify="center"), style="bold white on red", padding=(1, 2)))


def _check_window(engine: Engine, choice: SourceChoice, first: date | None, last: date | None) -> None:
    with transaction(engine, read_only=True) as tx:
        if views.has_bars_within(tx, first, last):
            return
        span = views.bar_span(tx)
    if span is None:
        raise InvalidInput(
            "SOURCE", f"{choice.name} gave no daily bars; see which files were skipped: hiddengem data import"
        )
    raise InvalidInput("FROM/TO", f"there are no bars in this window; {choice.name} has {span[0]} to {span[1]}")


def _welcome(plan: DeskPlan, key: str) -> None:
    console.print(f"API  {plan.url}   (documentation: {plan.url}/docs)")
    console.print(f"key  {key}   (role trader, shown this once)", markup=False, soft_wrap=True)


def _teller(started: float) -> Callable[[str], None]:
    def say(text: str) -> None:
        console.print(f"[{time.monotonic() - started:5.1f} s] {text}", markup=False)

    return say
