"""Find the document number (发文字号) by which an authority names a paper, and by which its copies are recognised.

A paper cites the numbers of others all over its text. Its own stands in few places: in the field the page has for it,
in brackets at the end of the title, or alone on a line of its head. Nothing else is taken for it.
"""

import re

_YEAR = r"[〔\[（(【［]\s*((?:19|20)\d{2})\s*[〕\]）)】］]"
_NUMBER = re.compile(rf"([\u4e00-\u9fff]{{1,24}}?)\s*{_YEAR}\s*第?\s*(\d{{1,5}})\s*号")
_ORDER = re.compile(r"([\u4e00-\u9fff]{1,24}?令)\s*第\s*(\d{1,5})\s*号")
_YEARLY = re.compile(r"([\u4e00-\u9fff]{0,24}?公告)\s*((?:19|20)\d{2})\s*年?\s*第\s*(\d{1,5})\s*号")
_ABOUT_ANOTHER = ("解读", "答记者问", "图解", "问答", "一图", "起草说明", "新闻发布会")
_HEAD_LINES = 6


def read_number(text: str) -> str | None:
    """A text that is a document number and nothing else, in one spelling: `证监发〔2024〕12号`; else None."""
    plain = text.strip(" \u3000()（）,，.。;；:：")
    for pattern, spell in ((_NUMBER, "{0}〔{1}〕{2}号"), (_YEARLY, "{0}〔{1}〕{2}号"), (_ORDER, "{0}第{1}号")):
        found = pattern.fullmatch(plain)
        if found:
            name, *numbers = found.groups()
            return spell.format(name, *(str(int(number)) for number in numbers))
    return None


def number_of_title(title: str) -> str | None:
    """The number in brackets at the end of a title; None for texts about another paper."""
    if any(word in title for word in _ABOUT_ANOTHER):
        return None
    ending = re.search(
        r"[（(]([^（()）]{1,24}[〔\[（(【［][^〔〕\[\]（()）【】［］]{4,6}[〕\]）)】］][^（()）]{2,10})[）)]\s*$", title
    )
    if ending is None:
        ending = re.search(r"[（(]([^（()）]{4,40})[）)]\s*$", title)
    return read_number(ending[1]) if ending else None


def number_of_head(body: str) -> str | None:
    """The number that stands alone on one of the first lines of a text."""
    lines = [line for line in body.split("\n", _HEAD_LINES)[:_HEAD_LINES] if line.strip()]
    return next((number for line in lines if (number := read_number(line))), None)
