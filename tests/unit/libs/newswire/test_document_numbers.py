"""A paper's own number, and nobody else's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.newswire.document_numbers import number_of_head, number_of_title, read_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("证监发〔2024〕12号", "证监发〔2024〕12号"),
        ("证监发[2024]12号", "证监发〔2024〕12号"),
        ("国办发（2024）3 号", "国办发〔2024〕3号"),
        ("中国人民银行公告〔2024〕第8号", "中国人民银行公告〔2024〕8号"),
        ("公告2024年第008号", "公告〔2024〕8号"),
        ("国令第 777 号", "国令第777号"),
        ("证监会令第227号", "证监会令第227号"),
        ("（发改价格〔2025〕136号）", "发改价格〔2025〕136号"),
        ("根据证监发〔2024〕12号", "根据证监发〔2024〕12号"),
        ("证监发〔2024〕12号文", None),
        ("第12号", None),
        ("2024年9月24日", None),
        ("", None),
    ],
)
def test_a_number_has_one_spelling(text: str, number: str | None) -> None:
    assert read_number(text) == number


@pytest.mark.parametrize(
    ("title", "number"),
    [
        ("关于某事的通知(发改法规〔2026〕195号)", "发改法规〔2026〕195号"),
        ("关于某事的通知（国办发（2024）3号）", "国办发〔2024〕3号"),
        ("关于《某意见（国发〔2024〕10号）》的解读", None),
        ("就《某办法》（证监会令第227号）答记者问", None),
        ("关于落实某意见（国发〔2024〕10号）有关事项的通知", None),
        ("关于某事的通知", None),
        ("某公司（2024年第三季度）", None),
    ],
)
def test_a_title_ends_with_its_number(title: str, number: str | None) -> None:
    assert number_of_title(title) == number


def test_a_number_stands_alone_in_the_head_of_a_paper() -> None:
    assert number_of_head("某通知\n银发〔2024〕123号\n各单位：") == "银发〔2024〕123号"
    assert number_of_head("根据银发〔2024〕123号文件，\n现通知如下") is None
    assert number_of_head("一\n二\n三\n四\n五\n六\n银发〔2024〕123号") is None


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    for read in (read_number, number_of_title, number_of_head):
        found = read(text)
        assert found is None or read_number(found) == found
