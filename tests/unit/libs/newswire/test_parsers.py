"""Every outlet's pages are read to the letter, and a page in another shape is an error."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.newswire.errors import PageChanged
from libs.newswire.fetcher import Page
from libs.newswire.items import EVENING_NEWS, Article, Listing
from libs.newswire.parsers import ARTICLES, LISTS
from libs.newswire.times import When
from tests.support import newswire_pages as pages
from tests.support.newswire_pages import Made

CSRC = Made("证监会发布新规", "https://www.csrc.gov.cn/csrc/c100028/c7505123/content.shtml", "2024-09-24")
PBC = Made(
    "中国人民银行公告〔2024〕第8号",
    "https://www.pbc.gov.cn/goutongjiaoliu/113456/113469/5460001/index.html",
    "2024-09-24",
    number="中国人民银行公告〔2024〕第8号",
)
NDRC = Made(
    "关于做好某项工作的通知(发改投资〔2024〕1234号)",
    "https://www.ndrc.gov.cn/xxgk/zcfb/tz/202409/t20240924_1393000.html",
    "2024-09-24",
)
GOV = Made(
    "关于印发某方案的通知",
    "https://www.gov.cn/zhengce/zhengceku/202409/content_6976001.htm",
    "2024-09-24",
    number="发改环资〔2024〕1号",
)
CCTV = Made("某会议在北京召开", "https://tv.cctv.com/2024/09/24/VIDEabc123240924.shtml", "2024-09-24")

GOOD: dict[str, bytes] = {
    "csrc_list": pages.csrc_list([CSRC]),
    "pbc_list": pages.pbc_list([PBC]),
    "ndrc_list": pages.ndrc_list([NDRC]),
    "state_council_list": pages.state_council_list([GOV]),
    "cctv_list": pages.cctv_list([CCTV]),
    "eastmoney_flash": pages.eastmoney_flash([{}]),
    "cls_flash": pages.cls_flash([{}]),
    "sina_flash": pages.sina_flash([{}]),
    "stock_news": pages.stock_news([{}]),
    "eastmoney_notices": pages.eastmoney_notices([{}]),
    "cninfo_announcements": pages.cninfo([{}]),
    "csrc_article": pages.csrc_article(CSRC),
    "pbc_article": pages.pbc_article(PBC),
    "ndrc_article": pages.ndrc_article(NDRC),
    "state_council_article": pages.state_council_article(GOV),
    "cctv_article": pages.cctv_article(CCTV),
}
ALL: dict[str, Callable[[Page], Listing | Article]] = {**LISTS, **ARTICLES}
ADDRESS = {
    "csrc_list": "https://www.csrc.gov.cn/csrc/c100028/common_list.shtml",
    "pbc_list": "https://www.pbc.gov.cn/goutongjiaoliu/113456/113469/index.html",
    "ndrc_list": "https://www.ndrc.gov.cn/xxgk/zcfb/tz/index.html",
}


def listing(name: str, body: bytes | None = None) -> Listing:
    return LISTS[name](Page(ADDRESS.get(name, "https://tv.cctv.com/lm/xwlb/day/20240924.shtml"), body or GOOD[name]))


def article(name: str, body: bytes | None = None) -> Article:
    return ARTICLES[name](Page("https://www.gov.cn/x.htm", body or GOOD[name]))


@pytest.mark.parametrize(("name", "made"), [("csrc_list", CSRC), ("pbc_list", PBC), ("ndrc_list", NDRC)])
def test_a_list_gives_title_address_and_day(name: str, made: Made) -> None:
    (item,) = listing(name).items
    assert (item.title, item.url, item.when) == (made.title, made.url, When(date(2024, 9, 24)))
    assert item.body is None


def test_the_number_at_the_end_of_a_title_is_the_papers_own() -> None:
    assert listing("ndrc_list").items[0].number == "发改投资〔2024〕1234号"
    about = Made(f"《{NDRC.title}》解读", NDRC.url, NDRC.day)
    assert listing("ndrc_list", pages.ndrc_list([about])).items[0].number is None


@pytest.mark.parametrize("by_category", [False, True])
def test_the_policy_library_says_issuer_and_number(by_category: bool) -> None:
    (item,) = listing("state_council_list", pages.state_council_list([GOV], by_category=by_category)).items
    assert (item.title, item.url) == (GOV.title, GOV.url)
    assert (item.issuer, item.number) == ("国家发展改革委 财政部", "发改环资〔2024〕1号")
    assert item.when == When(date(2024, 9, 24))


def test_the_broadcast_is_public_after_it_was_read_out() -> None:
    (item,) = listing("cctv_list").items
    assert (item.title, item.url) == (CCTV.title, CCTV.url)
    assert item.when == When(date(2024, 9, 24), EVENING_NEWS)


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("csrc_article", time(18, 5)),
        ("pbc_article", time(17, 1, 30)),
        ("ndrc_article", time(10, 15)),
        ("state_council_article", time(16, 30)),
    ],
)
def test_an_article_gives_its_text_and_its_time(name: str, moment: time) -> None:
    found = article(name)
    assert "第一段。\n第二段。" in found.body
    assert found.when == When(date(2024, 9, 24), moment)


def test_an_article_gives_its_own_number_and_not_one_it_cites() -> None:
    assert article("pbc_article").number == "中国人民银行公告〔2024〕8号"
    assert article("state_council_article").number == "发改环资〔2024〕1号"
    cites = Made(
        "关于某事的通知", CSRC.url, CSRC.day, body="根据《某意见》（国发〔2024〕10号），现通知如下。\n第二段。"
    )
    assert article("csrc_article", pages.csrc_article(cites)).number is None


def test_a_broadcast_text_loses_its_dateline_and_comments() -> None:
    found = article("cctv_article")
    assert found.body == CCTV.body
    assert found.title == CCTV.title
    assert found.removed["comment"] == 2


def test_flashes_give_headline_text_time_and_the_symbols_attached() -> None:
    row = {
        "title": "某公司中标",
        "summary": "【某公司中标】某公司公告称。",
        "stockList": ["1.600519", "0.300750", "116.00700", "90.BK0475"],
    }
    (item,) = listing("eastmoney_flash", pages.eastmoney_flash([row])).items
    assert (item.title, item.body) == ("某公司中标", "某公司公告称。")
    assert item.symbols == ("300750.SZ", "600519.SH")
    assert item.when == When(date(2024, 9, 24), time(9, 31, 5))


def test_a_cls_flash_is_dated_in_shanghai_and_advertisements_are_left_out() -> None:
    stocks = [{"StockID": "sz000001", "name": "平安银行"}]
    told: dict[str, Any] = {"content": "【央行降准】财联社9月24日电，央行宣布。", "stock_list": stocks}
    rows = [told, {"content": "买这个", "is_ad": 1}]
    (item,) = listing("cls_flash", pages.cls_flash(rows)).items
    assert (item.title, item.body) == ("央行降准", "财联社9月24日电，央行宣布。")
    assert item.when == When(date(2024, 9, 24), time(9, 31, 5))
    assert item.symbols == ("000001.SZ",)


def test_a_sina_flash_carries_its_stocks_in_a_text() -> None:
    ext = json.dumps({"stocks": [{"market": "cn", "symbol": "sh688981"}, {"market": "us", "symbol": "nvda"}]})
    (item,) = listing("sina_flash", pages.sina_flash([{"ext": ext, "rich_text": "【快讯】内容"}])).items
    assert item.symbols == ("688981.SH",)
    assert item.url == "https://finance.sina.com.cn/7x24/?id=9000"


def test_news_found_by_a_search_have_no_symbols_attached() -> None:
    (item,) = listing("stock_news").items
    assert (item.symbols, item.issuer, item.body) == ((), "某报", "某公司(600519)称")


def test_a_notice_names_its_company_and_when_it_was_put_up() -> None:
    (item,) = listing("eastmoney_notices").items
    assert item.title == "平安银行：关于召开股东大会的公告"
    assert (item.when, item.symbols) == (When(date(2024, 9, 24), time(19, 12, 9)), ("000001.SZ",))
    assert (item.issuer, item.section) == ("平安银行", "股东大会")


def test_an_official_announcement_has_a_day_and_no_time() -> None:
    (item,) = listing("cninfo_announcements").items
    assert item.title == "贵州茅台：2024年半年度报告"
    assert item.when == When(date(2024, 9, 24))
    assert item.url == "https://static.cninfo.com.cn/finalpage/2024-09-24/1.PDF"


def test_no_announcement_is_said_and_not_guessed() -> None:
    assert listing("cninfo_announcements", pages.cninfo(None)).items == ()
    with pytest.raises(PageChanged):
        listing("cninfo_announcements", b'{"announcements": null, "totalAnnouncement": 5}')


def test_lists_that_go_on_say_so() -> None:
    assert listing("cninfo_announcements", pages.cninfo([{}], more=True)).more
    assert listing("eastmoney_notices", pages.eastmoney_notices([{}], total=101)).more
    assert not listing("eastmoney_notices", pages.eastmoney_notices([{}], page=2, total=101)).more


@pytest.mark.parametrize("name", sorted(ALL))
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body><h1>It works</h1></body></html>",
        b"<html><script>window.location='/wzwschallenge'</script></html>",
        b"{}",
        b"[]",
        b"null",
        b'{"data": null, "result": null, "searchVO": null, "announcements": 3}',
        b'{"data": {"list": {}, "roll_data": 1, "fastNewsList": [1]}}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"data": NaN}',
        "<html><body>请输入验证码</body></html>".encode("gb18030"),
    ],
)
def test_a_page_in_another_shape_is_never_an_empty_list(name: str, body: bytes) -> None:
    with pytest.raises(PageChanged):
        ALL[name](Page("https://tv.cctv.com/x", body))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("csrc_list", b'id="list"', b'id="items"'),
        ("csrc_list", b'<span class="date">2024-09-24</span>', b""),
        ("pbc_list", b"newslist_style", b"news"),
        ("ndrc_list", b"2024/09/24", b"yesterday"),
        ("ndrc_list", b"href", b"data-href"),
        ("state_council_list", b"pubtimeStr", b"published"),
        ("cctv_list", b"VIDE", b"ARTI"),
        ("eastmoney_flash", b"showTime", b"time"),
        ("cls_flash", b"ctime", b"mtime"),
        ("sina_flash", b"create_time", b"created"),
        ("stock_news", b"cmsArticleWebOld", b"cmsArticleWeb"),
        ("eastmoney_notices", b"codes", b"stocks"),
        ("cninfo_announcements", b"announcementTime", b"time"),
        ("csrc_article", b"detail-news", b"news"),
        ("cctv_article", b"content_area", b"content"),
    ],
)
def test_a_page_that_changed_in_one_place_is_noticed(name: str, old: bytes, new: bytes) -> None:
    assert old in GOOD[name]
    with pytest.raises(PageChanged):
        ALL[name](Page(ADDRESS.get(name, "https://tv.cctv.com/x"), GOOD[name].replace(old, new)))


@pytest.mark.parametrize("name", ["csrc_list", "pbc_list", "ndrc_list", "csrc_article"])
def test_pages_in_gbk_are_read_by_what_they_are(name: str) -> None:
    body = GOOD[name].decode().encode("gb18030")
    for declared in (None, "gbk", "utf-8"):
        assert ALL[name](Page(ADDRESS.get(name, "https://x.cn/"), body, declared)) == ALL[name](
            Page(ADDRESS.get(name, "https://x.cn/"), GOOD[name])
        )


@pytest.mark.parametrize("name", sorted(ALL))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_bytes_make_a_parser_fail_otherwise(name: str, data: st.DataObject) -> None:
    """Random bytes, and the good page with a piece cut out or put in somewhere."""
    good = GOOD[name]
    at = data.draw(st.integers(0, len(good)))
    piece = data.draw(
        st.one_of(st.binary(max_size=40), st.sampled_from([b"<", b'"', b"null", b"{", b"\x00", b"</ul>", b"9" * 30]))
    )
    length = data.draw(st.integers(0, 60))
    body = data.draw(st.one_of(st.binary(max_size=300), st.just(good[:at] + piece + good[at + length :])))
    with suppress(PageChanged):
        ALL[name](Page("https://www.ndrc.gov.cn/xxgk/zcfb/tz/index.html", body))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["data", "list", "result", "codes"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("name", [name for name, body in GOOD.items() if body[:1] in b"{f"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_values_make_a_parser_fail_otherwise(name: str, data: st.DataObject) -> None:
    """The good answer with any one of its values replaced by any other."""
    text = GOOD[name].decode()
    answer = json.loads(text.removeprefix("found(").removesuffix(")") if text.startswith("found(") else text)
    changed = _with(answer, data.draw(st.sampled_from(list(_paths(answer)))), data.draw(JSON))
    with suppress(PageChanged):
        ALL[name](Page("https://www.gov.cn/", json.dumps(changed).encode()))


def _paths(value: Any) -> Iterator[tuple[Any, ...]]:
    """The way to every value inside of another."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield (key,)
        yield from ((key, *rest) for rest in _paths(part))


def _with(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """A copy with another value at the end of the way."""
    if not path:
        return other
    copy = value.copy()
    copy[path[0]] = _with(value[path[0]], path[1:], other)
    return copy
