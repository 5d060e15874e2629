"""Each text once: copies are recognised, and distinct texts are never merged."""

import gzip
import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.domain.clock import SHANGHAI
from libs.domain.market import Symbol
from libs.newswire.documents import Document
from libs.newswire.duplicates import Deduper, Duplicate, Sameness, remembered, url_key
from libs.newswire.likeness import likeness
from libs.newswire.markup import plain
from tests.support.real_data import real_data_dir

MORNING = datetime(2024, 9, 24, 9, 0, tzinfo=SHANGHAI)
REPORT = (
    "中国人民银行今日以固定利率、数量招标方式开展了1965亿元逆回购操作，操作利率1.70%。"
    "数据显示，今日有4875亿元逆回购到期，据此计算，单日净回笼2910亿元，市场资金面整体平稳。"
)


def document(body: str = REPORT, **changes: Any) -> Document:
    made = Document(
        "policy", "pbc", "中国人民银行", "公开市场", body, "https://www.pbc.gov.cn/1.html", MORNING, "中国人民银行"
    )
    return replace(made, **changes)


def sameness(first: Document, second: Document) -> Sameness | None:
    deduper = Deduper()
    assert deduper.check(first) is None
    duplicate = deduper.check(second)
    assert duplicate is None or duplicate.kept_id == first.document_id
    return duplicate.by if duplicate else None


def elsewhere(body: str = REPORT, **changes: Any) -> Document:
    changed = {"url": "https://x.cn/2", "outlet_id": "cls", "published_at": MORNING + timedelta(hours=1), **changes}
    return document(body, **changed)


@pytest.mark.parametrize(
    "body",
    [
        REPORT,
        "财联社9月24日电，" + REPORT,
        "新华社北京9月24日电（记者 某某）" + REPORT,
        REPORT.replace("，", ", ").replace("。", "."),
        REPORT.replace("1965亿元", "1,965亿元"),
        "数据显示".join(part.replace("市场资金面整体平稳", "资金面整体平稳") for part in REPORT.split("数据显示")),
    ],
)
def test_another_print_of_the_same_text_is_recognised(body: str) -> None:
    assert sameness(document(), elsewhere(body)) is Sameness.TEXT


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1965", "1966"),
        ("1.70%", "1.50%"),
        ("净回笼", "净投放"),
        ("4875", "875"),
        ("有4875亿元逆回购到期", "无逆回购到期"),
    ],
)
def test_a_text_with_another_fact_is_another_text(old: str, new: str) -> None:
    assert sameness(document(), elsewhere(REPORT.replace(old, new))) is None


def test_up_is_not_down() -> None:
    rise = "截至收盘，三大指数集体上涨，两市个股普遍走强，市场情绪回暖，权重股与题材股同步活跃，资金积极入场。"
    assert sameness(document(rise), elsewhere(rise.replace("上涨", "下跌"))) is None


def test_the_same_words_a_quarter_later_are_news() -> None:
    assert sameness(document(), elsewhere(published_at=MORNING + timedelta(days=90))) is None


def test_a_paper_is_known_by_issuer_and_number_under_any_name_of_its_issuer() -> None:
    first = document("全文甲。", issuer="国家发展改革委", document_number="发改投资〔2024〕1号")
    again = elsewhere(
        "转载：全文甲，另附图表。", issuer="国家发展和改革委员会 财政部", document_number="发改投资〔2024〕1号"
    )
    assert sameness(first, again) is Sameness.NUMBER
    assert sameness(first, replace(again, document_number="发改投资〔2024〕2号")) is None
    assert sameness(first, replace(again, issuer="财政部")) is None


def test_two_papers_with_different_numbers_are_two_however_alike() -> None:
    first = document(document_number="银发〔2024〕1号")
    assert sameness(first, elsewhere(document_number="银发〔2024〕2号")) is None


def test_an_address_is_one_whatever_is_hung_to_it() -> None:
    assert url_key("http://a.cn/x?b=2&a=1#top") == url_key("https://A.CN/x?a=1&b=2&spm=C1&utm_source=y")
    assert url_key("https://a.cn/x?id=1") != url_key("https://a.cn/x?id=2")
    assert sameness(document("甲"), elsewhere("乙", url="https://www.pbc.gov.cn/1.html?spm=1")) is Sameness.URL


