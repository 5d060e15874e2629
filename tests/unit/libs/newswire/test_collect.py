"""From running sites to documents: what is new, what is a copy, what failed and what that cost."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from libs.newswire.collect import Collected, Collector, OutletReport
from libs.newswire.duplicates import Known
from libs.newswire.outlets import chosen
from libs.newswire.politeness import Notebook
from tests.support import newswire_pages as pages
from tests.support.newswire_pages import Made, path_of
from tests.support.newswire_stub import NewswireStub, Reply
from tests.unit.libs.newswire.conftest import MakeFetcher, WallClock

CSRC = "www.csrc.gov.cn"
LIST = "/csrc/c100028/common_list.shtml"
NDRC = "www.ndrc.gov.cn"


def csrc(n: int, day: str = "2024-09-26", body: str | None = None) -> Made:
    told = body or f"证监会就第{n}项制度公开征求意见，自{n}月起施行，市场各方反应平稳，相关安排有序推进。"
    return Made(f"证监会发布第{n}项制度", f"https://{CSRC}/csrc/c100028/c{n}/content.shtml", day, told)


def put(stub: NewswireStub, *texts: Made) -> None:
    stub.give(CSRC, LIST, Reply(pages.csrc_list(texts), headers={"ETag": f'"{len(texts)}"'}))
    for text in texts:
        stub.give(CSRC, path_of(text.url), Reply(pages.csrc_article(text)))


Collect = Callable[..., Collected]


@pytest.fixture
def collect(fetcher_of: MakeFetcher, notebook: Notebook, clock: WallClock) -> Collect:
    """Collects as the service does: what is to be remembered is remembered afterwards."""
    memory: list[Known] = []

    def run(*ids: str, days: int = 5) -> Collected:
        collector = Collector(fetcher_of(), notebook, clock)
        found = collector.collect(chosen(ids), clock.now - timedelta(days=days), known=memory)
        memory.extend(found.remember)
        for key, validators in found.validators.items():
            notebook.keep_validators(key, validators)
        return found

    return run


def only(found: Collected) -> OutletReport:
    (report,) = found.reports
    return report


def test_what_is_new_becomes_documents(stub: NewswireStub, collect: Collect) -> None:
    put(stub, csrc(1), csrc(2), csrc(3, day="2024-08-01"))
    found = collect("csrc")
    assert [d.title for d in found.documents] == ["证监会发布第1项制度", "证监会发布第2项制度"]
    first = found.documents[0]
    assert (first.kind, first.outlet, first.issuer) == ("policy", "中国证监会", "中国证券监督管理委员会")
    assert first.published_at.isoformat() == "2024-09-26T18:05:00+08:00"
    report = only(found)
    assert (report.fetched, report.listed, report.new, report.old, report.failed) == (3, 3, 2, 1, None)


def test_the_second_look_reads_nothing_twice(stub: NewswireStub, collect: Collect, clock: WallClock) -> None:
    put(stub, csrc(1))
    collect("csrc")
    clock.sleep(601)
    put(stub, csrc(2), csrc(1))
    found = collect("csrc")
    assert [d.title for d in found.documents] == ["证监会发布第2项制度"]
    assert only(found).known == 1
    assert len(stub.asked_for(path_of(csrc(1).url))) == 1


def test_a_list_is_not_looked_at_more_often_than_is_polite(
    stub: NewswireStub, collect: Collect, clock: WallClock
) -> None:
    put(stub, csrc(1))
    collect("csrc")
    clock.sleep(300)
    report = only(collect("csrc"))
    assert report.due_at is not None
    assert report.failed is None
    assert len(stub.asked_for(LIST)) == 1


def test_an_unchanged_list_is_asked_for_conditionally(stub: NewswireStub, collect: Collect, clock: WallClock) -> None:
    put(stub, csrc(1))
    collect("csrc")
    clock.sleep(601)
    listed = Reply(pages.csrc_list([csrc(1)]))
    stub.give(CSRC, LIST, lambda r: Reply(status=304) if r.headers.get("if-none-match") == '"1"' else listed)
    report = only(collect("csrc"))
    assert (report.unchanged, report.listed) == (1, 0)


def test_a_list_counts_as_worked_off_only_when_all_of_it_was(
    stub: NewswireStub, collect: Collect, clock: WallClock
) -> None:
    put(stub, csrc(1), csrc(2))
    stub.give(CSRC, path_of(csrc(2).url), Reply(b"", 500))
    found = collect("csrc")
    assert only(found).refused == {"newswire.fetch_failed": 1}
    assert found.validators == {}
    clock.sleep(601)
    put(stub, csrc(1), csrc(2))
    found = collect("csrc")
    assert [d.title for d in found.documents] == ["证监会发布第2项制度"]
    assert set(found.validators) == {"csrc/0"}


def test_an_outlet_that_fails_costs_itself_only(stub: NewswireStub, collect: Collect) -> None:
    put(stub, csrc(1))
    stub.give(NDRC, "/xxgk/zcfb/tz/index.html", Reply(b"<html><body>new design</body></html>"))
    found = collect("csrc", "ndrc", "pbc")
    reports = {report.outlet: report for report in found.reports}
    assert reports["csrc"].new == 1
    assert reports["ndrc"].failed is not None
    assert reports["ndrc"].failed.code == "newswire.page_changed"
    assert reports["pbc"].failed is not None
    assert reports["pbc"].failed.code == "newswire.fetch_failed"


def test_three_articles_that_fail_in_a_row_end_the_outlet(stub: NewswireStub, collect: Collect) -> None:
    texts = [csrc(n) for n in range(10)]
    stub.give(CSRC, LIST, Reply(pages.csrc_list(texts)))
    report = only(collect("csrc"))
    assert report.failed is not None
    assert sum(report.refused.values()) == 3


def test_a_site_that_asks_for_patience_is_left_at_once_and_nothing_is_lost(
    stub: NewswireStub, collect: Collect, clock: WallClock
) -> None:
    put(stub, csrc(1), csrc(2), csrc(3))
    stub.give(CSRC, path_of(csrc(2).url), Reply(b"", 429, headers={"Retry-After": "3000"}))
    found = collect("csrc")
    assert [d.title for d in found.documents] == ["证监会发布第1项制度"]
    assert only(found).due_at is not None
    assert not stub.asked_for(path_of(csrc(3).url))
    clock.sleep(3001)
    put(stub, csrc(1), csrc(2), csrc(3))
    assert only(collect("csrc")).new == 2


def test_a_text_from_the_future_is_refused(stub: NewswireStub, collect: Collect) -> None:
    put(stub, csrc(1, day="2024-09-28"), csrc(2, day="2024-09-27"))
    found = collect("csrc")
    assert found.documents == ()
    assert only(found).refused == {"newswire.future_dated": 2}


def test_an_article_on_a_foreign_host_is_refused_and_the_rest_is_read(stub: NewswireStub, collect: Collect) -> None:
    near = Made(
        "关于印发某方案的通知", "https://www.gov.cn/zhengce/content_1.htm", "2024-09-26", number="发改环资〔2024〕1号"
    )
    far = Made("关于另一方案的通知", "https://intranet.example/x.htm", "2024-09-26")
    stub.give(
        "sousuo.www.gov.cn", "/search-gov/data", Reply(pages.state_council_list([far, near]), kind="application/json")
    )
    stub.give("www.gov.cn", path_of(near.url), Reply(pages.state_council_article(near)))
    found = collect("state_council")
    assert [d.document_number for d in found.documents] == ["发改环资〔2024〕1号"]
    assert only(found).refused == {"newswire.address_refused": 1}
    assert "intranet.example" not in stub.resolved


def test_the_same_paper_on_two_sites_is_one_with_the_first_time(stub: NewswireStub, collect: Collect) -> None:
    title = "关于做好某项工作的通知(发改投资〔2024〕1234号)"
    ndrc = Made(title, f"https://{NDRC}/xxgk/zcfb/tz/202409/t20240925_1.html", "2024-09-25", "正文甲。")
    gov = Made(
        title, "https://www.gov.cn/zhengce/content_2.htm", "2024-09-26", "正文甲（转载）。", "发改投资〔2024〕1234号"
    )
    stub.give(NDRC, "/xxgk/zcfb/tz/index.html", Reply(pages.ndrc_list([ndrc])))
    stub.give(NDRC, path_of(ndrc.url), Reply(pages.ndrc_article(ndrc)))
    stub.give("sousuo.www.gov.cn", "/search-gov/data", Reply(pages.state_council_list([gov]), kind="application/json"))
    stub.give("www.gov.cn", path_of(gov.url), Reply(pages.state_council_article(gov)))
    found = collect("ndrc", "state_council")
    (kept,) = found.documents
    assert (kept.outlet_id, kept.published_at.day) == ("ndrc", 25)
    (copy,) = found.duplicates
    assert (copy.kept_id, copy.by.value) == (kept.document_id, "number")


def test_of_several_prints_of_a_flash_the_first_is_kept_whatever_the_order_of_reading(
    stub: NewswireStub, collect: Collect
) -> None:
    told = "中国人民银行决定下调金融机构存款准备金率0.5个百分点，释放长期流动性约1万亿元，自9月27日起执行。"
    sina = pages.sina_flash([{"rich_text": f"【央行降准】{told}", "create_time": "2024-09-26 09:31:08"}])
    cls = pages.cls_flash([{"content": f"【央行降准】财联社9月26日电，{told}", "ctime": 1_727_314_260}])
    stub.give("zhibo.sina.com.cn", "/api/zhibo/feed", Reply(sina, kind="application/json"))
    stub.give("www.cls.cn", "/v1/roll/get_roll_list", Reply(cls, kind="application/json"))
    found = collect("cls", "sina_flash")
    assert [d.outlet_id for d in found.documents] == ["cls"]
    assert [d.document.outlet_id for d in found.duplicates] == ["sina_flash"]
    assert found.documents[0].published_at < found.duplicates[0].document.published_at


def test_a_long_list_is_read_page_by_page_and_says_where_it_was_cut(stub: NewswireStub, collect: Collect) -> None:
    def page(request: object) -> Reply:
        n = int(request.form["pageNum"])  # type: ignore[attr-defined]  # a request of the stub
        row = {
            "announcementTitle": f"第{n}号公告",
            "adjunctUrl": f"finalpage/{n}.PDF",
            "announcementTime": 1_727_280_000_000,
        }
        return Reply(pages.cninfo([row], more=True), kind="application/json")

    stub.give("www.cninfo.com.cn", "/new/hisAnnouncement/query", page)
    found = collect("cninfo")
    report = only(found)
    assert (report.fetched, report.new, report.cut) == (60, 60, True)
    assert {d.kind for d in found.documents} == {"announcement"}


def test_the_broadcast_is_read_day_by_day(stub: NewswireStub, collect: Collect) -> None:
    text = Made(
        "某会议召开", "https://tv.cctv.com/2024/09/26/VIDEabc240926.shtml", "2024-09-26", "会议指出，要保持平稳。"
    )
    for day in ("20240922", "20240923", "20240924", "20240925"):
        other = Made(
            f"{day}要闻", f"https://tv.cctv.com/{day[:4]}/{day[4:6]}/{day[6:]}/VIDEx{day}.shtml", day, f"{day}的内容。"
        )
        stub.give("tv.cctv.com", f"/lm/xwlb/day/{day}.shtml", Reply(pages.cctv_list([other])))
        stub.give("tv.cctv.com", path_of(other.url), Reply(pages.cctv_article(other)))
    stub.give("tv.cctv.com", "/lm/xwlb/day/20240926.shtml", Reply(pages.cctv_list([text])))
    stub.give("tv.cctv.com", path_of(text.url), Reply(pages.cctv_article(text)))
    found = collect("cctv")
    assert len(found.documents) == 5
    assert found.documents[-1].published_at.isoformat() == "2024-09-26T19:30:00+08:00"
    assert found.documents[-1].body == "会议指出，要保持平稳。"
