"""From the sites into the store: documents with all that is known of them, once each, whoever dies in between."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import polars as pl
import pytest
from sqlalchemy import text

from libs.domain.errors import InvalidInput
from libs.marketdata.source import Kind
from libs.newswire.documents import Document
from libs.storage import market_writes, newswire_cache, sync_jobs
from libs.storage.engine import transaction
from services.ingestion.documents import DocumentsReport, Wanted, collect_documents, frame_of
from services.ingestion.documents_settings import DocumentsSettings
from tests.integration.ingestion.conftest import Ingestion
from tests.support import newswire_pages as pages
from tests.support.newswire_pages import Made, path_of
from tests.support.newswire_stub import NewswireStub, Reply, newswire

NOW = datetime(2024, 9, 27, 4, 0, tzinfo=UTC)
CSRC = "www.csrc.gov.cn"
LIST = "/csrc/c100028/common_list.shtml"
TEXTS = [
    Made(
        "证监会发布甲规则",
        f"https://{CSRC}/csrc/c100028/c1/content.shtml",
        "2024-09-26",
        "甲规则自10月起施行。\n证监发〔2024〕12号",
    ),
    Made(
        "证监会发布乙规则",
        f"https://{CSRC}/csrc/c100028/c2/content.shtml",
        "2024-09-26",
        "乙规则公开征求\u200b意见，为期30日。",
    ),
]
ANNOUNCED = {"announcementTitle": "2024年半年度报告", "announcementTime": 1_727_280_000_000}


class SetClock:
    """Stands still until it is set; the turns of a host are proved elsewhere, here nobody waits for them."""

    def __init__(self) -> None:
        self.now = NOW
        self.seconds = 0.0

    def utc_now(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        self.seconds += 0.001
        return self.seconds


@pytest.fixture
def stub() -> Iterator[NewswireStub]:
    with newswire() as running:
        put(running, *TEXTS)
        running.give(
            "www.cninfo.com.cn", "/new/hisAnnouncement/query", Reply(pages.cninfo([ANNOUNCED]), kind="application/json")
        )
        yield running


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


def put(stub: NewswireStub, *texts: Made) -> None:
    stub.give(CSRC, LIST, Reply(pages.csrc_list(texts), headers={"ETag": '"1"'}))
    for made in texts:
        stub.give(CSRC, path_of(made.url), Reply(pages.csrc_article(made)))


@pytest.fixture
def job(ingestion: Ingestion) -> UUID:
    job_id = uuid4()
    with transaction(ingestion.engine) as connection:
        sync_jobs.open_job(connection, job_id, {}, NOW)
    return job_id


def collect(
    ingestion: Ingestion, stub: NewswireStub, clock: SetClock, job: UUID, outlets: str = "csrc,cninfo", **wanted: Any
) -> DocumentsReport:
    settings = DocumentsSettings(newswire_outlets=outlets)
    asked = Wanted(job, **{"since": clock.now - timedelta(days=5), **wanted})
    return collect_documents(ingestion.engine, settings, clock, asked, network=stub.network())


def rows(ingestion: Ingestion, query: str) -> list[Any]:
    with transaction(ingestion.engine) as connection:
        return list(connection.execute(text(query)).mappings())


def test_documents_are_stored_with_all_that_is_known_of_them(
    ingestion: Ingestion, stub: NewswireStub, clock: SetClock, job: UUID
) -> None:
    report = collect(ingestion, stub, clock, job)
    assert report.failed == ()
    assert [(i.path, i.rows_read, i.inserted) for i in report.imports] == [("csrc", 2, 2), ("cninfo", 1, 1)]
    first, second = rows(ingestion, "SELECT * FROM market.documents WHERE kind = 'policy' ORDER BY title")
    by_title = {row["title"]: row for row in (first, second)}
    paper = by_title["证监会发布甲规则"]
    assert (paper["outlet"], paper["issuer"]) == ("中国证监会", "中国证券监督管理委员会")
    assert (paper["document_number"], paper["url"]) == ("证监发〔2024〕12号", TEXTS[0].url)
    assert paper["published_at"] == datetime(2024, 9, 26, 10, 5, tzinfo=UTC)
    assert (paper["source"], paper["synthetic"], paper["fetched_at"]) == ("newswire", False, NOW)
    assert by_title["证监会发布乙规则"]["body"] == "乙规则公开征求意见，为期30日。"
    (announcement,) = rows(ingestion, "SELECT * FROM market.documents WHERE kind = 'announcement'")
    assert (announcement["symbols"], announcement["body"]) == (["600519.SH"], "")


def test_every_outlet_leaves_a_row_that_tells_what_became_of_it(
    ingestion: Ingestion, stub: NewswireStub, clock: SetClock, job: UUID
) -> None:
    collect(ingestion, stub, clock, job)
    told = {row["path"]: row for row in rows(ingestion, "SELECT * FROM market.imports WHERE source = 'newswire'")}
    assert set(told) == {"csrc", "cninfo"}
    assert (told["csrc"]["job_id"], told["csrc"]["kind"]) == (job, "documents")
    assert (told["csrc"]["rows_read"], told["csrc"]["rows_written"]) == (2, 2)
    assert told["csrc"]["detail"]["outlet"]["removed"] == {"zero_width": 1}


def test_the_next_look_asks_conditionally_and_writes_nothing(
    ingestion: Ingestion, stub: NewswireStub, clock: SetClock, job: UUID
) -> None:
    collect(ingestion, stub, clock, job)
    before = rows(ingestion, "SELECT document_id, xmin::text FROM market.documents ORDER BY 1")
    clock.now += timedelta(hours=1)
    stub.give(CSRC, LIST, lambda r: Reply(status=304 if r.headers.get("if-none-match") == '"1"' else 500))
    report = collect(ingestion, stub, clock, job)
    assert {o.outlet: (o.unchanged, o.known, o.new) for o in report.outlets} == {"csrc": (1, 0, 0), "cninfo": (0, 1, 0)}
    assert rows(ingestion, "SELECT document_id, xmin::text FROM market.documents ORDER BY 1") == before


def test_a_second_look_too_early_asks_nobody(
    ingestion: Ingestion, stub: NewswireStub, clock: SetClock, job: UUID
) -> None:
    collect(ingestion, stub, clock, job)
    asked = len(stub.asked)
    report = collect(ingestion, stub, clock, job)
    assert len(stub.asked) == asked
    assert report.imports == ()
    assert {o.due_at for o in report.outlets} == {NOW + timedelta(seconds=600)}


def test_a_process_that_dies_before_it_has_stored_loses_nothing(
    ingestion: Ingestion, stub: NewswireStub, clock: SetClock, job: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(newswire_cache, "remember", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            collect(ingestion, stub, clock, job)
    assert ingestion.count("documents") == ingestion.count("newswire_seen") == 0
    clock.now += timedelta(minutes=11)
    assert collect(ingestion, stub, clock, job).imports[0].inserted == 2


def test_a_copy_is_remembered_with_the_document_that_is_kept(
    ingestion: Ingestion, stub: NewswireStub, clock: SetClock, job: UUID
) -> None:
    copy = Made("证监会：甲规则", f"https://{CSRC}/csrc/c100028/c3/content.shtml", "2024-09-27", TEXTS[0].body)
    stub.give(CSRC, path_of(copy.url), Reply(pages.csrc_article(copy, "09:00")))
    collect(ingestion, stub, clock, job)
    clock.now += timedelta(hours=1)
    put(stub, *TEXTS)
    stub.give(CSRC, LIST, Reply(pages.csrc_list([copy, *TEXTS])))
    stub.give(CSRC, path_of(copy.url), Reply(pages.csrc_article(copy, "09:00")))
    report = collect(ingestion, stub, clock, job, "csrc")
    assert report.outlets[0].duplicates == {"number": 1}
    assert ingestion.count("documents") == 3
    (kept,) = rows(ingestion, "SELECT document_id FROM market.documents WHERE title = '证监会发布甲规则'")
    (seen,) = rows(ingestion, "SELECT document_id FROM market.newswire_seen WHERE url_key LIKE '%/c3/%'")
    assert seen["document_id"] == kept["document_id"]


def test_a_text_that_came_from_a_file_is_not_stored_again(
    ingestion: Ingestion, stub: NewswireStub, clock: SetClock, job: UUID
) -> None:
    told = "会议强调，要保持政策连续性稳定性，持续推动经济回升向好，扎实做好保供稳价等各项工作。"
    made = Made("某会议在京召开", "https://tv.cctv.com/2024/09/26/VIDEabc240926.shtml", "2024-09-26", told)
    stored = Document(
        kind="policy",
        outlet_id="file",
        outlet="CCTV",
        title=made.title,
        body=f"央视网消息（新闻联播）：{told}",
        url="",
        published_at=datetime(2024, 9, 26, 11, 30, tzinfo=UTC),
    )
    with transaction(ingestion.engine) as connection:
        frame = frame_of([stored]).with_columns(url=pl.lit(None, dtype=pl.String))
        market_writes.upsert(connection, Kind.DOCUMENTS, frame, market_writes.Provenance("file", False, NOW))
    stub.give("tv.cctv.com", "/lm/xwlb/day/20240926.shtml", Reply(pages.cctv_list([made])))
    stub.give("tv.cctv.com", path_of(made.url), Reply(pages.cctv_article(made)))
    report = collect(ingestion, stub, clock, job, "cctv", since=NOW - timedelta(hours=20))
    assert report.outlets[0].duplicates == {"text": 1}
    assert ingestion.count("documents") == 1


def test_every_page_moves_the_job_and_whoever_ends_it_is_obeyed(
    ingestion: Ingestion, stub: NewswireStub, clock: SetClock, job: UUID
) -> None:
    shown: list[tuple[float, str]] = []
    settings, wanted = DocumentsSettings(newswire_outlets="csrc,cninfo"), Wanted(job, NOW - timedelta(days=5))

    def progress(share: float, message: str) -> None:
        shown.append((share, message))
        if message.startswith("newswire: cninfo"):
            raise sync_jobs.JobEnded("by the operator")

    with pytest.raises(sync_jobs.JobEnded):
        collect_documents(ingestion.engine, settings, clock, wanted, progress=progress, network=stub.network())
    assert [message for _, message in shown][:3] == [f"newswire: csrc, {n} pages" for n in (1, 2, 3)]
    assert [share for share, _ in shown] == sorted(share for share, _ in shown)
    assert ingestion.count("documents") == 2


def test_an_outlet_that_fails_is_reported_and_the_others_are_stored(
    ingestion: Ingestion, stub: NewswireStub, clock: SetClock, job: UUID
) -> None:
    stub.give(CSRC, LIST, Reply("<html><body>系统维护</body></html>".encode()))
    report = collect(ingestion, stub, clock, job)
    assert [(f.part, f.code) for f in report.failed] == [("newswire/csrc", "newswire.page_changed")]
    assert ingestion.count("documents") == 1


def test_what_is_too_old_or_unknown_is_refused_before_anybody_is_asked(
    ingestion: Ingestion, stub: NewswireStub, clock: SetClock, job: UUID
) -> None:
    with pytest.raises(InvalidInput, match="10 days"):
        collect(ingestion, stub, clock, job, since=NOW - timedelta(days=11))
    with pytest.raises(InvalidInput, match="weibo"):
        collect(ingestion, stub, clock, job, "weibo")
    assert stub.asked == []