def test_filings_of_one_company_with_one_headline_are_several_papers() -> None:
    filing = document(
        "", kind="announcement", outlet_id="cninfo", title="某公司：独立董事述职报告", symbols=(Symbol("600519.SH"),)
    )
    other = replace(filing, url="https://static.cninfo.com.cn/2.PDF")
    assert sameness(filing, other) is None
    assert filing.document_id != other.document_id
    assert sameness(filing, replace(other, outlet_id="eastmoney_notices")) is Sameness.TEXT
    assert sameness(filing, replace(other, outlet_id="eastmoney_notices", symbols=(Symbol("000001.SZ"),))) is None


def test_what_is_stored_stays_even_where_an_earlier_print_turns_up() -> None:
    deduper = Deduper([remembered(document())])
    earlier = deduper.check(elsewhere(published_at=MORNING - timedelta(hours=3)))
    assert isinstance(earlier, Duplicate)
    assert earlier.kept_id == document().document_id


def test_a_duplicate_is_not_fetched_again_either() -> None:
    deduper = Deduper()
    deduper.check(document())
    deduper.check(elsewhere())
    assert deduper.seen("https://x.cn/2") == document().document_id


@given(st.text(max_size=300), st.text(max_size=40))
def test_no_text_breaks_the_fingerprint_and_it_is_the_same_every_time(body: str, title: str) -> None:
    assert likeness(title, body) == likeness(title, body)
    assert -(2**63) <= likeness(title, body).words < 2**63
    assert likeness(title, body).same_text(likeness(title, body))


@given(st.integers(0, 60))
def test_changing_any_digit_makes_another_text(at: int) -> None:
    digits = [i for i, character in enumerate(REPORT) if character.isdigit()]
    place = digits[at % len(digits)]
    changed = REPORT[:place] + str((int(REPORT[place]) + 1) % 10) + REPORT[place + 1 :]
    assert not likeness("", REPORT).same_text(likeness("", changed))


def _real(name: str, field: str, hour: int) -> list[Document]:
    folder = real_data_dir()
    if folder is None:
        pytest.skip("no real data here")
    documents = []
    with gzip.open(folder / name, "rt", encoding="utf-8") as lines:
        for i, line in enumerate(lines):
            row = json.loads(line)
            body = plain(re.sub(r"\[查看原文\]\([^)]*\)", "", row[field])).text
            day = datetime.fromisoformat(row["date"]).replace(hour=hour, tzinfo=SHANGHAI)
            documents.append(Document("news", "x", "x", row.get("title", ""), body, f"https://x.cn/{i}", day))
    return documents


def test_of_six_weeks_of_real_news_only_copies_are_merged() -> None:
    """Measured: one of 3,097, the same ministry's figures told on two days."""
    documents = _real("financial_news_2024.jsonl.gz", "text", 8)
    deduper = Deduper()
    by_id = {document.document_id: document for document in documents}
    merged = [(by_id[d.kept_id].body, d.document.body) for one in documents if (d := deduper.check(one)) is not None]
    assert len(documents) > 3000
    assert len(merged) <= 3
    for kept, copy in merged:
        assert re.findall(r"\d+", kept) == re.findall(r"\d+", copy)
        assert len(set(kept) ^ set(copy)) <= 6


def test_no_two_items_of_the_real_broadcast_are_merged() -> None:
    documents = _real("policy_news_cctv.jsonl.gz", "content", 19)
    deduper = Deduper()
    assert [one for one in documents if deduper.check(one) is not None] == []
    assert len(documents) > 400


def test_every_real_text_is_recognised_under_another_dateline() -> None:
    documents = [one for one in _real("financial_news_2024.jsonl.gz", "text", 8) if one.body][:1000]
    again = [likeness("", f"财联社8月12日电，{one.body}") for one in documents]
    assert all(likeness("", one.body).same_text(copy) for one, copy in zip(documents, again, strict=True))


def test_cleaning_real_texts_leaves_their_words() -> None:
    for before, after in pairwise(_real("policy_news_cctv.jsonl.gz", "content", 19)):
        assert len(before.body) > 20
        assert "<!--" not in before.body
        assert before.document_id != after.document_id
