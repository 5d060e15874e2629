"""`hiddengem data canary`: does every endpoint of the vendors still answer in its shape, its units and its range?"""

from rich.console import Console
from rich.table import Table

from libs.cli.data_sync import SyncOptions, done, request_of
from libs.cli.terminal import EXIT_FAILED, console, print_json
from libs.contracts.market import SyncReport
from libs.domain.errors import InvalidInput

_STYLES = {"ok": "green", "failed": "red", "unreachable": "yellow"}


def ask(source: str, database_url: str | None, *, as_json: bool) -> int:
    """The verb: 1 where an endpoint answered wrongly or two vendors differ.

    A vendor that cannot be reached is shown, and is no reason to end 1.
    """
    options = SyncOptions(source, database_url=database_url, as_json=as_json)
    request = request_of(options)
    if request.source in {"file", "sim"}:
        raise InvalidInput("--source", "only vendors can be asked")
    report = done(options, request.model_copy(update={"canaries": True}))
    if as_json:
        print_json(report)
    else:
        show(report, on=console)
    return exit_code(report)


def show(report: SyncReport, *, on: Console) -> None:
    """What was found, for people."""
    table = Table(box=None, header_style="dim")
    for name in ("vendor", "kind", "endpoint", "answered", "seconds", "what is wrong"):
        table.add_column(name, justify="right" if name == "seconds" else "left")
    for canary in report.canaries:
        outcome = f"[{_STYLES[canary.outcome]}]{canary.outcome}[/]"
        detail = canary.detail.replace("[", r"\[")
        table.add_row(canary.vendor, canary.kind, canary.endpoint, outcome, f"{canary.seconds:.1f}", detail)
    on.print(table)
    if (compared := report.compared) is not None:
        said = "agree" if compared.agree else f"{compared.differences:,} differences"
        on.print(f"{compared.left} and {compared.right}: {said} in {compared.rows:,} rows of {compared.kind}")


def exit_code(report: SyncReport) -> int:
    """1 where something answered wrongly or two vendors differ."""
    wrong = any(canary.outcome == "failed" for canary in report.canaries)
    differ = report.compared is not None and report.compared.differences > 0
    return EXIT_FAILED if wrong or differ else 0
