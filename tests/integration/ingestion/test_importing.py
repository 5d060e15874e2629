"""What becomes of a job whose source gives some parts and fails at others."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID, uuid4

import polars as pl
import pytest

from libs.domain.clock import SystemClock
from libs.marketdata.source import Batch, Kind, Part, Skipped, SourceError
from libs.storage import sync_jobs
from libs.storage.engine import transaction
from services.ingestion.importing import ENOUGH_FAILURES, Attempt, Importer
from tests.integration.ingestion.conftest import Ingestion
from tests.support.market_rows import GOOD, frame_of


class Source:
    """Parts by name; those of `broken` cannot be read."""

    name = "tushare"
    synthetic = False
    kinds = frozenset(Kind)

    def __init__(self, names: Sequence[str], broken: Sequence[str]) -> None:
        self._names = tuple(names)
        self._broken = frozenset(broken)
        self.asked: list[str] = []

    def parts(self) -> list[Part]:
        return [Part(name, None) for name in self._names]

    def read(self, part: Part) -> list[Batch]:
        self.asked.append(part.name)
        if part.name in self._broken:
            raise SourceError("HTTP status 500")
        days = pl.DataFrame({"session": [date(2024, 9, 2 + len(self.asked))]})
        return [Batch(Kind.CALENDAR, days, part.name, 1)]

    def skipped(self) -> list[Skipped]:
        return []


def importer(ingestion: Ingestion, source: Source) -> tuple[Importer, UUID]:
    clock = SystemClock()
    job_id = uuid4()
    with transaction(ingestion.engine) as connection:
        sync_jobs.open_job(connection, job_id, {"source": "tushare"}, clock.utc_now())
    return Importer(ingestion.engine, source, Attempt(job_id, 0), clock, lambda *_: None), job_id


def test_a_part_that_cannot_be_had_keeps_no_other_from_being_stored(ingestion: Ingestion) -> None:
    doing, job_id = importer(ingestion, Source(("bars/1", "bars/2", "bars/3"), ["bars/2"]))
    report = doing.run()
    assert [(failed.part, failed.code) for failed in report.failed] == [("bars/2", "marketdata.source_failed")]
    assert (len(report.imports), ingestion.job(job_id).parts_done) == (2, 2)


def test_a_kind_that_keeps_failing_is_given_up_and_the_next_kind_is_not(ingestion: Ingestion) -> None:
    bars = [f"bars/{n}" for n in range(20)]
    source = Source([*bars, "margin/1"], bars)
    report = importer(ingestion, source)[0].run()
    assert source.asked == [*bars[:ENOUGH_FAILURES], "margin/1"]
    assert report.failed[-1].reason == "15 more parts were not tried"
    assert len(report.imports) == 1


def test_a_job_of_which_nothing_could_be_had_fails_with_the_reasons(ingestion: Ingestion) -> None:
    doing, _ = importer(ingestion, Source(("bars/1", "bars/2"), ["bars/1", "bars/2"]))
    with pytest.raises(SourceError, match=r"bars/1: HTTP status 500; bars/2: HTTP status 500"):
        doing.run()


def test_a_job_that_was_cancelled_stores_nothing_more(ingestion: Ingestion) -> None:
    doing, job_id = importer(ingestion, Source(("bars/1",), ()))
    with transaction(ingestion.engine) as connection:
        assert sync_jobs.cancel(connection, job_id, SystemClock().utc_now())
    with pytest.raises(sync_jobs.JobEnded):
        doing.run()
    assert (ingestion.count("calendar"), ingestion.count("imports")) == (0, 0)


def test_an_attempt_that_was_overtaken_stores_nothing_more(ingestion: Ingestion) -> None:
    doing, job_id = importer(ingestion, Source(("bars/1",), ()))
    now = SystemClock().utc_now()
    with transaction(ingestion.engine) as connection:
        assert sync_jobs.begin_attempt(connection, job_id, None, holder="another", now=now, until=now) == 1
    with pytest.raises(sync_jobs.JobEnded):
        doing.run()
    assert (ingestion.count("calendar"), ingestion.job(job_id).parts_done) == (0, 0)


class Misfits(Source):
    """One of whose parts holds a row that its table refuses although no check did."""

    def read(self, part: Part) -> list[Batch]:
        if part.name != "suspensions/1":
            return super().read(part)
        row = {**GOOD[Kind.SUSPENSIONS], "extent": "half"}
        good = {**GOOD[Kind.SUSPENSIONS], "symbol": "000001.SZ"}
        return [Batch(Kind.SUSPENSIONS, frame_of(Kind.SUSPENSIONS, good, row), part.name, 2)]


def test_rows_that_their_table_refuses_cost_their_part_and_name_the_table(ingestion: Ingestion) -> None:
    doing, job_id = importer(ingestion, Misfits(("margin/1", "suspensions/1", "margin/2"), ()))
    [failed] = doing.run().failed
    assert (failed.part, failed.code) == ("suspensions/1", "marketdata.unstorable")
    assert "market.suspensions" in failed.reason
    assert "suspensions_extent_check" in failed.reason
    assert (ingestion.count("suspensions"), ingestion.job(job_id).parts_done) == (0, 2)
