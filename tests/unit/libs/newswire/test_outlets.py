"""The table of outlets, and the requests that come out of it."""

from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from libs.domain.errors import InvalidInput
from libs.domain.market import Symbol
from libs.newswire.fetcher import check_address
from libs.newswire.outlets import ask_for, canonical_issuer, chosen, list_pages, outlets

NOW = datetime(2024, 9, 27, 4, 0, tzinfo=UTC)
SINCE = NOW - timedelta(days=2)


def test_every_row_is_dated_sourced_and_slow_enough() -> None:
    for outlet in outlets().values():
        assert outlet.known_on(date(2026, 1, 1))
        assert not outlet.known_on(date(2010, 1, 1))
        assert outlet.list_seconds >= 600
        assert outlet.spacing_seconds >= 2


def test_only_official_outlets_are_read_where_nobody_chose() -> None:
    assert [outlet.id for outlet in chosen([])] == ["csrc", "pbc", "ndrc", "state_council", "cctv", "cninfo"]
    assert [outlet.id for outlet in chosen(["cls", "csrc"])] == ["csrc", "cls"]
    with pytest.raises(InvalidInput, match="blog"):
        chosen(["blog"])


@pytest.mark.parametrize("outlet", outlets().values(), ids=lambda outlet: outlet.id)
def test_every_request_of_the_table_passes_the_guard(outlet: object) -> None:
    known = outlets()[outlet.id]  # type: ignore[attr-defined]  # an outlet
    pages = list(list_pages(known, SINCE, NOW, [Symbol("600519.SH")]))
    assert pages
    assert len({page.key for page in pages}) == len(pages)
    for page in pages:
        ask = ask_for(known, page, 1, SINCE, NOW)
        check_address(ask.url, ask)
        assert "{" not in ask.url.partition("param=")[0]
        assert not [value for _, value in ask.form or () if "{" in value]


def test_the_broadcast_has_one_page_a_day_once_it_is_over() -> None:
    cctv = outlets()["cctv"]
    days = [page.day for page in list_pages(cctv, SINCE, NOW)]
    assert days == [date(2024, 9, 25), date(2024, 9, 26)]
    evening = NOW.replace(hour=11, minute=31)
    assert [page.day for page in list_pages(cctv, SINCE, evening)][-1] == date(2024, 9, 27)


def test_a_query_that_wants_a_checksum_gets_one() -> None:
    cls = outlets()["cls"]
    (page,) = list_pages(cls, SINCE, NOW)
    query = parse_qs(urlsplit(ask_for(cls, page, 1, SINCE, NOW).url).query)
    assert len(query["sign"][0]) == 32
    assert query["last_time"] == [str(int(NOW.timestamp()))]
    assert page.key == "cls/0"


def test_the_official_announcements_are_asked_for_by_days_and_pages() -> None:
    cninfo = outlets()["cninfo"]
    (page,) = list_pages(cninfo, SINCE, NOW)
    form = dict(ask_for(cninfo, page, 3, SINCE, NOW).form or ())
    assert (form["pageNum"], form["seDate"]) == ("3", "2024-09-25~2024-09-27")


@pytest.mark.parametrize(
    ("name", "issuer"),
    [
        ("证监会", "中国证券监督管理委员会"),
        ("国家发展改革委 财政部", "国家发展和改革委员会"),
        ("央行、外汇局", "中国人民银行"),
        ("某某局", "某某局"),
        ("", ""),
    ],
)
def test_an_authority_has_one_name(name: str, issuer: str) -> None:
    assert canonical_issuer(name) == issuer
