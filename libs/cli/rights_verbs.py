"""The verbs `hiddengem rights …` and their options. What a verb does stands in a module loaded when it runs."""

# ruff: noqa: PLC0415 - `hiddengem --help` must not load the database and the tables
from typing import Annotated

import typer

rights = typer.Typer(
    help="Rights issues: have them subscribed. Without a word of yours they lapse.", no_args_is_help=True
)


@rights.callback()
def _group() -> None:
    """One verb alone would take the place of its group."""


@rights.command()
def subscribe(
    symbol: Annotated[str, typer.Argument(help="The share, e.g. 600519.SH.")],
    ex_date: Annotated[str, typer.Argument(metavar="DATE", help="Its ex-date.")],
    quantity: Annotated[int, typer.Argument(min=1, help="How many new shares; no more than are offered are taken.")],
    listed_on: Annotated[str, typer.Option(metavar="DATE", help="When the new shares are listed, as announced.")],
    account: Annotated[str | None, typer.Option(help="Else the account that is open.")] = None,
) -> None:
    """Have rights subscribed at the opening of their ex-date."""
    from libs.cli import rights as command
    from libs.cli.terminal import leave

    leave(lambda: command.subscribe(symbol, ex_date, quantity, listed_on=listed_on, account=account))
