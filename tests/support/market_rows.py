"""A good row of every kind, in the columns of the store."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from libs.marketdata.frames import SCHEMAS
from libs.marketdata.source import Kind

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = date(2024, 8, 16)
SESSIONS = [DAY, date(2024, 8, 19), date(2024, 9, 2)]
MORNING = datetime(2024, 8, 16, 9, 45, tzinfo=SHANGHAI)
EVENING = datetime(2024, 8, 16, 18, 0, tzinfo=SHANGHAI)
KEYED: dict[str, Any] = {"symbol": "600519.SH", "session": DAY, "published_at": MORNING}
OVER: dict[str, Any] = {**KEYED, "published_at": EVENING}
PERIOD: dict[str, Any] = {
    "symbol": "600519.SH",
    "period": date(2024, 6, 30),
    "announced_on": date(2024, 8, 9),
    "published_at": MORNING,
}

_PRICES = dict.fromkeys(("open", "high", "low", "close", "pre_close"), 10.0)

GOOD: dict[Kind, dict[str, Any]] = {
    Kind.CALENDAR: {"session": DAY},
    Kind.INSTRUMENTS: {
        "symbol": "600519.SH",
        "name": "贵州茅台",
        "board": "main",
        "list_date": date(2001, 8, 27),
        "special_treatment": False,
        "as_of": DAY,
        "initials": "GZMT",
    },
    Kind.BARS: {
        **OVER,
        **_PRICES,
        "volume": 100,
        "amount": 1000.0,
        "adj_factor": 1.0,
        "suspended": False,
        "special_treatment": False,
    },
    Kind.INDEX_BARS: {**OVER, "symbol": "000300.SH", **_PRICES, "volume": 100, "amount": 1000.0},
    Kind.MARGIN: {
        "session": DAY,
        **dict.fromkeys(("financing_balance", "lending_balance", "financing_bought"), 1.5e12),
        "published_at": EVENING,
    },
    Kind.DOCUMENTS: {
        "document_id": "0" * 64,
        "kind": "policy",
        "outlet": "PBC",
        "session_date": DAY,
        "title": "公告",
        "body": "降准。",
        "url": "https://www.pbc.gov.cn/x.html",
        "issuer": "中国人民银行",
        "document_number": "银发〔2024〕1号",
        "symbols": ["600036.SH"],
        "published_at": MORNING,
    },
    Kind.INSTRUMENT_HISTORY: {
        "symbol": "600519.SH",
        "attribute": "st",
        "effective_from": DAY,
        "value": "*ST",
        "published_at": MORNING,
    },
    Kind.MINUTE_BARS: {
        "symbol": "600519.SH",
        "interval_minutes": 15,
        "ends_at": MORNING,
        **dict.fromkeys(("open", "high", "low", "close"), 10.0),
        "volume": 100,
        "published_at": MORNING,
    },
    Kind.TICKS: {
        "symbol": "600519.SH",
        "traded_at": MORNING,
        "sequence": 1,
        "price": 10.0,
        "volume": 100,
        "side": "buy",
        "published_at": MORNING,
    },
    Kind.VALUATIONS: {**OVER, "pe_ttm": -3.0, "dividend_yield": 0.0, "total_shares": 10},
    Kind.STATEMENTS: {**PERIOD, "item": "net_profit", "value": -1.0},
    Kind.CORPORATE_ACTIONS: {
        "symbol": "600519.SH",
        "ex_date": DAY,
        "record_date": date(2024, 8, 15),
        "cash_per_share": 3.0882,
        **dict.fromkeys(("bonus_per_share", "transfer_per_share", "rights_per_share"), 0.0),
        "published_at": MORNING,
    },
    Kind.NORTHBOUND: {
        "session": DAY,
        "net_buy": -6_775_000_000.0,
        "shanghai_net_buy": -4_000_000_000.0,
        "shenzhen_net_buy": -2_775_000_000.0,
        "published_at": EVENING,
    },
    Kind.SECTOR_FLOWS: {
        "session": DAY,
        "taxonomy": "ths",
        "sector": "白酒",
        "inflow": 3e9,
        "outflow": 2e9,
        "net_inflow": 1e9,
        "published_at": EVENING,
    },
    Kind.PLEDGES: {"symbol": "600519.SH", "as_of": DAY, "pledged_ratio": 0.2, "published_at": MORNING},
    Kind.UNLOCKS: {
        "symbol": "600519.SH",
        "unlock_date": date(2027, 1, 3),
        "share_kind": "首发原股东限售股份",
        "announced_on": DAY,
        "shares": 100,
        "ratio": 0.01,
        "published_at": MORNING,
    },
    Kind.GOODWILL: {**PERIOD, "goodwill": 0.0},
    Kind.SUSPENSIONS: {**KEYED, "extent": "full"},
    Kind.LIMIT_PRICES: {**KEYED, "pre_close": 10.0, "limit_up": 11.0, "limit_down": 9.0},
}


def frame_of(kind: Kind, *rows: dict[str, Any]) -> pl.DataFrame:
    """Rows as a batch carries them; a column a row does not name is null."""
    whole = [{name: row.get(name) for name in SCHEMAS[kind]} for row in rows]
    return pl.DataFrame(whole, schema=SCHEMAS[kind])
