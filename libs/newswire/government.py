"""List and article pages of CSRC, PBC, NDRC and the State Council, as they were in 2024-2026.

A list page without its list, a row without its date, an article without its text: the page has changed, and that is
an error, never "no news today".
"""

import re
from typing import Any

from libs.newswire.cleaning import Cleaned, clean_title
from libs.newswire.document_numbers import number_of_head, number_of_title, read_number
from libs.newswire.errors import PageChanged
from libs.newswire.fetcher import Page
from libs.newswire.items import Article, Item, Listing, counted
from libs.newswire.markup import Element, absolute, has_class, meta, parse_html, plain, text_of
from libs.newswire.payload import number, optional_words, part, read_json, read_text, rows, words
from libs.newswire.times import When, from_epoch, read_when


def csrc_list(page: Page) -> Listing:
    """`ul#list > li > a, span.date` of a common_list page."""
    tree = parse_html(read_text(page))
    return _listing(page, tree.xpath("//ul[@id='list']/li[.//a]"), ".//a[@href]", f".//span[{has_class('date')}]")


def csrc_article(page: Page) -> Article:
    """Meta data in the head, text in `div.detail-news`."""
    return _article(page, f"//div[{has_class('detail-news')}]")


def pbc_list(page: Page) -> Listing:
    """`font.newslist_style > a[title]` with the date in `span.hui12` beside it."""
    tree = parse_html(read_text(page))
    entries = tree.xpath(f"//font[{has_class('newslist_style')}]/..")
    return _listing(
        page, entries, f".//font[{has_class('newslist_style')}]//a[@href]", f".//span[{has_class('hui12')}]"
    )


def pbc_article(page: Page) -> Article:
    """Text in `#zoom`, time in `#shijian` or in the line under the title."""
    return _article(page, "//*[@id='zoom']", dates=f"//*[@id='shijian'] | //*[{has_class('hui12')}]")


def ndrc_list(page: Page) -> Listing:
    """`ul.u-list > li > a, span`; items between the groups are empty."""
    tree = parse_html(read_text(page))
    return _listing(page, tree.xpath(f"//ul[{has_class('u-list')}]/li[.//a]"), ".//a[@href]", ".//span")


def ndrc_article(page: Page) -> Article:
    """Meta data in the head, text in `div.TRS_Editor` or `div.article_con`."""
    return _article(page, f"//div[{has_class('TRS_Editor')}] | //div[{has_class('article_con')}]")


def state_council_list(page: Page) -> Listing:
    """The policy library's search: rows in `searchVO.listVO`, or by category in `searchVO.catMap.*.listVO`."""
    found = part(read_json(page), "searchVO")
    if not isinstance(found, dict):
        raise PageChanged(f"{page.url}: 'searchVO' is no object")
    if isinstance(found.get("listVO"), list):
        return Listing(tuple(_policy(row) for row in rows(found, "listVO")))
    categories = found.get("catMap")
    if not isinstance(categories, dict) or not categories:
        raise PageChanged(f"{page.url}: neither 'listVO' nor 'catMap'")
    return Listing(tuple(_policy(row) for category in categories.values() for row in rows(category, "listVO")))


def state_council_article(page: Page) -> Article:
    """Text in `#UCAP-CONTENT`, time in the meta element `firstpublishedtime`."""
    return _article(page, "//*[@id='UCAP-CONTENT']", pub_date="firstpublishedtime")


def _policy(row: dict[str, Any]) -> Item:
    title = plain(words(row, "title"))
    when = read_when(words(row, "pubtimeStr")) if "pubtimeStr" in row else from_epoch(number(row, "pubtime") / 1000)
    url = absolute("https://www.gov.cn/", words(row, "url"))
    if when is None or not title.text or not url:
        raise PageChanged("a row of the policy library has no title, address or date")
    return Item(
        title=clean_title(title.text).text,
        url=url,
        when=when,
        issuer=clean_title(optional_words(row, "puborg")).text or None,
        number=read_number(plain(optional_words(row, "pcode")).text),
        removed=title.removed,
    )


def _listing(page: Page, entries: list[Element], link: str, day: str) -> Listing:
    if not entries:
        raise PageChanged(f"{page.url}: the list is not where it was")
    return Listing(tuple(_entry(page, entry, link, day) for entry in entries))


def _entry(page: Page, entry: Element, link: str, day: str) -> Item:
    anchors, days = entry.xpath(link), entry.xpath(day)
    if not anchors:
        raise PageChanged(f"{page.url}: an entry has no link")
    title = clean_title(anchors[0].get("title", "") or text_of(anchors[0]).text)
    when = next((found for span in days if (found := read_when(text_of(span).text))), None)
    url = absolute(page.url, anchors[0].get("href", ""))
    if when is None or not title.text or not url:
        raise PageChanged(f"{page.url}: an entry has no title, address or date")
    return Item(title.text, url, when, number=number_of_title(title.text), removed=title.removed)


def _article(page: Page, content: str, *, dates: str | None = None, pub_date: str = "PubDate") -> Article:
    tree = parse_html(read_text(page))
    texts = [text_of(element) for element in tree.xpath(content)[:20]]
    body = max(texts, key=lambda text: len(text.text), default=Cleaned(""))
    if not body.text:
        raise PageChanged(f"{page.url}: the text is not where it was")
    title = clean_title(meta(tree, "ArticleTitle"))
    return Article(
        body=body.text,
        title=title.text or None,
        when=read_when(meta(tree, pub_date)) or _first_date(tree, dates),
        number=_own_number(tree, title.text, body.text),
        removed=counted(body, title),
    )


def _own_number(tree: Element, title: str, body: str) -> str | None:
    said = read_number(meta(tree, "fileNumber") or meta(tree, "FileNum"))
    return said or _number_of_table(tree) or number_of_title(title) or number_of_head(body)


def _number_of_table(tree: Element) -> str | None:
    """The cell behind 发文字号 or 文号 in the table of particulars that official pages carry."""
    for label in tree.xpath(
        "//td[contains(., '文') and contains(., '号')] | //th[contains(., '文') and contains(., '号')]"
    )[:50]:
        if re.fullmatch(r"(发文字号|发文号|文\s*号)[:：]?", text_of(label, 40).text.replace(" ", "")):
            for cell in label.xpath("following-sibling::td[1]"):
                return read_number(text_of(cell, 200).text)
    return None


def _first_date(tree: Element, path: str | None) -> When | None:
    if path is None:
        return None
    return next((when for element in tree.xpath(path)[:50] if (when := read_when(text_of(element, 2000).text))), None)
