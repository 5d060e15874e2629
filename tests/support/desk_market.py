"""A small made market as files of every kind the desk reads: twelve shares, three hundred sessions, always the same.

Shares swing on waves of their own around the index, so that scores cross the thresholds and orders come about; one is
thin (its orders fill in part), one is suspended for a while, one is unknown to the news.
"""

import csv
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from libs.ashare.calendar import CALENDAR

LAST = date(2024, 10, 31)
SESSIONS = CALENDAR.sessions_between(date(2020, 1, 2), LAST)[-300:]
FIRST_TRADED = SESSIONS[-40]
"""Enough history lies before it for every analyst."""


@dataclass(frozen=True, slots=True)
class Company:
    """One made share."""

    symbol: str
    name: str
    industry: str
    price: float
    period: int


COMPANIES = (
    Company("600519.SH", "甲股份", "白酒", 30.0, 34),
    Company("000858.SZ", "乙酒业", "白酒", 22.0, 41),
    Company("600036.SH", "丙银行", "银行", 18.0, 47),
    Company("000001.SZ", "丁银行", "银行", 12.0, 29),
    Company("601398.SH", "戊银行", "银行", 8.0, 53),
    Company("000333.SZ", "己电器", "家用电器", 25.0, 37),
    Company("000651.SZ", "庚电器", "家用电器", 20.0, 31),
    Company("600690.SH", "辛智家", "家用电器", 16.0, 43),
    Company("300750.SZ", "壬能源", "电气设备", 40.0, 27),
    Company("002594.SZ", "癸汽车", "汽车整车", 35.0, 39),
    Company("601012.SH", "子绿能", "电气设备", 14.0, 33),
    Company("600900.SH", "丑电力", "水力发电", 21.0, 59),
)
SYMBOLS = tuple(company.symbol for company in COMPANIES)
THIN, HALTED = COMPANIES[3], COMPANIES[7]
_HALT = SESSIONS[-15:-11]


def write_market(folder: Path) -> Path:
    """Write every file; the folder is what `file:PATH` names."""
    folder.mkdir(parents=True, exist_ok=True)
    bars = [row for number, company in enumerate(COMPANIES) for row in _bars(number, company)]
    _csv(folder / "bars.csv", bars)
    _csv(folder / "index.csv", list(_index()))
    _csv(folder / "calendar.csv", [{"date": day.isoformat()} for day in SESSIONS])
    _csv(folder / "margin.csv", list(_margin()))
    _csv(folder / "shares.csv", [_listed(company) for company in COMPANIES])
    _jsonl(folder / "policy.jsonl", _policy())
    _jsonl(folder / "briefing.jsonl", _briefing())
    return folder


def _close(number: int, company: Company, at: int) -> float:
    """A slow tide that all share, a wave of its own, and a ripple."""
    tide = 0.05 * math.sin(2 * math.pi * at / 90)
    wave = 0.10 * math.sin(2 * math.pi * at / company.period + number)
    ripple = 0.006 * math.sin(at * 2.3 + number * 1.7)
    return round(company.price * (1 + tide + wave + ripple), 2)


def _bars(number: int, company: Company) -> Iterable[dict[str, Any]]:
    last = _close(number, company, 0)
    for at, day in enumerate(SESSIONS):
        halted = company is HALTED and day in _HALT
        before, close = last, last if halted else _close(number, company, at)
        last = close
        opened = before if halted else round(before + (close - before) * 0.3, 2)
        margin = 0.0 if halted else round(0.004 * close, 2)
        volume = 0 if halted else (20_000 if company is THIN else 4_000_000) + 1_000 * (at % 17) * (number + 1)
        yield {
            "ts_code": company.symbol, "date": day.isoformat(), "open": opened,
            "high": round(max(opened, close) + margin, 2), "low": round(min(opened, close) - margin, 2),
            "close": close, "pre_close": before, "volume": volume, "amount": round(volume * close, 2),
            "trade_status": 0 if halted else 1, "is_st": 0, "turnover_rate": "" if halted else 1.2,
            "pe_ttm": round(close * (0.8 + 0.1 * number), 4), "pb_mrq": round(close / 8, 4),
            "ps_ttm": round(close / 6, 4), "pcf_ncf_ttm": round(close / 3, 4),
        }  # fmt: skip


def _index() -> Iterable[dict[str, Any]]:
    before = 3500.0
    for at, day in enumerate(SESSIONS):
        close = round(3500 * (1 + 0.06 * math.sin(2 * math.pi * at / 90) + 0.004 * math.sin(at * 1.9)), 2)
        yield {
            "ts_code": "000300.SH", "date": day.isoformat(), "open": before, "high": max(before, close) + 5,
            "low": min(before, close) - 5, "close": close, "pre_close": before, "volume_lots": 100_000_000 + at,
            "amount": 2.5e11,
        }  # fmt: skip
        before = close


def _margin() -> Iterable[dict[str, Any]]:
    for at, day in enumerate(SESSIONS):
        swing = 200 * math.sin(2 * math.pi * at / 90)
        yield {"date": day.isoformat(), "rzye": round(15_000 + swing, 2), "rqye": 500.0, "rzmre": 900.0}


def _listed(company: Company) -> dict[str, Any]:
    return {
        "ts_code": company.symbol, "name": company.name, "industry": company.industry, "list_date": "20010827",
        "is_st": 0,
    }  # fmt: skip


def _policy() -> Iterable[dict[str, Any]]:
    texts = ("促消费，支持消费品以旧换新。", "中国人民银行决定降准。", "支持新能源汽车产业发展。", "上调存款准备金率。")
    for at, day in enumerate(SESSIONS):
        if at % 6 == 0:
            yield {"date": day.isoformat(), "title": f"会议{at}", "content": texts[at // 6 % len(texts)]}


def _briefing() -> Iterable[dict[str, Any]]:
    good, bad = "{}净利润同比增长，股价创历史新高。", "{}被立案调查，业绩下滑。"
    for at, day in enumerate(SESSIONS):
        company = COMPANIES[at % 11]
        said = (good if at // 11 % 3 else bad).format(company.name)
        yield {"date": day.isoformat(), "section": "国内股市", "text": f"{said}第{at}条。"}


def _csv(file: Path, rows: Sequence[dict[str, Any]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _jsonl(file: Path, rows: Iterable[dict[str, Any]]) -> None:
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
