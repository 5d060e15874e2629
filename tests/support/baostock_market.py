"""A small market as Baostock tells it: two shares and an index, ten sessions, all values as text.

sh.600519 goes ex on its sixth session; sz.000001 is ST from its fifth session on, and suspended on its seventh.
"""

from collections.abc import Sequence
from datetime import date

Row = dict[str, str]
EX, ST_FROM, HALTED = 5, 4, 6


def tables(sessions: Sequence[date]) -> dict[str, list[Row]]:
    """Every function's rows over the first ten sessions."""
    days = [session.isoformat() for session in sessions[:10]]
    return {
        "query_trade_dates": [
            *({"calendar_date": d, "is_trading_day": "1"} for d in days),
            {"calendar_date": "2024-09-07", "is_trading_day": "0"},
        ],
        "query_stock_basic": _listed(),
        "query_stock_industry": [
            _industry("sh.600519", "贵州茅台", "C15酒、饮料和精制茶制造业"),
            _industry("sz.000001", "ST平安", "J66货币金融服务"),
        ],
        "query_history_k_data_plus d": [
            *_daily("sh.600519", 1500.0, days, ex=EX),
            *_daily("sz.000001", 10.0, days, st_from=ST_FROM, halted=HALTED),
            *({**row, "amount": f"{int(row['volume']) * 20.0:.4f}"} for row in _daily("sh.000300", 4000.0, days)),
        ],
        "query_history_k_data_plus 5": _minutes(days),
        "query_adjust_factor": [_factor("2023-06-30", "5.000000"), _factor(days[EX], "10.000000")],
        "query_dividend_data": [_dividend(days)],
        "query_profit_data": [
            _report("2024", "2", "2024-06-30", "2024-09-05", roeAvg="0.1923", npMargin="0.52", netProfit="4.3e10"),
            _report("2024", "3", "2024-09-30", "2024-10-30", roeAvg="0.2609", npMargin="0.52", netProfit="6.1e10"),
        ],
        "query_growth_data": [_report("2024", "2", "2024-06-30", "2024-09-05", YOYPNI="0.158")],
        "query_balance_data": [
            _report(
                "2024", "2", "2024-06-30", "2024-09-05", currentRatio="6.1", quickRatio="", liabilityToAsset="0.141"
            )
        ],
    }


def _listed() -> list[Row]:
    def share(code: str, name: str, listed: str, kind: str = "1", gone: str = "") -> Row:
        return {
            "code": code,
            "code_name": name,
            "ipoDate": listed,
            "outDate": gone,
            "type": kind,
            "status": "0" if gone else "1",
        }

    return [
        share("sh.600519", "贵州茅台", "2001-08-27"),
        share("sz.000001", "ST平安", "1991-04-03"),
        share("sh.600087", "长油退", "1997-06-12", gone="2014-06-05"),
        share("sh.000300", "沪深300", "2005-04-08", kind="2"),
    ]


def _industry(code: str, name: str, industry: str) -> Row:
    return {
        "updateDate": "2024-09-02",
        "code": code,
        "code_name": name,
        "industry": industry,
        "industryClassification": "证监会行业分类",
    }


def _daily(  # one argument per thing that happens
    code: str, price: float, days: Sequence[str], *, ex: int = -1, st_from: int = 99, halted: int = -1
) -> list[Row]:
    rows, close = [], price
    for i, day in enumerate(days):
        reference = round(close / 2, 2) if i == ex else close
        is_halted = i == halted
        close = reference if is_halted else round(reference * 1.01, 2)
        volume = 0 if is_halted else 100_000 + i
        rows.append(
            {
                "date": day,
                "code": code,
                "open": f"{reference:.4f}",
                "high": f"{close:.4f}",
                "low": f"{reference:.4f}",
                "close": f"{close:.4f}",
                "preclose": f"{reference:.4f}",
                "volume": "" if is_halted else str(volume),
                "amount": "" if is_halted else f"{volume * close:.4f}",
                "adjustflag": "3",
                "turn": "" if is_halted else "0.250000",
                "tradestatus": "0" if is_halted else "1",
                "pctChg": "1.000000",
                "peTTM": "21.500000",
                "pbMRQ": "8.100000",
                "psTTM": "11.200000",
                "pcfNcfTTM": "-5.000000",
                "isST": "1" if i >= st_from else "0",
            }
        )
    return rows


def _minutes(days: Sequence[str]) -> list[Row]:
    def bar(day: str, moment: str, price: float, volume: int) -> Row:
        prices = dict.fromkeys(("open", "high", "low", "close"), f"{price:.4f}")
        stamp = f"{day.replace('-', '')}{moment}00000"
        amount = f"{price * volume:.4f}"
        return {
            "date": day,
            "time": stamp,
            "code": "sh.600519",
            **prices,
            "volume": str(volume),
            "amount": amount,
            "adjustflag": "3",
        }

    return [bar(days[0], "0935", 1500.0, 700), bar(days[0], "0940", 1501.0, 900), bar(days[1], "0935", 0.0, 0)]


def _factor(day: str, factor: str) -> Row:
    return {
        "code": "sh.600519",
        "dividOperateDate": day,
        "foreAdjustFactor": "0.5",
        "backAdjustFactor": factor,
        "adjustFactor": factor,
    }


def _dividend(days: Sequence[str]) -> Row:
    return {
        "code": "sh.600519",
        "_year": "2024",
        "dividPreNoticeDate": "",
        "dividAgmPumDate": "2024-05-30",
        "dividPlanAnnounceDate": "2024-04-03",
        "dividPlanDate": days[1],
        "dividRegistDate": days[EX - 1],
        "dividOperateDate": days[EX],
        "dividPayDate": days[EX],
        "dividStockMarketDate": "",
        "dividCashPsBeforeTax": "30.876",
        "dividCashPsAfterTax": "27.7884或30.876",
        "dividStocksPs": "0.000000",
        "dividCashStock": "10派308.76元（含税）",
        "dividReserveToStockPs": "",
    }


def _report(year: str, quarter: str, period: str, announced: str, **values: str) -> Row:
    empty = dict.fromkeys(("roeAvg", "npMargin", "gpMargin", "netProfit"), "") if "roeAvg" in values else {}
    keys = {"code": "sh.600519", "pubDate": announced, "statDate": period, "_year": year, "_quarter": quarter}
    return {**keys, **empty, **values}
