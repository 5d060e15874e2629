"""The made market of the desk's tests under Tushare's names and in its units, for desks on vendor data alone."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]
_EXCHANGES = ("SSE", "SZSE", "BSE")


def tables(folder: Path, also: Sequence[str] = ()) -> dict[str, list[Row]]:
    """Every endpoint's rows, out of the files that `tests.support.desk_market.write_market` has written.

    `also`: further symbols, each moving like one of the made shares.
    """
    days = [_compact(row["date"]) for row in _rows(folder / "calendar.csv")]
    shares = list(_rows(folder / "shares.csv"))
    known = [row["ts_code"] for row in shares]
    like = {symbol: known[at % len(known)] for at, symbol in enumerate(s for s in also if s not in known)}
    bars, shares = (
        rows + [{**row, "ts_code": symbol} for symbol, model in like.items() for row in rows if row["ts_code"] == model]
        for rows in (list(_rows(folder / "bars.csv")), shares)
    )
    traded = [row for row in bars if row["trade_status"] == "1"]
    return {
        "trade_cal": [{"exchange": "SSE", "cal_date": day, "is_open": 1, "pretrade_date": ""} for day in days],
        "stock_basic": [{**_named(row), "list_status": "L", "delist_date": None} for row in shares],
        **_past(shares),
        "stock_st": [],
        "daily": [_bar(row, float(row["volume"]) / 100, float(row["amount"]) / 1000) for row in traded][::-1],
        "adj_factor": [
            {"ts_code": row["ts_code"], "trade_date": _compact(row["date"]), "adj_factor": 1.0} for row in bars
        ],
        "suspend_d": [
            {"ts_code": row["ts_code"], "trade_date": _compact(row["date"]), "suspend_timing": None,
             "suspend_type": "S"} for row in bars if row["trade_status"] == "0"
        ],
        "daily_basic": [_basics(row) for row in traded],
        "index_daily": [
            _bar(row, float(row["volume_lots"]), float(row["amount"]) / 1000) for row in _rows(folder / "index.csv")
        ][::-1],
        "margin": [_margin(row, exchange) for row in _rows(folder / "margin.csv") for exchange in _EXCHANGES],
        "dividend": [],
    }  # fmt: skip


def _past(shares: Sequence[dict[str, str]]) -> dict[str, list[Row]]:
    """Names and industries, which never changed."""
    return {
        "namechange": [
            {"ts_code": row["ts_code"], "name": row["name"], "start_date": row["list_date"],
             "ann_date": row["list_date"], "change_reason": "其他"} for row in shares
        ],
        "index_member_all": [
            {"ts_code": row["ts_code"], "l1_name": row["industry"], "in_date": row["list_date"], "out_date": None,
             "is_new": "Y"} for row in shares
        ],
    }  # fmt: skip


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def _compact(day: str) -> str:
    return day.replace("-", "")


def _named(row: dict[str, str]) -> Row:
    return {name: row[name] for name in ("ts_code", "name", "industry", "list_date")}


def _bar(row: dict[str, str], lots: float, thousands: float) -> Row:
    prices = {name: float(row[name]) for name in ("open", "high", "low", "close", "pre_close")}
    return {
        "ts_code": row["ts_code"], "trade_date": _compact(row["date"]), **prices, "vol": lots,
        "amount": round(thousands, 3),
    }  # fmt: skip


def _margin(row: dict[str, str], exchange: str) -> Row:
    balances = {name: float(row[name]) * 1e8 / len(_EXCHANGES) for name in ("rzye", "rqye", "rzmre")}
    return {"trade_date": _compact(row["date"]), "exchange_id": exchange, **balances}


def _basics(row: dict[str, str]) -> Row:
    close, shares = float(row["close"]), 125_619.78
    return {
        "ts_code": row["ts_code"], "trade_date": _compact(row["date"]), "close": close, "turnover_rate": 1.2,
        "pe_ttm": float(row["pe_ttm"]), "pb": float(row["pb_mrq"]), "ps_ttm": float(row["ps_ttm"]), "dv_ttm": 2.0,
        "total_share": shares, "float_share": shares, "total_mv": shares * close, "circ_mv": shares * close,
    }  # fmt: skip
