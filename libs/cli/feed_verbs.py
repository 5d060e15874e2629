"""The verbs `hiddengem feed …` and their options. What a verb does stands in a module loaded when it runs."""

# ruff: noqa: PLC0415 - `hiddengem --help` must not load the bus and the tables
from pathlib import Path
from typing import Annotated

import typer

from libs.cli.options import Json

feed = typer.Typer(help="Live feeds: play a recording, watch what the desk hears.", no_args_is_help=True)


@feed.command()
def play(  # noqa: PLR0913, PLR0917 - one parameter per option
    file: Annotated[Path, typer.Argument(help="Recorded trades, minute bars or daily bars; a file or a folder.")],
    speed: Annotated[float, typer.Option(min=0, help="Seconds of the recording per second; 0: as fast as read.")] = 1.0,
    kind: Annotated[str | None, typer.Option(help="ticks, minute_bars or bars; else the finest there is.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="The first session to play.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="The last session to play.")] = None,
    every: Annotated[float, typer.Option(min=0.001, help="Seconds of the recording in one message.")] = 1.0,
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 9100,
) -> None:
    """Play a recording to everyone who connects, as a feed of the desk: HIDDENGEM_FEED=replay+ws://HOST:PORT."""
    from libs.cli import feeds as command
    from libs.cli.terminal import leave

    of = command.Recorded(kind, first, last)
    leave(lambda: command.play(file, of, speed=speed, every=every, host=host, port=port))


@feed.command()
def watch(
    topic: Annotated[str, typer.Argument(help="quotes, trades, bars or feed.")] = "quotes",
    count: Annotated[int, typer.Option(min=0, help="End after so many events; 0: never.")] = 0,
    json: Json = False,
) -> None:
    """Show what the running desk publishes of the market, as it comes."""
    from libs.cli import feeds as command
    from libs.cli.terminal import leave

    leave(lambda: command.watch(topic, count=count, as_json=json))


@feed.command()
def status(json: Json = False) -> None:
    """Show how the live feed is doing: connected, silent shares, ticks refused by reason."""
    from libs.cli import feeds as command
    from libs.cli.terminal import leave

    leave(lambda: command.status(as_json=json))
