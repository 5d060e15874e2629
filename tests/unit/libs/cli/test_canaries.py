"""What a person and a program read of the canaries."""

import io
from datetime import UTC, datetime
from typing import Literal

import pytest
from rich.console import Console

from libs.cli.canaries import exit_code, show
from libs.contracts.market import CanaryReport, SyncReport, VendorsCompared

Outcome = Literal["ok", "failed", "unreachable"]


def _canary(outcome: Outcome, detail: str = "") -> CanaryReport:
    return CanaryReport(
        vendor="tushare",
        kind="bars",
        endpoint="daily",
        outcome=outcome,
        detail=detail,
        seconds=0.25,
        checked_at=datetime(2024, 10, 8, tzinfo=UTC),
    )


def _report(*canaries: CanaryReport, differences: int | None = None) -> SyncReport:
    compared = None
    if differences is not None:
        compared = VendorsCompared(
            kind="bars", left="tushare", right="baostock", agree=not differences, rows=15, differences=differences
        )
    return SyncReport(source="vendors", synthetic=False, canaries=canaries, compared=compared)


@pytest.mark.parametrize(
    ("report", "code"),
    [
        (_report(_canary("ok")), 0),
        (_report(_canary("ok"), _canary("unreachable")), 0),
        (_report(_canary("ok"), _canary("failed")), 1),
        (_report(_canary("ok"), differences=0), 0),
        (_report(_canary("ok"), differences=2), 1),
    ],
)
def test_only_a_wrong_answer_or_a_difference_ends_badly(report: SyncReport, code: int) -> None:
    assert exit_code(report) == code


def test_every_endpoint_is_shown_with_what_is_wrong() -> None:
    out = io.StringIO()
    wrong = _canary("failed", "the column [收盘] is missing")
    show(_report(_canary("ok"), wrong, differences=2), on=Console(file=out, width=140))
    lines = out.getvalue().splitlines()
    assert lines[2].split()[:5] == ["tushare", "bars", "daily", "failed", "0.2"]
    assert "the column [收盘] is missing" in lines[2]
    assert lines[3] == "tushare and baostock: 2 differences in 15 rows of bars"
