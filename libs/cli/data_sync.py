"""`hiddengem data sync`, which is `scripts/data_sync.py`: fetch market data, follow the job, show what became of it.

Where a desk's ingestion runs it is asked; where there is only a database, a process of ingestion does this one job. It
is the same job either way: a row that anybody can follow, that survives every kill, and that `--resume` takes up.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

from rich.console import Console
from rich.table import Table

from libs.cli.connection import DeskConnection, NotRunning, find_desk, patiently
from libs.cli.imports import ImportFailed, bar, doing, duration, show, summary
from libs.cli.terminal import chatter, console, print_json
from libs.contracts.market import (
    CANCEL_SYNC,
    RESUME_SYNC,
    SYNC,
    CancelSync,
    ResumeSync,
    SyncPlan,
    SyncReport,
    SyncRequest,
)
from libs.domain.clock import SystemClock
from libs.domain.errors import InvalidInput, NotFound
from libs.domain.market import parse_symbol
from libs.marketdata.choose import parse_source, parse_window
from libs.marketdata.source import Kind
from libs.runtime.processes import die_with_parent
from libs.storage import sync_jobs
from libs.storage.engine import Engine, transaction
from libs.storage.sync_jobs import Job

EXIT_PARTLY = 3
"""The job is done, and some of what was asked for could not be had."""
NEWEST = "newest"
_LOOK_SECONDS = 0.2
_ALONE = "services.ingestion.alone"
_NO_BUS = "redis://127.0.0.1:1/0"
"""A process that does one job needs no bus, and its settings want one."""


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """What the command line says."""

    source: str
    symbols: str | None = None
    kinds: str | None = None
    first: str | None = None
    last: str | None = None
    exact: bool = False
    refresh: bool = False
    dry_run: bool = False
    resume: str | None = None
    """The id of a job, or `newest`: go on with it instead of opening one."""
    database_url: str | None = None
    as_json: bool = False


def data_sync(options: SyncOptions) -> int:
    """The verb: 0 when everything was had, 3 when a part could not be had."""
    report = done(options, None if options.resume else request_of(options))
    if options.as_json:
        print_json(report)
    elif report.plan is not None:
        show_plan(report.plan, on=console)
    else:
        show(report, on=console)
        console.print(summary(report))
    return EXIT_PARTLY if report.failed else 0


def done(options: SyncOptions, request: SyncRequest | None) -> SyncReport:
    """Have a job done, a new one or the one to go on with, and follow it to its end."""
    out = chatter if options.as_json else console
    desk = _desk(options)
    with desk.engine() as engine:
        job_id = _opened(desk, engine, request, options)
        chatter.print(f"job {job_id}", style="dim")
        try:
            return _followed(desk, engine, job_id, out)
        except KeyboardInterrupt:
            goes_on = "ingestion goes on with it; `hiddengem data cancel` ends it"
            chatter.print(goes_on if _ingestion_runs(desk) else f"--resume {job_id} goes on behind the last part")
            raise


def cancel(job: str) -> int:
    """End a job; what it has stored stays."""
    desk = find_desk()
    with desk.engine() as engine:
        job_id = _job_id(engine, job)
    cancelled = desk.ask("ingestion", CANCEL_SYNC, CancelSync(job_id=job_id)).cancelled
    console.print(f"job {job_id} {'is cancelled' if cancelled else 'had ended already'}")
    return 0 if cancelled else 1


def request_of(options: SyncOptions) -> SyncRequest:
    """What ingestion is asked for; raises `InvalidInput` naming what is wrong."""
    choice = parse_source(options.source, os.environ, check_token=False)
    first, last = parse_window(options.first, options.last)
    if options.exact and not (first and last):
        raise InvalidInput("--exact", "needs --from and --to")
    symbols = (parse_symbol(part, field="--symbols") for part in _listed(options.symbols))
    return SyncRequest(
        source=choice.name,
        path=None if choice.path is None else str(choice.path),
        # `vendors` leaves the order to ingestion, which knows whether there is a token.
        sources=choice.chain if choice.name == "vendors" and options.source.strip().lower() != "vendors" else (),
        kinds=tuple(dict.fromkeys(parse_kind(part, field="--kinds") for part in _listed(options.kinds))),
        from_date=first,
        to_date=last,
        symbols=tuple(dict.fromkeys(symbols)),
        exact=options.exact,
        refresh=options.refresh,
        dry_run=options.dry_run,
    )


def show_plan(plan: SyncPlan, *, on: Console) -> None:
    """What a request would do."""
    stored = f", {plan.already_stored:,} of them stored already" if plan.already_stored else ""
    window = f", {plan.first} to {plan.last}, {plan.symbols:,} symbols" if plan.first else ""
    on.print(f"{plan.parts:,} parts{stored}{window}; nothing was fetched and nothing stored")
    if not plan.calls:
        return
    table = Table(box=None, header_style="dim")
    for name in ("kind", "vendor", "host"):
        table.add_column(name)
    for name in ("parts", "calls", "at least"):
        table.add_column(name, justify="right")
    for line in plan.calls:
        counts = (f"{line.parts:,}", f"{line.calls:,}", duration(line.seconds))
        table.add_row(line.kind, line.vendor, line.host, *counts)
    on.print(table)
    on.print(f"at least {duration(plan.seconds)} in all, as fast as the busiest host lets calls pass")


def _desk(options: SyncOptions) -> DeskConnection:
    """The desk that runs; else the database of `--database-url` or HIDDENGEM_DATABASE_URL with nobody around it."""
    if options.database_url:
        return DeskConnection(options.database_url, "")
    try:
        return find_desk()
    except NotRunning:
        url = os.environ.get("HIDDENGEM_DATABASE_URL") or os.environ.get("HIDDENGEM_OWNER_URL")
        if not url:
            raise
        return DeskConnection(url, "")


def _opened(desk: DeskConnection, engine: Engine, request: SyncRequest | None, options: SyncOptions) -> UUID:
    """The id of the job that is to be followed."""
    if request is None:
        job_id = _job_id(engine, options.resume or NEWEST)
        if _ingestion_runs(desk):
            return desk.ask("ingestion", RESUME_SYNC, ResumeSync(job_id=job_id)).job_id
        with transaction(engine) as tx:
            if not sync_jobs.resume(tx, job_id) and sync_jobs.find(tx, job_id) is None:
                raise NotFound(f"JOB: there is no job {job_id}")
        return job_id
    if _ingestion_runs(desk):
        return desk.ask("ingestion", SYNC, request).job_id
    job_id = uuid4()
    with transaction(engine) as tx:
        sync_jobs.open_job(tx, job_id, request.model_dump(mode="json"), SystemClock().utc_now())
    return job_id


def _ingestion_runs(desk: DeskConnection) -> bool:
    return bool(desk.redis_url) and any(card.name == "ingestion" for card in desk.cards())


def _followed(desk: DeskConnection, engine: Engine, job_id: UUID, on: Console) -> SyncReport:
    """The report of a job, once it has ended; raises `ImportFailed` with the reason ingestion gives."""
    with _worker(desk, job_id) as alive, bar(on) as progress:
        task = progress.add_task("starting", total=1.0)
        while (job := _look(engine, job_id)).status == "RUNNING":
            progress.update(task, completed=job.progress, description=doing(job))
            if not alive() and _look(engine, job_id).status == "RUNNING":
                raise ImportFailed(f"the process of job {job_id} has died; --resume {job_id} goes on with it")
            time.sleep(_LOOK_SECONDS)
    if job.status != "DONE" or job.report is None:
        raise ImportFailed(f"{job.error or 'ingestion gave no reason'}; --resume {job_id} goes on behind the last part")
    return SyncReport.model_validate(job.report)


@contextmanager
def _worker(desk: DeskConnection, job_id: UUID) -> Iterator[Callable[[], bool]]:
    """Whoever does the job: nobody is needed where a desk runs, else a process that ends with us."""
    if _ingestion_runs(desk):
        yield lambda: True
        return
    urls = {"HIDDENGEM_DATABASE_URL": desk.database_url, "HIDDENGEM_REDIS_URL": desk.redis_url or _NO_BUS}
    parent = os.getpid()
    process = subprocess.Popen(
        [sys.executable, "-m", _ALONE, str(job_id), str(parent)],
        env={"HIDDENGEM_LOG_LEVEL": "warning", **os.environ, **urls},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr.fileno(),
        preexec_fn=lambda: die_with_parent(parent, signal.SIGKILL),  # noqa: PLW1509 - one libc call, no lock taken
    )
    try:
        yield lambda: process.poll() is None
    finally:
        process.kill()
        process.wait()


def _look(engine: Engine, job_id: UUID) -> Job:
    def look() -> Job | None:
        with transaction(engine, read_only=True) as tx:
            return sync_jobs.find(tx, job_id)

    job = patiently(look)
    if job is None:
        raise ImportFailed("the job is gone from the database")
    return job


def _job_id(engine: Engine, text: str) -> UUID:
    if text != NEWEST:
        try:
            return UUID(text)
        except ValueError:
            raise InvalidInput("JOB", f"{text[:40]!r} is no id of a job") from None
    with transaction(engine, read_only=True) as tx:
        job_id = sync_jobs.newest_not_done(tx)
    if job_id is None:
        raise NotFound("every job is done; there is nothing to go on with")
    return job_id


def _listed(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def parse_kind(text: str, *, field: str) -> Kind:
    """A kind of data as a person says it; raises `InvalidInput` naming the field."""
    try:
        return Kind(text.strip().lower())
    except ValueError:
        raise InvalidInput(field, f"{text[:40]!r} is none of {', '.join(Kind)}") from None
