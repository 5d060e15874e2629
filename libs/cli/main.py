"""The command line itself: verbs and their options. What a verb does stands in a module loaded when it runs."""

# ruff: noqa: PLC0415 - `hiddengem --help` must not load the database, the bus and the tables
from pathlib import Path
from typing import Annotated

import typer

from libs.cli.data_verbs import data
from libs.cli.feed_verbs import feed
from libs.cli.options import First, Json, Last
from libs.cli.rights_verbs import rights

app = typer.Typer(
    name="hiddengem",
    help="A multi-agent trading desk for Chinese A-shares.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
apikey = typer.Typer(help="Keys of the API: create, list, revoke.", no_args_is_help=True)
db = typer.Typer(help="The database: bring it up to date.", no_args_is_help=True)
rules = typer.Typer(help="The rulebook: hold bars against it.", no_args_is_help=True)
app.add_typer(apikey, name="apikey")
app.add_typer(data, name="data")
app.add_typer(db, name="db")
app.add_typer(feed, name="feed")
app.add_typer(rights, name="rights")
app.add_typer(rules, name="rules")


@app.command()
def up(  # noqa: PLR0913, PLR0917 - one parameter per option
    source: Annotated[
        str | None,
        typer.Option(
            envvar="HIDDENGEM_SOURCE", help="Where the market comes from: vendors, tushare, akshare, file:PATH or sim."
        ),
    ] = None,
    first: First = None,
    last: Last = None,
    host: Annotated[str, typer.Option(envvar="HIDDENGEM_HOST", help="Where the API listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="HIDDENGEM_PORT", min=1, max=65535, help="Port of the API.")] = 8000,
    watchlist: Annotated[
        str | None,
        typer.Option(envvar="HIDDENGEM_WATCHLIST", help="Symbols to follow, comma separated; else the 20 most traded."),
    ] = None,
    run: Annotated[bool, typer.Option("--run/--no-run", help="Import the market and replay it first.")] = True,
    keep: Annotated[bool, typer.Option("--serve/--no-serve", help="Keep serving after the replay.")] = True,
) -> None:
    """Start the whole desk on this machine; Ctrl-C stops it."""
    from libs.cli import up as command
    from libs.cli.terminal import leave

    options = command.UpOptions(
        source=source, first=first, last=last, host=host, port=port, watchlist=watchlist, run=run, keep=keep
    )
    leave(lambda: command.up(options))


@app.command()
def down() -> None:
    """Stop the desk that runs on this machine."""
    from libs.cli import processes
    from libs.cli.terminal import leave

    leave(processes.down)


@app.command()
def ps(json: Json = False) -> None:
    """Show the processes of the desk that runs on this machine."""
    from libs.cli import processes
    from libs.cli.terminal import leave

    leave(lambda: processes.ps(as_json=json))


@app.command(name="round")
def open_round(
    symbols: Annotated[list[str] | None, typer.Argument(help="Symbols like 600519.SH; else the watchlist.")] = None,
    trade: Annotated[bool, typer.Option("--trade", help="Let the decisions become trade intents.")] = False,
    json: Json = False,
) -> None:
    """Ask every analyst of the running desk, and show what they decide."""
    from libs.cli import rounds
    from libs.cli.terminal import leave

    leave(lambda: rounds.open_round(symbols or [], trade=trade, as_json=json))


@app.command()
def replay(
    first: First = None,
    last: Last = None,
    symbols: Annotated[
        str | None,
        typer.Option(envvar="HIDDENGEM_WATCHLIST", help="Symbols to trade, comma separated; else the 20 most traded."),
    ] = None,
    supersede: Annotated[bool, typer.Option("--supersede", help="End a replay that is still running.")] = False,
    json: Json = False,
) -> None:
    """Walk the running desk through past sessions on a fresh account."""
    from libs.cli import replays
    from libs.cli.terminal import leave

    leave(lambda: replays.replay(first, last, symbols, supersede=supersede, as_json=json))


@apikey.command(name="create")
def create_key(
    name: Annotated[str, typer.Argument(help="What the key is for; a live key of this name is replaced.")],
    role: Annotated[str, typer.Option(help="viewer, operator, trader or admin.")] = "viewer",
    json: Json = False,
) -> None:
    """Create a key and show it, this once."""
    from libs.cli import apikeys
    from libs.cli.terminal import leave

    leave(lambda: apikeys.create(name, role, as_json=json))


@apikey.command(name="list")
def list_keys(json: Json = False) -> None:
    """Show every key: its role, and when it was used last."""
    from libs.cli import apikeys
    from libs.cli.terminal import leave

    leave(lambda: apikeys.show(as_json=json))


@apikey.command(name="revoke")
def revoke_key(name: Annotated[str, typer.Argument(help="The key's name.")]) -> None:
    """End a key; the API refuses it within two seconds."""
    from libs.cli import apikeys
    from libs.cli.terminal import leave

    leave(lambda: apikeys.revoke(name))


@rules.command(name="check")
def check_rules(
    file: Annotated[Path, typer.Argument(help="Daily bars, unadjusted: .parquet, .csv or .csv.gz.")],
    instruments: Annotated[
        Path | None, typer.Option(help="Instrument list: listing dates, delistings, classes of funds.")
    ] = None,
    overlay: Annotated[Path | None, typer.Option(help="Calendar overlay: closures after the horizon.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="List the explained exceptions as well.")] = False,
    json: Json = False,
) -> None:
    """Hold a file of daily bars against the rulebook: what lies outside its band, and why."""
    from libs.cli import rules as command
    from libs.cli.terminal import leave

    leave(lambda: command.check(file, instruments, overlay, everything=everything, as_json=json))


@db.command()
def upgrade(
    service: Annotated[list[str] | None, typer.Option(help="Further services that need a database role.")] = None,
) -> None:
    """Migrate the database and give every service its role.

    Reads HIDDENGEM_OWNER_URL (else HIDDENGEM_DATABASE_URL) and HIDDENGEM_SERVICE_PASSWORD.
    """
    from libs.cli import database
    from libs.cli.terminal import leave

    leave(lambda: database.upgrade_database(service or []))


def main() -> None:
    """The command `hiddengem`, under that name however it was started."""
    app(prog_name="hiddengem")


if __name__ == "__main__":
    main()
