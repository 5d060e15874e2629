"""What a person reads: figures, tables and the sentences for errors."""

import io
from decimal import Decimal

import pytest
from rich.console import Console
from rich.table import Table

from libs.bus.errors import DeadlineExceeded, HandlerFailed, InvalidParams, Unavailable
from libs.cli import imports, tables
from libs.cli.readiness import api_missing, last_words
from libs.cli.report import booked_lines, digest_line
from libs.cli.terminal import sentence
from libs.contracts.market import ImportReport, SkippedFile, SyncReport
from libs.domain.errors import HiddenGemError, InvalidInput
from libs.runtime.proctable import ProcessStatus


def _text(table: Table) -> str:
    out = io.StringIO()
    Console(file=out, width=120).print(table)
    return out.getvalue()


def test_figures_are_written_as_people_write_them() -> None:
    assert tables.money("1000000.0000") == "1,000,000.00"
    assert tables.money(Decimal("-3.456")) == "-3.46"
    assert (tables.percent(0.1424), tables.percent(-0.01), tables.percent(None)) == ("+14.24%", "-1.00%", "")
    assert (tables.score(-0.25).plain, tables.score(None).plain) == ("-0.250", "")


def test_the_digest_is_one_line_that_two_equal_runs_share() -> None:
    assert digest_line({"orders_digest": {"sha256": "ab" * 32, "n": 37}}) == f"ORDERS sha256={'ab' * 32} n=37"


def test_what_corporate_actions_gave_is_told_line_by_line() -> None:
    cash = {"ex_date": "2024-06-19", "symbol": "600519.SH", "record_quantity": 100, "kind": "CASH", "amount": "3087.6"}
    shares = cash | {"kind": "SHARES", "shares": 51, "fraction": "0.50000000"}
    rights = cash | {"kind": "RIGHTS", "shares": 30, "subscribed": 0, "value_lost": "92.4"}
    paid = cash | {"paid_on": "2024-06-20", "pay_date": "2024-06-20"}
    told = booked_lines([paid, cash | {"paid_on": None, "pay_date": None}, shares, rights])
    assert [line.partition(": ")[2] for line in told] == [
        "dividend of 3,087.60 before tax, paid on 2024-06-20",
        "dividend of 3,087.60 before tax, its pay date is not known",
        "51 shares credited, 0.5 of a share left over",
        "rights to 30 shares, 0 subscribed, 92.40 of value left behind",
    ]
    assert told[0].startswith("2024-06-19  600519.SH  100 shares of record")


def test_counts_keep_their_title_whole() -> None:
    shown = _text(tables.counts_table("Trade intents not traded", [("", "BELOW_ONE_LOT", 1)]))
    assert "Trade intents not traded" in shown
    assert "BELOW_ONE_LOT" in shown


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (HandlerFailed("desk.replay_running"), "a replay is running"),
        (HandlerFailed("input.invalid", detail={"field": "from"}), "from: "),
        (HandlerFailed("desk.odd"), "desk.odd"),
        (InvalidParams(("symbols: too_long",)), "symbols: too_long"),
        (DeadlineExceeded(), "did not answer in time"),
        (Unavailable(), "Redis does not answer"),
        (InvalidInput("FROM", "is\nodd"), "FROM: is odd"),
    ],
)
def test_errors_are_sentences(error: HiddenGemError, said: str) -> None:
    assert said in sentence(error)
    assert "\n" not in sentence(error)


def test_an_import_is_summed_up_and_shown_file_by_file() -> None:
    bars = ImportReport(
        path="a.csv",
        kind="bars",
        rows_read=10,
        inserted=7,
        updated=1,
        rejected={"BAD": 2},
        conflicts=3,
        flags={"odd": 1234},
    )
    report = SyncReport(
        source="file", synthetic=False, imports=(bars,), skipped=(SkippedFile(path="b.txt", reason="no"),), seconds=1.25
    )
    assert imports.summary(report) == "1 file read, 8 rows stored, 2 refused, 3 conflicts, 1 file skipped in 1.2 s"
    out = io.StringIO()
    imports.show(report, on=Console(file=out, width=120))
    assert "refused rows of a.csv: 2 BAD" in out.getvalue()
    assert "hiddengem data quarantine list" in out.getvalue()
    assert "stored and odd in a.csv: 1,234 odd" in out.getvalue()
    assert "skipped b.txt: no" in out.getvalue()
    both = report.model_copy(update={"imports": (bars, bars.model_copy(update={"kind": "valuations"}))})
    assert imports.summary(both).startswith("1 file read, 16 rows stored")
    again = report.model_copy(update={"imports": (bars.model_copy(update={"already_imported": True}),)})
    assert imports.summary(again) == "nothing new: 1 file already imported with the same content"


def test_an_import_without_a_refused_row_sends_nobody_to_the_quarantine() -> None:
    good = ImportReport(path="a.csv", kind="bars", rows_read=10, inserted=10)
    out = io.StringIO()
    imports.show(SyncReport(source="file", synthetic=False, imports=(good,)), on=Console(file=out, width=120))
    assert "quarantine" not in out.getvalue()


def test_the_last_words_are_those_of_services_that_do_not_run() -> None:
    row = ProcessStatus("risk", "service", "waiting", None, 3, None, None, "HIDDENGEM_DATABASE_URL: Field required")
    well = ProcessStatus("policy", "service", "running", 1, 0, 1.0, 1, "")
    assert last_words([well, row]) == "risk: HIDDENGEM_DATABASE_URL: Field required"


def test_an_api_that_does_not_answer_is_what_is_missing() -> None:
    assert api_missing("http://127.0.0.1:1") == ["api"]
