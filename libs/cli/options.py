"""Options that several verbs of `hiddengem` share."""

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program instead of text.")]
First = Annotated[
    str | None, typer.Option("--from", envvar="HIDDENGEM_FROM", metavar="DATE", help="First session, e.g. 2024-09-02.")
]
Last = Annotated[
    str | None, typer.Option("--to", envvar="HIDDENGEM_TO", metavar="DATE", help="Last session, e.g. 2024-10-31.")
]
