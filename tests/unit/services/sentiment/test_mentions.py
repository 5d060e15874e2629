"""Mentions: the company must be the one spoken of, and only its clause counts."""

import pytest

from libs.domain.market import Symbol
from services.sentiment.mentions import clauses_about, company

BANK = company(Symbol("600036.SH"), "招商银行")


def test_only_the_sentence_that_names_the_company_counts() -> None:
    assert clauses_about("银行板块走强。招商银行领跌。", BANK) == ("招商银行领跌",)


def test_of_a_long_sentence_the_clause_and_the_next_count() -> None:
    long = "原材料、金融、公用事业板块跌幅居前，" * 4 + "招商银行跌超3%，领跌蓝筹，科技股反弹，半导体走强"
    assert clauses_about(long, BANK) == ("招商银行跌超3%，领跌蓝筹",)


@pytest.mark.parametrize(
    "text", ["招商银行研报看好白酒。", "招商银行业务培训。", "平安银行大涨。", "合同金额1600036元。"]
)
def test_a_speaker_another_word_and_another_company_are_no_mention(text: str) -> None:
    assert clauses_about(text, BANK) == ()


def test_the_code_is_a_name_too() -> None:
    assert clauses_about("600036领涨", BANK) == ("600036领涨",)


@pytest.mark.parametrize(
    ("listed", "name"),
    [
        ("*ST国华", "国华"),
        ("ST 易购", "易购"),
        ("寒武纪-U", "寒武纪"),
        ("万科Ａ", "万科"),
        ("N新股份", "新股份"),
        ("海通证券(退)", "海通证券"),
        ("*ST旭蓝（退）", "旭蓝"),
        ("TCL科技", "TCL科技"),
    ],
)
def test_marks_are_no_part_of_a_name(listed: str, name: str) -> None:
    assert company(Symbol("000002.SZ"), listed).name == name
