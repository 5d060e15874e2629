"""Announcements of listed companies: Eastmoney's notice list and the official one of cninfo (巨潮资讯).

Both give headlines; the papers themselves are PDF files, which are not fetched. A company's name stands before its
headline, since half of all headlines ("2024年半年度报告") are the same without it.
"""

import re
from collections.abc import Sequence
from typing import Any

from libs.newswire.cleaning import clean_title
from libs.newswire.errors import PageChanged
from libs.newswire.fetcher import Page
from libs.newswire.items import Item, Listing, counted, symbol_of
from libs.newswire.markup import absolute, plain
from libs.newswire.payload import number, optional_words, part, read_json, rows, words
from libs.newswire.times import When, from_epoch, read_when


def eastmoney_notices(page: Page) -> Listing:
    """`data.list`: art_code, title, display_time (when it was put up), notice_date, codes, columns."""
    data = part(read_json(page), "data")
    found = rows(data, "list")
    seen = number(data, "page_index") * number(data, "page_size")
    return Listing(tuple(_notice(row) for row in found), more=bool(found) and seen < number(data, "total_hits"))


def cninfo_announcements(page: Page) -> Listing:
    """`announcements`: secCode, secName, announcementTitle, announcementTime in milliseconds, adjunctUrl.

    No announcement is written as null with a total of zero.
    """
    answer = read_json(page)
    if part(answer, "announcements") is None and number(answer, "totalAnnouncement") == 0:
        return Listing(())
    found = tuple(_disclosure(row) for row in rows(answer, "announcements"))
    return Listing(found, more=part(answer, "hasMore") is True)


def _notice(row: dict[str, Any]) -> Item:
    codes, columns = rows(row, "codes"), rows(row, "columns")
    shares = [code for code in codes if words(code, "ann_type").startswith("A")] or codes
    if not shares:
        raise PageChanged("a notice names no company")
    where = f"{words(shares[0], 'stock_code')}/{words(row, 'art_code')}.html"
    return _announcement(
        names=(words(shares[0], "short_name"), words(row, "title")),
        codes=[words(code, "stock_code") for code in shares],
        url=absolute("https://data.eastmoney.com/notices/detail/", where),
        when=read_when(optional_words(row, "display_time")) or read_when(words(row, "notice_date")),
        section=words(columns[0], "column_name") if columns else "",
    )


def _disclosure(row: dict[str, Any]) -> Item:
    return _announcement(
        names=(words(row, "secName"), words(row, "announcementTitle")),
        codes=words(row, "secCode").split(","),
        url=absolute("https://static.cninfo.com.cn/", words(row, "adjunctUrl")),
        when=from_epoch(number(row, "announcementTime") / 1000),
        section=optional_words(row, "announcementTypeName"),
    )


def _announcement(*, names: tuple[str, str], codes: Sequence[str], url: str, when: When | None, section: str) -> Item:
    company, paper = (plain(name) for name in names)
    if when is None or not url or not company.text or not paper.text:
        raise PageChanged("an announcement has no company, title, address or date")
    own = re.sub(rf"^{re.escape(company.text)}\s*[:：]\s*", "", paper.text)
    symbols = sorted({symbol for code in codes if (symbol := symbol_of(code)) is not None})
    return Item(
        title=clean_title(f"{company.text}：{own}").text,
        url=url,
        when=when,
        body="",
        issuer=company.text,
        symbols=tuple(symbols),
        section=clean_title(section).text or None,
        removed=counted(company, paper),
    )
