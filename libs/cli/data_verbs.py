"""The verbs `hiddengem data …` and their options. What a verb does stands in a module loaded when it runs."""

# ruff: noqa: PLC0415 - `hiddengem --help` must not load the database, the bus and the tables
from typing import Annotated

import typer

from libs.cli.options import First, Json, Last

data = typer.Typer(help="Market data: bring it in, keep it fresh, see what is wrong with it.", no_args_is_help=True)
quarantine = typer.Typer(help="Rows that a check refused: see, release or dismiss them.", no_args_is_help=True)
data.add_typer(quarantine, name="quarantine")

Ids = Annotated[list[int], typer.Argument(help="Ids as `quarantine list` shows them.")]
Why = Annotated[str, typer.Option(help="The reason; it is kept with the rows.")]
Who = Annotated[str | None, typer.Option(help="Who decides; else the user of this machine.")]
SOURCES = "vendors, tushare, akshare, baostock, a chain like tushare,akshare, file:PATH or sim."


@data.command(name="import")
def import_data(
    source: Annotated[str, typer.Argument(help=SOURCES)], first: First = None, last: Last = None, json: Json = False
) -> None:
    """Bring market data into the running desk, and show what became of every file."""
    from libs.cli import imports
    from libs.cli.terminal import leave

    leave(lambda: imports.import_data(source, first, last, as_json=json))


@data.command()
def sync(  # noqa: PLR0913, PLR0917 - one parameter per option
    source: Annotated[str, typer.Option(help=SOURCES)] = "vendors",
    symbols: Annotated[str | None, typer.Option(help="Comma separated, e.g. 600519.SH,000001.SZ.")] = None,
    kinds: Annotated[
        str | None, typer.Option(help="Comma separated, e.g. bars,valuations; else what a desk needs.")
    ] = None,
    first: First = None,
    last: Last = None,
    exact: Annotated[bool, typer.Option("--exact", help="These sessions alone, without the history before.")] = False,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask again even where an answer is kept.")] = False,
    resume: Annotated[
        str | None, typer.Option(metavar="JOB", help="Go on with a job; `newest`: the last not done.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    database_url: Annotated[str | None, typer.Option(help="A database without a running desk around it.")] = None,
    json: Json = False,
) -> None:
    """Fetch market data part by part; a job that was killed goes on with --resume."""
    from libs.cli import data_sync as command
    from libs.cli.terminal import leave

    options = command.SyncOptions(
        source=source, symbols=symbols, kinds=kinds, first=first, last=last, exact=exact, refresh=refresh,
        resume=resume, dry_run=dry_run, database_url=database_url, as_json=json,
    )  # fmt: skip
    leave(lambda: command.data_sync(options))


@data.command()
def canary(
    source: Annotated[str, typer.Option(help="vendors, one of them, or a chain like tushare,akshare.")] = "vendors",
    database_url: Annotated[str | None, typer.Option(help="A database without a running desk around it.")] = None,
    json: Json = False,
) -> None:
    """Ask each endpoint of each vendor one thing with a known answer, and compare two vendors."""
    from libs.cli import canaries
    from libs.cli.terminal import leave

    leave(lambda: canaries.ask(source, database_url, as_json=json))


@data.command()
def cancel(job: Annotated[str, typer.Argument(help="The job's id, or `newest`.")] = "newest") -> None:
    """End a job; what it has stored stays, and --resume goes on with it."""
    from libs.cli import data_sync as command
    from libs.cli.terminal import leave

    leave(lambda: command.cancel(job))


@data.command()
def gaps(
    symbols: Annotated[str | None, typer.Option(help="Only these, comma separated.")] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Fetch what is missing.")] = False,
    source: Annotated[str | None, typer.Option(help="The vendors that are asked, for --repair.")] = None,
    json: Json = False,
) -> None:
    """Show sessions of a share without bar and without suspension, and fetch them again."""
    from libs.cli import data_quality
    from libs.cli.terminal import leave

    leave(lambda: data_quality.show_gaps(symbols, source=source, repair=repair, as_json=json))


@data.command()
def report(
    session: Annotated[str | None, typer.Option(metavar="DATE", help="A session; else the newest with bars.")] = None,
    json: Json = False,
) -> None:
    """Show how complete a session is, kind by kind."""
    from libs.cli import data_quality
    from libs.cli.terminal import leave

    leave(lambda: data_quality.report(session, as_json=json))


@quarantine.command(name="list")
def list_held(  # noqa: PLR0917 - one parameter per option
    kind: Annotated[str | None, typer.Option(help="Only this kind, e.g. bars.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only this reason.")] = None,
    symbol: Annotated[str | None, typer.Option(help="Only this symbol.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Those decided on, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 100,
    json: Json = False,
) -> None:
    """Show refused rows, newest first, and how many there are of each reason."""
    from libs.cli import data_quality
    from libs.cli.terminal import leave

    filters = {"kind": kind, "reason": reason, "symbol": symbol}
    leave(lambda: data_quality.list_held(**filters, every=every, limit=limit, as_json=json))


@quarantine.command()
def show(row: Annotated[int, typer.Argument(help="The row's id.")], json: Json = False) -> None:
    """Show one refused row with everything it was read with."""
    from libs.cli import data_quality
    from libs.cli.terminal import leave

    leave(lambda: data_quality.show_held(row, as_json=json))


@quarantine.command()
def release(ids: Ids, why: Why, who: Who = None) -> None:
    """Store rows as they were read, against the check that refused them."""
    from libs.cli import data_quality
    from libs.cli.terminal import leave

    leave(lambda: data_quality.decide("release", ids, why, who))


@quarantine.command()
def dismiss(ids: Ids, why: Why, who: Who = None) -> None:
    """Close the matter of rows that are rightly refused."""
    from libs.cli import data_quality
    from libs.cli.terminal import leave

    leave(lambda: data_quality.decide("dismiss", ids, why, who))
