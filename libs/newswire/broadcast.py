"""新闻联播 of CCTV: the page of one day with its items, and the page of one item."""

import re

from libs.newswire.cleaning import clean_title
from libs.newswire.errors import PageChanged
from libs.newswire.fetcher import Page
from libs.newswire.items import EVENING_NEWS, Article, Item, Listing, counted
from libs.newswire.markup import Element, absolute, has_class, parse_html, text_of
from libs.newswire.payload import read_text
from libs.newswire.times import When, read_when

_ITEM = re.compile(r"^https://tv\.cctv\.com/(\d{4}/\d{2}/\d{2})/VIDE\w+\.shtml$")
_WHOLE = ("完整版", "《新闻联播》")
_DATELINE = re.compile(r"^(?:央视网消息\s*)?[（(]新闻联播[）)]\s*[：:]\s*|^央视网消息\s*[：:]\s*")


def cctv_list(page: Page) -> Listing:
    """The items of one day in the order of the broadcast; the recording of the whole is none of them."""
    items: dict[str, Item] = {}
    for anchor in parse_html(read_text(page)).xpath("//li//a[@href]"):
        item = _item(page, anchor)
        if item is not None and item.title:
            items.setdefault(item.url, item)
    if not items:
        raise PageChanged(f"{page.url}: no item of the broadcast")
    return Listing(tuple(item for item in items.values() if not item.title.startswith(_WHOLE)))


def cctv_article(page: Page) -> Article:
    """The text that was read out."""
    tree = parse_html(read_text(page))
    places = f"//*[@id='content_area'] | //*[{has_class('content_area')}] | //*[{has_class('cnt_bd')}]"
    texts = [text for element in tree.xpath(places)[:5] if (text := text_of(element)).text]
    if not texts:
        raise PageChanged(f"{page.url}: the text is not where it was")
    titles = [
        text for element in tree.xpath(f"//h3 | //div[{has_class('tit')}]")[:3] if (text := text_of(element)).text
    ]
    title = clean_title(_bare(titles[0].text)) if titles else None
    return Article(
        body=_DATELINE.sub("", texts[0].text).strip(),
        title=title.text if title else None,
        removed=counted(*texts[:1], *([title] if title else [])),
    )


def _item(page: Page, anchor: Element) -> Item | None:
    url = absolute(page.url, anchor.get("href", "")).replace("http://", "https://", 1)
    found = _ITEM.match(url)
    day = read_when(found[1]) if found else None
    if day is None:
        return None
    title = clean_title(_bare(anchor.get("title", "") or anchor.get("alt", "") or text_of(anchor).text))
    return Item(title.text, url, When(day.day, EVENING_NEWS), removed=title.removed)


def _bare(title: str) -> str:
    return re.sub(r"^\s*[\[［【]视频[\]］】]\s*", "", title).strip()
