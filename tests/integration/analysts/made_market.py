"""A small made market: thirty shares, an index, margin, policy texts and news, with a wild future after `TODAY`."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import psycopg

from libs.ashare.calendar import CALENDAR
from libs.domain.clock import at_shanghai
from libs.domain.market import Symbol

FIRST, TODAY, LAST = date(2023, 6, 1), date(2024, 9, 2), date(2024, 9, 30)
AFTER_CLOSE = at_shanghai(TODAY, time(16))
SYMBOLS = [Symbol(f"6000{number:02d}.SH") for number in range(30)]
LIQUOR, BANKS, NO_INDUSTRY = SYMBOLS[0], SYMBOLS[1], SYMBOLS[29]
SUSPENDED, NEW, LOSS, SILENT = SYMBOLS[26], SYMBOLS[27], SYMBOLS[2], SYMBOLS[28]
INDUSTRIES = ("白酒", "银行", "家用电器")
LIST_DATE = date(2026, 3, 4)

_STAMP = ("made", False, at_shanghai(LIST_DATE, time(8)))
_BARS = (
    "symbol, session, open, high, low, close, pre_close, volume, amount, adj_factor, turnover_rate, suspended, "
    "special_treatment, source, synthetic, fetched_at, published_at"
)
_NEWS = {
    0: (
        ("news", "", "证券简称甲股份净利润同比增长，股价创历史新高。"),
        ("policy", "会议", "促消费，支持服务消费高质量发展。"),
    ),
    1: (("policy", "公告", "中国人民银行决定降准。"), ("news", "", "甲股份否认减持。")),
    3: (("news", "", "乙股份被立案调查。"), ("policy", "国内联播快讯", "支持消费品以旧换新。")),
}
_FUTURE = (("news", "", "甲股份爆雷，造假，退市。"), ("policy", "公告", "上调存款准备金率，货币政策收紧。"))


def fill(url: str) -> None:
    """Write the market, the future included."""
    sessions = CALENDAR.sessions_between(FIRST, LAST)
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        _copy(cursor, "bars", _BARS, _bars(sessions))
        _copy(cursor, "valuations", f"symbol, session, pe_ttm, pb_mrq, ps_ttm, {_PROVENANCE}", _valuations(sessions))
        _copy(cursor, "index_bars", f"symbol, session, open, high, low, close, {_PROVENANCE}", _index(sessions))
        margin = f"session, financing_balance, lending_balance, financing_bought, {_PROVENANCE}"
        _copy(cursor, "margin", margin, _margin(sessions))
        documents = f"document_id, kind, outlet, session_date, title, body, section, {_PROVENANCE}"
        _copy(cursor, "documents", documents, _documents(sessions))
        instruments = "symbol, name, board, industry, special_treatment, as_of, source, synthetic, fetched_at"
        _copy(cursor, "instruments", instruments, _instruments())


def forget_the_future(url: str, as_of: datetime) -> int:
    """Delete whatever was not yet public at `as_of`; how many rows that were."""
    with psycopg.connect(url) as connection:
        return sum(
            connection.execute(f"DELETE FROM market.{table} WHERE published_at > %s", [as_of]).rowcount
            for table in ("bars", "valuations", "index_bars", "margin", "documents")
        )


_PROVENANCE = "source, synthetic, fetched_at, published_at"


def _copy(cursor: psycopg.Cursor[Any], table: str, columns: str, rows: Iterator[tuple[Any, ...]]) -> None:
    with cursor.copy(f"COPY market.{table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _price(number: int, at: int, day: date) -> float:
    calm = 10 + number + 2 * math.sin(at / 9 + number) + at * 0.004 * (number % 5 - 2)
    return round(calm * (1 + (at % 3) * 0.3 if day > TODAY else 1), 2)


def _bars(sessions: Sequence[date]) -> Iterator[tuple[Any, ...]]:
    for number, symbol in enumerate(SYMBOLS):
        for at, day in enumerate(sessions):
            if symbol == SILENT or (symbol == NEW and day < TODAY - timedelta(days=60)):
                continue
            halted = symbol == SUSPENDED and day >= TODAY - timedelta(days=3)
            before, close = _price(number, max(at - 1, 0), day), _price(number, at, day)
            if halted:
                before = close = _price(number, 0, FIRST)
            volume = 0 if halted else 1_000_000 + 10_000 * (at % 7)
            yield (
                symbol, day, before, max(before, close) + 0.05, min(before, close) - 0.05, close, before,
                volume, volume * close, None, None if halted else 0.01, halted, False,
                *_STAMP, at_shanghai(day, time(15, 30)),
            )  # fmt: skip


def _valuations(sessions: Sequence[date]) -> Iterator[tuple[Any, ...]]:
    for number, symbol in enumerate(SYMBOLS):
        for at, day in enumerate(sessions):
            if symbol == SILENT or (symbol == NEW and day < TODAY - timedelta(days=60)):
                continue
            price = _price(number, at, day)
            earnings = -5.0 if symbol == LOSS else price * 1.5
            yield symbol, day, earnings, price / 5, price / 3, *_STAMP, at_shanghai(day, time(15, 30))


def _index(sessions: Sequence[date]) -> Iterator[tuple[Any, ...]]:
    for at, day in enumerate(sessions):
        close = 3500 + 200 * math.sin(at / 25) * (3 if day > TODAY else 1)
        public = at_shanghai(day, time(15, 30))
        yield "000300.SH", day, close, close + 5, close - 5, close, *_STAMP, public


def _margin(sessions: Sequence[date]) -> Iterator[tuple[Any, ...]]:
    for at, day in enumerate(sessions):
        balance = 1.4e12 + at * 1e9 * (50 if day > TODAY else 1)
        public = at_shanghai(CALENDAR.next_session(day), time(9))
        yield day, round(balance, 2), 1e10, 1e11, *_STAMP, public


def _documents(sessions: Sequence[date]) -> Iterator[tuple[Any, ...]]:
    past = [day for day in sessions if day <= TODAY][::-1]
    dated = [(past[ago], text) for ago, texts in _NEWS.items() for text in texts]
    dated += [(day, text) for day in sessions if day > TODAY for text in _FUTURE]
    for day, (kind, title, body) in dated:
        public = at_shanghai(day, time(8, 30) if kind == "news" else time(19, 30))
        key = hashlib.sha256(f"{kind}{day}{title}{body}".encode()).hexdigest()
        section = "国内股市" if kind == "news" else None
        yield key, kind, "made", day, title, body, section, *_STAMP, public


def _instruments() -> Iterator[tuple[Any, ...]]:
    names = {LIQUOR: "甲股份", BANKS: "乙股份", NO_INDUSTRY: "丙股份"}
    for number, symbol in enumerate(SYMBOLS):
        industry = None if symbol == NO_INDUSTRY else INDUSTRIES[number % 3]
        yield symbol, names.get(symbol, f"无名{number:02d}"), "main", industry, False, LIST_DATE, *_STAMP


def rename(url: str, symbol: Symbol, name: str, initials: str | None) -> None:
    """Give a share another name in the one list there is."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE market.instruments SET name = %s, initials = %s WHERE symbol = %s", [name, initials, symbol]
        )
