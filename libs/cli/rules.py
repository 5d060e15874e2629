"""`hiddengem rules check`: does a file of daily bars obey the rulebook, and if not, which fact says why?"""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from libs.ashare.reasons import OPEN, UNCHECKED, UNLIMITED, BarReport, Finding, Reason
from libs.cli.terminal import EXIT_FAILED, console, print_json
from libs.domain.errors import ConfigurationError, InvalidInput
from libs.runtime.desk_calendar import apply_overlay, overlay_of

if TYPE_CHECKING:
    from libs.ashare.check import Bars

_LISTED = 50
_BUSIEST = 5
_MEANING = {
    Reason.SUSPENDED: "no trading, by the file itself",
    Reason.DUPLICATE: "the same row stands there before",
    Reason.UNKNOWN_RULE: "no rule is known for the instrument or the day",
    Reason.NO_REFERENCE: "first row of a share, and no reference price in the file",
    Reason.NO_ISSUE_PRICE: "listing day, and no issue price in the file",
    Reason.FIRST_SESSIONS: "no limit by the rule of the listing date",
    Reason.SPECIAL_DAY: "no limit by a dated fact of the rulebook",
    Reason.KNOWN_REFERENCE: "inside the band of a reference price the rulebook knows",
    Reason.NEW_LISTING: "the share's rows have just begun, after those of others",
    Reason.APPROXIMATE_REFERENCE: "an ex-date whose reference in the file is approximate",
    Reason.SMALL_EX_DATE: "an ex-date smaller than any the file names",
    Reason.RESUMPTION: "back after a long break, on a day without limit",
    Reason.DELISTING_PERIOD: "first session of the delisting period",
    Reason.GAP: "sessions are missing before it: the last close is not the reference",
    Reason.EX_DATE: "an ex-date, in a file without reference prices",
    Reason.DEFECTIVE: "no bar of that day",
    Reason.UNEXPLAINED: "outside its band, and nothing says why",
}


def check(file: Path, instruments: Path | None, overlay: Path | None, *, everything: bool, as_json: bool) -> int:
    """The verb; 0 when every row is explained, else 1."""
    if overlay is None:
        apply_overlay(overlay_of(os.environ))
    else:
        apply_overlay(overlay, asked_by="--overlay")
    found = _check(_read(file, instruments))
    if as_json:
        print_json(plain(file, found))
    else:
        _show(file, found, everything=everything)
    return EXIT_FAILED if found.unexplained else 0


def _read(file: Path, instruments: Path | None) -> "Bars":
    for path, name in ((file, "FILE"), (instruments, "--instruments")):
        if path is not None and not path.is_file():
            raise InvalidInput(name, f"there is no file {path}")
    try:
        from libs.ashare.check_files import read_bars  # noqa: PLC0415 - polars and numpy come with the data extra
    except ModuleNotFoundError as e:
        raise ConfigurationError(f"rules check needs {e.name}, which comes with the extra 'data'") from e
    return read_bars(file, instruments)


def _check(bars: "Bars") -> BarReport:
    from libs.ashare import check as checking  # noqa: PLC0415 - numpy comes with the data extra
    from libs.ashare.check_report import report  # noqa: PLC0415

    return report(checking.check(bars))


def plain(file: Path, found: BarReport) -> dict[str, object]:
    """The report for a program."""
    return {
        "file": file.name,
        "rows": found.rows,
        "shares": found.shares,
        "from": found.first.isoformat(),
        "to": found.last.isoformat(),
        "ordinary": found.ordinary,
        "inside": found.inside,
        "outside": found.outside,
        "unexplained": found.unexplained,
        "special_treatment_unknown": found.special_unknown,
        "reasons": {reason.value: count for reason, count in found.reasons.items()},
        "exceptions": [_plain_finding(finding) for finding in found.findings if finding.reason not in OPEN],
        "unexplained_rows": [_plain_finding(finding) for finding in found.findings if finding.reason in OPEN],
        "limit_closes": [
            {"session": closes.session.isoformat(), "up": closes.up, "down": closes.down}
            for closes in found.limit_closes
        ],
    }


def _plain_finding(finding: Finding) -> dict[str, object]:
    prices = {"reference": finding.reference, "low": finding.low, "high": finding.high}
    return {
        "symbol": finding.symbol,
        "session": finding.session.isoformat(),
        "reason": finding.reason.value,
        **{name: None if price is None else str(price) for name, price in prices.items()},
        "detail": finding.detail,
    }


def _show(file: Path, found: BarReport, *, everything: bool) -> None:
    console.print(f"{file.name}: {found.rows:,} rows, {found.shares:,} shares, {found.first} to {found.last}")
    console.print(_figures(found))
    if found.special_unknown:
        console.print(
            f"For {found.special_unknown:,} rows nothing says whether the share was ST that day; they are held "
            "against the wider limit."
        )
    _show_busiest(found)
    open_rows = [finding for finding in found.findings if finding.reason in OPEN]
    if everything:
        console.print(_listed("Exceptions", [finding for finding in found.findings if finding.reason not in OPEN]))
    if open_rows:
        console.print(_listed("Unexplained rows", open_rows[:_LISTED]))
        if len(open_rows) > _LISTED:
            console.print(f"… and {len(open_rows) - _LISTED:,} more; --json lists them all")
    elif found.reasons.get(Reason.UNKNOWN_RULE):
        console.print("Every row that a rule is known for is explained.", style="yellow")
    else:
        console.print("Every row is explained.", style="green")


def _figures(found: BarReport) -> Table:
    table = Table("rows", "what", "reason", title="Rules on these bars", title_justify="left")
    table.columns[0].justify = "right"
    table.add_row(f"{found.inside:,}", "ordinary, inside the band", "")
    counts = Counter(dict(found.reasons))
    for what, reasons in (
        ("a day without limit", UNLIMITED),
        ("not to be checked", UNCHECKED),
        ("outside the band", frozenset(Reason) - UNLIMITED - UNCHECKED - OPEN - {Reason.INSIDE}),
        ("unexplained", OPEN),
    ):
        for reason in Reason:
            if reason in reasons and counts[reason]:
                style = "red" if reason in OPEN else None
                table.add_row(f"{counts[reason]:,}", what, f"{reason.value}: {_MEANING[reason]}", style=style)
    return table


def _show_busiest(found: BarReport) -> None:
    up, down = (sum(getattr(closes, side) for closes in found.limit_closes) for side in ("up", "down"))
    console.print(f"Closes at the upper limit: {up:,}; at the lower limit: {down:,}.")
    for side in ("up", "down"):
        most = sorted(found.limit_closes, key=lambda closes: getattr(closes, side), reverse=True)[:_BUSIEST]
        days = ", ".join(f"{closes.session} {getattr(closes, side)}" for closes in most if getattr(closes, side))
        if days:
            console.print(f"  most {side}: {days}")


def _listed(title: str, findings: Iterable[Finding]) -> Table:
    table = Table(
        "symbol", "session", "reason", "reference", "low", "high", "detail", title=title, title_justify="left"
    )
    for found in findings:
        prices = ("" if price is None else str(price) for price in (found.reference, found.low, found.high))
        table.add_row(found.symbol, found.session.isoformat(), found.reason.value, *prices, found.detail)
    return table
