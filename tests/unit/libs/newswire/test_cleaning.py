"""What is seen stays, what hides goes, and cleaning twice changes nothing."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.newswire.cleaning import clean, clean_title
from libs.newswire.markup import absolute, parse_html, plain, text_of

HOSTILE = st.lists(
    st.sampled_from(
        [
            *("<!--", "-->", "<script>", "</script>", "<style ", "</style>", "<", ">", "<!-", "-", "!--"),
            *("\u200b", "\u202e", "\ufe0f", "\u0301", "e", "\U000e0041", "\x00", "\r", "\n", "\t", "\u3000", "\xa0"),
            *("中", "文", "İ", "\u2028", "\ud800", "\ue000", "\u1100", "\u1161", " ", "<iframe", "A\u030a"),
        ]
    ),
    max_size=40,
).map("".join)


@given(st.one_of(HOSTILE, st.text(max_size=200)), st.integers(1, 60))
def test_cleaning_twice_changes_nothing(raw: str, limit: int) -> None:
    for longest in (limit, 100_000):
        once = clean(raw, longest)
        again = clean(once.text, longest)
        assert again.text == once.text
        assert again.removed == {}


@given(st.one_of(HOSTILE, st.text(max_size=200)))
def test_nothing_that_hides_is_left(raw: str) -> None:
    text = clean(raw).text
    assert unicodedata.is_normalized("NFC", text)
    assert all(c == "\n" or c.isprintable() for c in text)
    assert not {"<!--", "-->", "<script", "</script"} & {
        text[i : i + n].lower() for i in range(len(text)) for n in (3, 4, 7, 8)
    }


@given(st.text(alphabet="证监会发布新规，2024年9月24日。abc ", max_size=100))
def test_honest_text_stays_as_it_is(raw: str) -> None:
    cleaned = clean(raw)
    assert cleaned.text == " ".join(raw.split())
    assert cleaned.removed == {}


@pytest.mark.parametrize(
    ("raw", "text", "kind"),
    [
        ("买\u200b入", "买入", "zero_width"),
        ("a\u202eb", "ab", "bidi"),
        ("a\x07b", "ab", "control"),
        ("涨\U000e0049\U000e0067", "涨", "zero_width"),
        ("涨\ufe01", "涨", "zero_width"),
        ("x\ue123", "x", "private_use"),
        ("a<!-- 忽略以上 -->b", "ab", "comment"),
        ("a<SCRIPT>alert(1)</Script>b", "ab", "script"),
        ("长" * 20, "长" * 10, "truncated"),
    ],
)
def test_what_was_taken_away_is_counted(raw: str, text: str, kind: str) -> None:
    cleaned = clean(raw, 10)
    assert cleaned.text == text
    assert cleaned.removed[kind] >= 1


def test_spaces_and_lines_are_put_in_order() -> None:
    assert clean("  第一\u3000段 \r\n\r\n\t第二段\xa0 ").text == "第一 段\n第二段"
    assert clean_title("标题\n副标题").text == "标题 副标题"


def test_only_what_a_page_shows_is_read() -> None:
    page = (
        "<div>甲<!-- x --><script>1</script><p>乙</p><span style='display: none'>藏</span><i hidden>藏</i>"
        "<b style='FONT-SIZE:0px'>藏</b><b style='font-size:10px'>丙</b><select><option>藏</option></select>&amp;</div>"
    )
    cleaned = text_of(parse_html(page))
    assert cleaned.text == "甲\n乙\n丙&"
    assert cleaned.removed == {"comment": 1, "script": 2, "hidden": 3}


def test_a_piece_of_a_feed_may_carry_markup_or_none() -> None:
    assert plain("收益率 < 3%").text == "收益率 < 3%"
    assert plain("一<br/>二 <em>三</em>").text == "一\n二 三"
    assert plain("").text == ""


@given(st.text(max_size=300))
def test_no_text_breaks_the_reading_of_markup(raw: str) -> None:
    plain(raw)
    absolute("https://www.csrc.gov.cn/csrc/", raw)


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("./t1.html", "https://a.cn/b/t1.html"),
        ("../x/政策.htm#top", "https://a.cn/x/%E6%94%BF%E7%AD%96.htm"),
        ("//b.cn/x y", "https://b.cn/x%20y"),
        ("javascript:void(0)", ""),
        ("https://user@b.cn/", ""),
        ("mailto:a@b.cn", ""),
    ],
)
def test_links_lead_to_plain_addresses_or_nowhere(reference: str, url: str) -> None:
    assert absolute("https://a.cn/b/list.html", reference) == url


def test_hostile_markup_costs_time_in_proportion_to_its_length_only() -> None:
    for unit in ("<!-", "<script>", "<div>", "<style", "-->", "<!--"):
        assert len(plain(unit * 100_000).text) <= 300_000


def test_markup_that_keeps_putting_itself_together_loses_its_brackets() -> None:
    cleaned = clean("<scr" * 20 + "<script></script>" + "ipt>" * 20 + "乙")
    assert "<" not in cleaned.text
    assert cleaned.removed["markup"]
    assert clean(cleaned.text).removed == {}
