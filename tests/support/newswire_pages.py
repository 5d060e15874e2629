"""Made pages in the shape of each outlet's. The texts are invented; only the structure is that of the sites."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Made:
    """One invented text."""

    title: str
    url: str
    day: str
    """As `2024-09-24`."""
    body: str = "第一段。\n第二段。"
    number: str | None = None


def path_of(url: str) -> str:
    """The path under which the stub serves an address."""
    return urlsplit(url).path


def csrc_list(texts: Sequence[Made]) -> bytes:
    """common_list.shtml."""
    rows = "".join(
        f'<li><a href="{path_of(t.url)}" target="_blank">{t.title}</a><span class="date">{t.day}</span></li>'
        for t in texts
    )
    return _page(
        "证监会要闻", f'<div class="main"><ul id="list" class="list">{rows}</ul></div><script>var p=1;</script>'
    )


def csrc_article(text: Made, time: str = "18:05") -> bytes:
    """content.shtml."""
    head = _meta(ArticleTitle=text.title, PubDate=f"{text.day} {time}", ContentSource="证监会")
    return _page(text.title, f'<div class="content"><div class="detail-news">{_paragraphs(text)}</div></div>', head)


def pbc_list(texts: Sequence[Made]) -> bytes:
    """The table of 新闻发布."""
    rows = "".join(
        '<tr><td height="22"><font class="newslist_style">'
        f'<a href="{path_of(t.url)}" onclick="void(0)" title="{t.title}" istitle="true">{t.title[:12]}…</a>'
        f'</font><span class="hui12">{t.day}</span></td></tr>'
        for t in texts
    )
    return _page("新闻发布", f"<table>{rows}</table>")


def pbc_article(text: Made, time: str = "17:01:30") -> bytes:
    """An article with its number on a line of its own."""
    number = f"<p align='center'>{text.number}</p>" if text.number else ""
    line = f'<td class="hui12">文章来源：沟通交流</td><td class="hui12" id="shijian">{text.day} {time}</td>'
    body = f'<table><tr>{line}</tr></table><div id="zoom">{number}{_paragraphs(text)}</div>'
    return _page(text.title, body, _meta(ArticleTitle=text.title))


def ndrc_list(texts: Sequence[Made]) -> bytes:
    """`ul.u-list` with its empty entries."""
    rows = "".join(
        f'<li><a href="./{path_of(t.url).split("/tz/")[1]}" target="_blank" title="{t.title}">{t.title}</a>'
        f'<span>{t.day.replace("-", "/")}</span></li><li class="empty"></li>'
        for t in texts
    )
    return _page("通知", f'<ul class="u-list">{rows}</ul>')


def ndrc_article(text: Made) -> bytes:
    """TRS_Editor inside of article_con."""
    head = _meta(ArticleTitle=text.title, PubDate=f"{text.day} 10:15")
    body = f'<div class="article_con"><div class="TRS_Editor">{_paragraphs(text)}</div></div>'
    return _page(text.title, body, head)


def state_council_list(texts: Sequence[Made], *, by_category: bool = False) -> bytes:
    """The policy library's search."""
    rows = [
        {
            "title": t.title.replace("通知", "<em>通知</em>"),
            "url": t.url,
            "puborg": "国家发展改革委 财政部",
            "pcode": t.number or "",
            "pubtimeStr": t.day.replace("-", "."),
            "summary": t.body[:20],
        }
        for t in texts
    ]
    found: dict[str, Any] = (
        {"catMap": {"bumenfile": {"listVO": rows, "totalCount": 1}}} if by_category else {"listVO": rows}
    )
    return _json({"code": 200, "msg": "操作成功", "searchVO": {"totalCount": len(rows), **found}})


def state_council_article(text: Made) -> bytes:
    """The text with its table of particulars."""
    table = f"<table><tr><td>发文字号：</td><td>{text.number}</td></tr></table>" if text.number else ""
    head = f'<meta name="firstpublishedtime" content="{text.day}-16:30:00"/>'
    return _page(text.title, f'{table}<div class="pages_content" id="UCAP-CONTENT">{_paragraphs(text)}</div>', head)


