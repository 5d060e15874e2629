"""Policy documents, announcements, news and the evening news from Tushare; each needs a permission bought for itself.

The texts are the publisher's, stripped of markup; nothing is summarised or translated.
"""

import html
import re
from collections.abc import Callable, Mapping
from datetime import timedelta

import polars as pl

from libs.marketdata.frames import END_OF_DAY, EVENING_NEWS, published
from libs.marketdata.provider import Ask
from libs.marketdata.readers import with_document_ids
from libs.marketdata.source import Batch, Kind
from libs.marketdata.tushare_calls import Endpoint, TushareCalls, compact, span_of
from libs.marketdata.vendor_rows import answer_day, checked, day, instant, text

_TAG = re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1>|<[^>]+>", re.DOTALL | re.IGNORECASE)

NPR = Endpoint(
    "npr",
    {
        "moment": "pubtime",
        "title": "title",
        "document_number": "pcode",
        "issuer": "puborg",
        "section": "ptype",
        "url": "url",
        "body": "content_html",
    },
    page_rows=500,
    calls_per_minute=60,
)
ANNS_D = Endpoint(
    "anns_d",
    {"moment": "rec_time", "day": "ann_date", "symbol": "ts_code", "title": "title", "url": "url"},
    page_rows=2000,
    calls_per_minute=60,
)
NEWS = Endpoint(
    "news",
    {"moment": "datetime", "title": "title", "body": "content"},
    page_rows=1500,
    calls_per_minute=60,
)
CCTV_NEWS = Endpoint(
    "cctv_news", {"day": "date", "title": "title", "body": "content"}, page_rows=500, calls_per_minute=60
)
OUTLETS = ("sina",)
"""Whose news are asked for; the vendor has more, and counts each."""


def read_documents(calls: TushareCalls, ask: Ask, apis: tuple[str, ...]) -> Batch:
    """Documents of the window from those endpoints that the account may use."""
    frames = [TEXTS[api](calls, ask) for api in apis]
    rows = pl.concat(frames, how="diagonal_relaxed")
    return checked(Kind.DOCUMENTS, with_document_ids(rows), calls.context, f"tushare {', '.join(apis)}")


def _policies(calls: TushareCalls, ask: Ask) -> pl.DataFrame:
    asked = {"start_date": f"{ask.window.start} 00:00:00", "end_date": f"{ask.window.end} 23:59:59"}
    raw = calls.table(NPR, asked, about=answer_day(calls.context, ask.window.end, lag_sessions=1))
    return _documents(
        raw.with_columns(pl.col("moment").alias("day")), kind="policy", outlet="国务院政策文件库", markup=True
    )


def _announcements(calls: TushareCalls, ask: Ask) -> pl.DataFrame:
    asked = {**({"ts_code": ask.symbols[0]} if len(ask.symbols) == 1 else {}), **span_of(ask.window)}
    raw = calls.table(ANNS_D, asked, about=answer_day(calls.context, ask.window.end, lag_sessions=1))
    if ask.symbols:
        raw = raw.filter(text("symbol").is_in(ask.symbols))
    titled = raw.with_columns(
        pl.col("title").alias("body"), text("symbol").reshape((-1, 1)).arr.to_list().alias("symbols")
    )
    return _documents(titled, kind="announcement", outlet="交易所公告")


def _news(calls: TushareCalls, ask: Ask) -> pl.DataFrame:
    asked = {"start_date": f"{ask.window.start} 00:00:00", "end_date": f"{ask.window.end} 23:59:59"}
    about = answer_day(calls.context, ask.window.end)
    frames = []
    for outlet in OUTLETS:
        raw = calls.table(NEWS, {"src": outlet, **asked}, about=about)
        frames.append(_documents(raw.with_columns(pl.col("moment").alias("day")), kind="news", outlet=outlet))
    return pl.concat(frames)


def _evening_news(calls: TushareCalls, ask: Ask) -> pl.DataFrame:
    frames, moment = [], ask.window.start
    while moment <= ask.window.end:
        about = answer_day(calls.context, moment)
        frames.append(calls.table(CCTV_NEWS, {"date": compact(moment)}, about=about))
        moment += timedelta(days=1)
    raw = pl.concat(frames, how="vertical_relaxed")
    shown = _documents(raw, kind="policy", outlet="CCTV", markup=True)
    return shown.with_columns(published("session_date", EVENING_NEWS))


TEXTS: Mapping[str, Callable[[TushareCalls, Ask], pl.DataFrame]] = {
    "npr": _policies,
    "anns_d": _announcements,
    "news": _news,
    "cctv_news": _evening_news,
}


def _documents(raw: pl.DataFrame, *, kind: str, outlet: str, markup: bool = False) -> pl.DataFrame:
    """Rows in the store's columns; a date alone counts as published at the end of its day."""
    absent = [n for n in ("section", "url", "issuer", "document_number", "moment") if n not in raw.columns]
    rows = raw.with_columns(
        *(pl.lit(None, dtype=pl.String).alias(name) for name in absent),
        *([] if "symbols" in raw.columns else [pl.lit([], dtype=pl.List(pl.String)).alias("symbols")]),
    ).select(
        pl.lit(kind).alias("kind"),
        pl.lit(outlet).alias("outlet"),
        day("day").alias("session_date"),
        text("title").fill_null(""),
        text("body").fill_null(""),
        *(text(name) for name in ("section", "url", "issuer", "document_number")),
        "symbols",
        instant("moment"),
    )
    exact = pl.when(pl.col("moment").dt.time() != pl.time(0, 0)).then(pl.col("moment"))
    shown = rows.with_columns(pl.coalesce(exact, published("session_date", END_OF_DAY)).alias("published_at")).drop(
        "moment"
    )
    return shown.with_columns(pl.col("body").map_elements(_plain, return_dtype=pl.String)) if markup else shown


def _plain(markup: str) -> str:
    lines = (line.strip() for line in html.unescape(_TAG.sub("\n", markup)).splitlines())
    return "\n".join(line for line in lines if line)
