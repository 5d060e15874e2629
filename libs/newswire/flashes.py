"""Flash news: the JSON feeds of Eastmoney, CLS (财联社) and Sina, and Eastmoney's search for news of one share.

The shapes are those AkShare 1.19.5 reads (`stock_info_global_em`, `_cls`, `_sina`, `stock_news_em`). Symbols are only
those that the publisher attached; a search that found a text by its words attaches none.
"""

import json
from typing import Any

from libs.domain.market import Symbol
from libs.newswire.cleaning import clean_title
from libs.newswire.errors import PageChanged
from libs.newswire.fetcher import Page
from libs.newswire.items import Item, Listing, counted, headline, symbol_of
from libs.newswire.markup import absolute, plain
from libs.newswire.payload import number, optional_words, read_json, rows, words
from libs.newswire.times import When, from_epoch, read_when


def eastmoney_flash(page: Page) -> Listing:
    """`data.fastNewsList`: code, title, summary, showTime, stockList of `<market>.<code>`."""
    return Listing(tuple(_eastmoney(row) for row in rows(read_json(page), "data", "fastNewsList")))


def cls_flash(page: Page) -> Listing:
    """`data.roll_data`: id, title, content, ctime in seconds, stock_list; advertisements are left out."""
    found = rows(read_json(page), "data", "roll_data")
    return Listing(tuple(_cls(row) for row in found if not row.get("is_ad")))


def sina_flash(page: Page) -> Listing:
    """`result.data.feed.list`: id, create_time, rich_text, docurl, and `ext`, JSON in a text, with the stocks."""
    return Listing(tuple(_sina(row) for row in rows(read_json(page), "result", "data", "feed", "list")))


def stock_news(page: Page) -> Listing:
    """`result.cmsArticleWebOld`: title, content, date, mediaName, code."""
    return Listing(tuple(_found(row) for row in rows(read_json(page), "result", "cmsArticleWebOld")))


def _eastmoney(row: dict[str, Any]) -> Item:
    url = absolute("https://finance.eastmoney.com/a/", f"{words(row, 'code')}.html")
    codes = row.get("stockList")
    mainland = [str(code)[2:] for code in codes if str(code)[:2] in {"0.", "1."}] if isinstance(codes, list) else []
    return _flash(words(row, "title"), words(row, "summary"), url, read_when(words(row, "showTime")), mainland)


def _cls(row: dict[str, Any]) -> Item:
    url = absolute("https://www.cls.cn/detail/", words(row, "id"))
    stocks = row.get("stock_list")
    listed = [stock for stock in stocks if isinstance(stock, dict)] if isinstance(stocks, list) else []
    codes = [str(stock.get("StockID", "")) for stock in listed]
    return _flash(words(row, "title"), words(row, "content"), url, from_epoch(number(row, "ctime")), codes)


def _sina(row: dict[str, Any]) -> Item:
    url = absolute("https://finance.sina.com.cn/7x24/", optional_words(row, "docurl") or f"?id={words(row, 'id')}")
    return _flash("", words(row, "rich_text"), url, read_when(words(row, "create_time")), _sina_codes(row))


def _sina_codes(row: dict[str, Any]) -> list[str]:
    try:
        extra = json.loads(optional_words(row, "ext") or "{}")
    except (ValueError, RecursionError):
        return []
    stocks = extra.get("stocks") if isinstance(extra, dict) else None
    listed = [stock for stock in stocks if isinstance(stock, dict)] if isinstance(stocks, list) else []
    return [str(stock.get("symbol", "")) for stock in listed if stock.get("market") == "cn"]


def _found(row: dict[str, Any]) -> Item:
    url = absolute("https://finance.eastmoney.com/a/", f"{words(row, 'code')}.html")
    item = _flash(words(row, "title"), words(row, "content"), url, read_when(words(row, "date")), [])
    media = clean_title(plain(optional_words(row, "mediaName")).text).text
    return Item(item.title, item.url, item.when, item.body, media or None, removed=item.removed)


def _flash(title: str, text: str, url: str, when: When | None, codes: list[str]) -> Item:
    said, body = plain(title), plain(text)
    own, rest = headline(body.text)
    if not said.text:
        heading, content = own, rest
    else:
        heading, content = said.text, rest if own == said.text else body.text
    if when is None or not url or not (heading or content):
        raise PageChanged("a flash has no text, address or time")
    return Item(
        title=clean_title(heading).text,
        url=url,
        when=when,
        body=content,
        symbols=_symbols(codes),
        removed=counted(said, body),
    )


def _symbols(codes: list[str]) -> tuple[Symbol, ...]:
    found = (symbol_of(code) for code in codes)
    return tuple(sorted({symbol for symbol in found if symbol is not None}))
