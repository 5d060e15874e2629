"""Bring market data in through ingestion, and show what became of every file."""

import os
import time
from collections.abc import Callable, Mapping
from datetime import date
from uuid import UUID

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from libs.cli.connection import DeskConnection, find_desk, patiently
from libs.cli.terminal import chatter, console, print_json
from libs.contracts.market import SYNC, SyncReport, SyncRequest
from libs.domain.errors import HiddenGemError
from libs.marketdata.choose import SourceChoice, parse_source, parse_window
from libs.storage import sync_jobs
from libs.storage.engine import Engine, transaction
from libs.storage.sync_jobs import Job

_LOOK_SECONDS = 0.1


class ImportFailed(HiddenGemError):
    """The import did not come to an end; what was stored before is as it was."""

    code = "cli.import_failed"


def import_data(source: str, first: str | None, last: str | None, *, as_json: bool) -> int:
    """The verb: ask ingestion of the running desk, wait, show."""
    choice = parse_source(source, os.environ, check_token=False)
    window = parse_window(first, last)
    desk = find_desk()
    request = sync_request(choice, *window)
    report = sync(desk, request, on=chatter)
    if as_json:
        print_json(report)
    else:
        show(report, on=console)
    return 0


def sync_request(
    choice: SourceChoice, first: date | None, last: date | None, symbols: tuple[str, ...] = ()
) -> SyncRequest:
    """What ingestion is asked for."""
    path = None if choice.path is None else str(choice.path)
    chain = choice.chain if choice.name == "vendors" else ()
    return SyncRequest(source=choice.name, path=path, sources=chain, from_date=first, to_date=last, symbols=symbols)


def sync(desk: DeskConnection, request: SyncRequest, *, on: Console) -> SyncReport:
    """Ask and follow the job to its end; raises `ImportFailed` with the reason ingestion gives."""
    accepted = desk.ask("ingestion", SYNC, request)
    with desk.engine() as engine, bar(on) as progress:
        task = progress.add_task("reading the market", total=1.0)
        job = follow(
            engine,
            accepted.job_id,
            lambda seen: progress.update(task, completed=seen.progress, description=doing(seen)),
        )
        progress.update(task, completed=1.0)
    if job.status != "DONE" or job.report is None:
        raise ImportFailed(job.error or "ingestion gave no reason")
    return SyncReport.model_validate(job.report)


def doing(job: Job) -> str:
    """What a running job does, how far it is, and how long the rest will take."""
    if job.parts_total is None:
        return "starting"
    left = f", {duration(job.eta_seconds)} left" if job.eta_seconds else ""
    return f"part {min(job.parts_done + 1, job.parts_total):,} of {job.parts_total:,}{left}  {job.message[:60]}"


def duration(seconds: float) -> str:
    """As people say it."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def bar(on: Console) -> Progress:
    """A progress bar that goes away when it is done; a file gets none."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=on, transient=True, disable=not on.is_terminal)


def show(report: SyncReport, *, on: Console) -> None:
    """One line a file, what was left out and why, what was refused and why."""
    table = Table(box=None, header_style="dim", title_justify="left")
    table.add_column("file")
    table.add_column("kind")
    for name in ("read", "new", "changed", "same", "refused", "conflicts"):
        table.add_column(name, justify="right")
    for done in report.imports:
        refused = sum(done.rejected.values())
        counts = (done.rows_read, done.inserted, done.updated, done.unchanged, refused, done.conflicts)
        table.add_row(done.path, done.kind, *(f"{count:,}" for count in counts))
    on.print(table)
    for done in report.imports:
        if done.rejected:
            on.print(f"refused rows of {done.path}: {_counts(done.rejected)}", style="yellow", markup=False)
        if done.flags:
            on.print(f"stored and odd in {done.path}: {_counts(done.flags)}", style="dim", markup=False)
    if any(done.rejected for done in report.imports):
        on.print("refused rows are kept; look at them with: hiddengem data quarantine list", style="yellow")
    for failed in report.failed:
        on.print(f"not had: {failed.part}: {failed.reason}", style="yellow", markup=False)
    for skipped in report.skipped:
        on.print(f"skipped {skipped.path}: {skipped.reason}", style="dim", markup=False)


def summary(report: SyncReport) -> str:
    """One sentence about an import."""
    fresh = [done for done in report.imports if not done.already_imported]
    files = len({done.path for done in report.imports})
    if report.imports and not fresh:
        return f"nothing new: {_counted(files)} already imported with the same content"
    rows = sum(done.inserted + done.updated for done in fresh)
    refused = sum(sum(done.rejected.values()) for done in report.imports)
    conflicts = sum(done.conflicts for done in report.imports)
    parts = [f"{_counted(files)} read", f"{rows:,} rows stored"]
    parts += [f"{refused:,} refused"] if refused else []
    parts += [f"{conflicts:,} conflicts"] if conflicts else []
    parts += [f"{_counted(len(report.skipped))} skipped"] if report.skipped else []
    parts += [f"{len(report.failed):,} parts could not be had"] if report.failed else []
    return f"{', '.join(parts)} in {report.seconds:.1f} s"


def _counted(files: int) -> str:
    return "1 file" if files == 1 else f"{files} files"


def follow(engine: Engine, job_id: UUID, tell: Callable[[Job], None]) -> Job:
    """The job once it has ended; `tell` sees it now and then before. Raises `ImportFailed` when its row is gone."""

    def look() -> Job | None:
        with transaction(engine, read_only=True) as tx:
            return sync_jobs.find(tx, job_id)

    while True:
        job = patiently(look)
        if job is None:
            raise ImportFailed("the job is gone from the database")
        if job.status != "RUNNING":
            return job
        tell(job)
        time.sleep(_LOOK_SECONDS)


def _counts(found: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(found.items()))