def cctv_list(texts: Sequence[Made]) -> bytes:
    """The fragment of one day; its first entry is the recording of the whole."""
    recording = "https://tv.cctv.com/2024/09/24/VIDEwhole240924.shtml"
    whole = f'<li><a href="{recording}" title="《新闻联播》 20240924 19:00">x</a></li>'
    rows = "".join(
        f'<li><div class="image"><a href="{t.url}" target="_blank"><img src="/a.jpg"/></a></div>'
        f'<a href="{t.url}" alt="[视频]{t.title}" title="[视频]{t.title}"><div class="title">{t.title}</div></a></li>'
        for t in texts
    )
    return (whole + rows).encode()


def cctv_article(text: Made) -> bytes:
    """One item."""
    body = f"<!--repaste.body.begin-->央视网消息（新闻联播）：{text.body}<!--repaste.body.end-->"
    return _page(
        text.title,
        f'<div class="tit">[视频]{text.title}</div><div class="content_area" id="content_area"><p>{body}</p></div>',
    )


def eastmoney_flash(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """getFastNewsList."""
    plain = {"summary": "正文", "title": "标题", "showTime": "2024-09-24 09:31:05", "stockList": []}
    return _json(
        {"code": "1", "data": {"fastNewsList": [{**plain, "code": f"2024{i}", **row} for i, row in enumerate(rows)]}}
    )


def cls_flash(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """get_roll_list."""
    plain = {"title": "", "content": "内容", "ctime": 1_727_141_465, "level": "B", "is_ad": 0, "stock_list": None}
    return _json({"errno": 0, "data": {"roll_data": [{**plain, "id": 1000 + i, **row} for i, row in enumerate(rows)]}})


def sina_flash(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """zhibo feed."""
    plain = {"rich_text": "内容", "create_time": "2024-09-24 09:31:08", "ext": "{}", "docurl": ""}
    feed = {"list": [{**plain, "id": 9000 + i, **row} for i, row in enumerate(rows)]}
    return _json({"result": {"status": {"code": 0}, "data": {"feed": feed}}})


def stock_news(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """A script that calls a function with what the search found."""
    plain = {
        "title": "某公司公布订单",
        "content": "某公司(<em>600519</em>)称",
        "date": "2024-09-24 10:00:00",
        "mediaName": "某报",
    }
    found = [{**plain, "code": f"20240924{i}", **row} for i, row in enumerate(rows)]
    return b"found(" + _json({"code": 0, "result": {"cmsArticleWebOld": found}}) + b")"


def eastmoney_notices(rows: Sequence[Mapping[str, Any]], *, page: int = 1, total: int | None = None) -> bytes:
    """api/security/ann."""
    plain = {
        "art_code": "AN202409241",
        "title": "平安银行:关于召开股东大会的公告",
        "notice_date": "2024-09-25 00:00:00",
        "display_time": "2024-09-24 19:12:09:331",
        "codes": [{"stock_code": "000001", "short_name": "平安银行", "ann_type": "A,SZA", "market_code": "0"}],
        "columns": [{"column_code": "1", "column_name": "股东大会"}],
    }
    listed = [{**plain, **row} for row in rows]
    data = {"list": listed, "page_index": page, "page_size": 100, "total_hits": len(listed) if total is None else total}
    return _json({"data": data, "success": 1})


def cninfo(rows: Sequence[Mapping[str, Any]] | None, *, more: bool = False) -> bytes:
    """hisAnnouncement/query."""
    plain = {
        "secCode": "600519",
        "secName": "贵州茅台",
        "announcementId": "1",
        "announcementTitle": "2024年半年度报告",
        "announcementTime": 1_727_107_200_000,
        "adjunctUrl": "finalpage/2024-09-24/1.PDF",
    }
    listed = None if rows is None else [{**plain, **row} for row in rows]
    return _json({"announcements": listed, "totalAnnouncement": len(listed or ()), "hasMore": more})


def _paragraphs(text: Made) -> str:
    return "".join(f"<p>{line}</p>" for line in text.body.split("\n"))


def _meta(**names: str) -> str:
    return "".join(f'<meta name="{name}" content="{content}"/>' for name, content in names.items())


def _page(title: str, body: str, head: str = "") -> bytes:
    top = f'<head><meta charset="utf-8"/><title>{title}</title>{head}</head>'
    return f"<!DOCTYPE html><html>{top}<body>{body}</body></html>".encode()


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
