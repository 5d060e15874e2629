"""A small market under Tushare's names and in its units: two shares, ten sessions, everything that goes wrong in them.

600519.SH trades every day and goes ex on its sixth; 000001.SZ is *ST from its fifth session on, and suspended from the
seventh to the eighth.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

Row = dict[str, Any]
MOUTAI, PINGAN = "600519.SH", "000001.SZ"
EX, ST_FROM, HALTED = 5, 4, (6, 7)


def tables(sessions: Sequence[date]) -> dict[str, list[Row]]:
    """Every endpoint's rows over ten sessions."""
    days = [session.strftime("%Y%m%d") for session in sessions[:10]]
    return {
        "trade_cal": _calendar(days),
        "stock_basic": _listed(),
        "namechange": _names(days),
        "stock_st": _treated(days),
        "index_member_all": _industries(),
        "daily": [*_daily(MOUTAI, 1500.0, days, ex=EX), *_daily(PINGAN, 10.0, days, halted=HALTED)],
        "adj_factor": [
            {"ts_code": s, "trade_date": d, "adj_factor": 2.0 if s == MOUTAI and i >= EX else 1.0}
            for s in (MOUTAI, PINGAN)
            for i, d in enumerate(days)
        ],
        "suspend_d": _suspended(days),
        "daily_basic": [*_basics(MOUTAI, 1500.0, days), *_basics(PINGAN, 10.0, days)],
        "index_daily": [{**row, "amount": row["amount"] / 200} for row in _daily("000300.SH", 4000.0, days)],
        "stk_mins": _minutes(sessions[0]),
        "stk_limit": _limits(days),
        "income": _income(),
        "balancesheet": _balance(),
        "cashflow": [_filed("20240930", "20241030", {"n_cashflow_act": 44_421_368_000.0})],
        "fina_indicator": _indicators(),
        "dividend": _dividends(days),
        "margin": _margin(days),
        "moneyflow_hsgt": [],
        "moneyflow_ind_ths": _flows(days),
        "moneyflow_ind_dc": [
            {"trade_date": days[0], "content_type": "行业", "name": "酿酒", "pct_change": 1.2, "net_amount": 5e8},
            {"trade_date": days[0], "content_type": "概念", "name": "白酒", "pct_change": 1.2, "net_amount": 5e8},
        ],
        "pledge_stat": _pledged(days),
        "share_float": _unlocks(),
        **_texts(sessions),
    }


def _calendar(days: Sequence[str]) -> list[Row]:
    closed = {"exchange": "SSE", "cal_date": "20240907", "is_open": 0, "pretrade_date": ""}
    return [closed, *({"exchange": "SSE", "cal_date": d, "is_open": 1, "pretrade_date": ""} for d in days)]


def _listed() -> list[Row]:
    def share(symbol: str, name: str, industry: str, listed: str, status: str, gone: str | None) -> Row:
        return {
            "ts_code": symbol,
            "name": name,
            "industry": industry,
            "list_status": status,
            "list_date": listed,
            "delist_date": gone,
        }

    return [
        share(MOUTAI, "贵州茅台", "白酒", "20010827", "L", None),
        share(PINGAN, "*ST平安", "银行", "19910403", "L", None),
        share("600087.SH", "长油退", "水运", "19970612", "D", "20140605"),
    ]


def _names(days: Sequence[str]) -> list[Row]:
    def named(symbol: str, name: str, start: str, reason: str) -> Row:
        return {"ts_code": symbol, "name": name, "start_date": start, "ann_date": start, "change_reason": reason}

    starred = named(PINGAN, "*ST平安", days[ST_FROM], "*ST")
    return [
        named(MOUTAI, "贵州茅台", "20010827", "其他"),
        named(PINGAN, "深发展A", "19910403", "其他"),
        named(PINGAN, "平安银行", "20120802", "改名"),
        starred,
        dict(starred),
    ]


def _treated(days: Sequence[str]) -> list[Row]:
    return [
        {"ts_code": PINGAN, "name": "*ST平安", "trade_date": d, "type": "ST"}
        if i >= ST_FROM
        else {"ts_code": "000004.SZ", "name": "ST国华", "trade_date": d, "type": "ST"}
        for i, d in enumerate(days)
    ]


def _industries() -> list[Row]:
    def member(symbol: str, industry: str, start: str, end: str | None) -> Row:
        return {
            "ts_code": symbol,
            "l1_name": industry,
            "in_date": start,
            "out_date": end,
            "is_new": "N" if end else "Y",
        }

    return [
        member(MOUTAI, "食品饮料", "20010827", None),
        member(PINGAN, "房地产", "19910403", "20120801"),
        member(PINGAN, "银行", "20120802", None),
    ]


def _daily(symbol: str, price: float, days: Sequence[str], *, ex: int = -1, halted: Sequence[int] = ()) -> list[Row]:
    rows, close = [], price
    for i, day in enumerate(days):
        reference = round(close / 2, 2) if i == ex else close
        if i in halted:
            continue
        close = round(reference * 1.01, 2)
        lots = 1000.0 + i
        prices = {
            "open": reference,
            "high": round(close * 1.001, 2),
            "low": round(reference * 0.99, 2),
            "close": close,
            "pre_close": reference,
        }
        rows.append(
            {"ts_code": symbol, "trade_date": day, **prices, "vol": lots, "amount": round(lots * 100 * close / 1000, 3)}
        )
    return rows[::-1]


def _suspended(days: Sequence[str]) -> list[Row]:
    return [
        *({"ts_code": PINGAN, "trade_date": days[i], "suspend_timing": None, "suspend_type": "S"} for i in HALTED),
        {"ts_code": PINGAN, "trade_date": days[8], "suspend_timing": None, "suspend_type": "R"},
        {"ts_code": MOUTAI, "trade_date": days[2], "suspend_timing": "09:30-10:00", "suspend_type": "S"},
    ]


def _basics(symbol: str, price: float, days: Sequence[str]) -> list[Row]:
    return [
        {
            "ts_code": symbol,
            "trade_date": day,
            "close": price,
            "turnover_rate": 0.25,
            "pe_ttm": 21.5 if symbol == MOUTAI else None,
            "pb": 8.1,
            "ps_ttm": 11.2,
            "dv_ttm": 3.4,
            "total_share": 125_619.78,
            "float_share": 125_619.78,
            "total_mv": 125_619.78 * price,
            "circ_mv": 125_619.78 * price,
        }
        for day in days
    ]


def _minutes(session: date) -> list[Row]:
    def bar(moment: str, price: float, volume: float) -> Row:
        prices = {"open": price, "close": price + 1, "high": price + 2, "low": price - 1}
        return {
            "ts_code": MOUTAI,
            "trade_time": f"{session} {moment}",
            **prices,
            "vol": volume,
            "amount": volume * price,
        }

    return [bar("09:40:00", 1502.0, 900.0), bar("09:35:00", 1500.0, 700.0), bar("09:30:00", 1499.0, 300.0)]


def _limits(days: Sequence[str]) -> list[Row]:
    def limits(symbol: str, day: str, up: float | None, down: float | None) -> Row:
        return {"ts_code": symbol, "trade_date": day, "pre_close": 10.0, "up_limit": up, "down_limit": down}

    return [
        limits(PINGAN, days[0], 11.0, 9.0),
        limits(PINGAN, days[1], 99999.99, 0.01),
        limits(PINGAN, days[2], None, None),
    ]


def _filed(period: str, announced: str, values: Row, *, flag: str = "0", really: str | None = None) -> Row:
    return {
        "ts_code": MOUTAI,
        "end_date": period,
        "ann_date": announced,
        "f_ann_date": really or announced,
        "update_flag": flag,
        **values,
    }


def _income() -> list[Row]:
    def stated(revenue: float) -> Row:
        return {"revenue": revenue, "operate_profit": 8.0e10, "n_income": 6.1e10, "n_income_attr_p": 6.0e10}

    return [
        _filed("20240930", "20241030", stated(1.20e11)),
        _filed("20240930", "20241030", stated(1.21e11), flag="1"),
        _filed("20240930", "20241030", stated(1.22e11), flag="1", really="20250403"),
    ]


def _balance() -> list[Row]:
    values: Row = {
        "total_assets": 2.9e11,
        "total_liab": 0.4e11,
        "total_hldr_eqy_exc_min_int": 2.4e11,
        "total_cur_assets": 2.5e11,
        "total_cur_liab": 0.39e11,
        "money_cap": 0.6e11,
    }
    return [
        _filed("20240630", "20240809", {"goodwill": None, **values}),
        _filed("20240930", "20241030", {"goodwill": 2.4e9, **values}),
    ]


def _indicators() -> list[Row]:
    values: Row = {
        "profit_dedt": 6.0e10,
        "eps": 48.42,
        "bps": 188.61,
        "roe": 26.09,
        "grossprofit_margin": 91.53,
        "netprofit_margin": 52.19,
        "debt_to_assets": 14.1,
        "current_ratio": 6.1,
        "quick_ratio": 4.7,
        "or_yoy": 16.91,
        "netprofit_yoy": None,
    }
    return [_filed("20240930", "20241030", values, flag="1")]


def _dividends(days: Sequence[str]) -> list[Row]:
    def plan(period: str, progress: str, cash: float, ex: str | None) -> Row:
        return {
            "ts_code": MOUTAI,
            "end_date": period,
            "ann_date": "20240809",
            "div_proc": progress,
            "stk_bo_rate": None,
            "stk_co_rate": 0.4,
            "cash_div": cash * 0.8,
            "cash_div_tax": cash,
            "record_date": days[EX - 1],
            "ex_date": ex,
            "pay_date": ex,
            "imp_ann_date": days[1],
        }

    regular, special = plan("20240630", "实施", 20.0, days[EX]), plan("20240930", "实施", 3.5, days[EX])
    return [regular, dict(regular), special, plan("20241231", "预案", 99.0, None)]


def _margin(days: Sequence[str]) -> list[Row]:
    def balance(exchange: str, day: str) -> Row:
        return {"trade_date": day, "exchange_id": exchange, "rzye": 7.0e11, "rqye": 1.0e9, "rzmre": 5.0e10}

    exchanges = [(exchange, day) for day in days[:2] for exchange in ("SSE", "SZSE", "BSE")]
    return [balance(exchange, day) for exchange, day in exchanges if (exchange, day) != ("SZSE", days[1])]


def _flows(days: Sequence[str]) -> list[Row]:
    def flow(day: str, name: str, bought: float, sold: float, net: float) -> Row:
        return {
            "trade_date": day,
            "ts_code": "881270.TI",
            "industry": name,
            "pct_change": 1.5,
            "net_buy_amount": bought,
            "net_sell_amount": sold,
            "net_amount": net,
        }

    return [flow(days[0], "白酒", 50.0, 45.0, 5.0), flow(days[0], "银行", 50.0, 45.0, 40.0)]


def _pledged(days: Sequence[str]) -> list[Row]:
    return [
        {
            "ts_code": MOUTAI,
            "end_date": days[4],
            "pledge_count": 12,
            "unrest_pledge": 10.5,
            "rest_pledge": 2.0,
            "total_share": 125619.78,
            "pledge_ratio": 0.01,
        }
    ]


def _unlocks() -> list[Row]:
    def unlock(announced: str, holder: str, shares: float, ratio: float) -> Row:
        return {
            "ts_code": MOUTAI,
            "ann_date": announced,
            "float_date": "20250902",
            "float_share": shares,
            "float_ratio": ratio,
            "holder_name": holder,
            "share_type": "首发原股东限售股份",
        }

    return [
        unlock("20240301", "甲", 900.0, 0.9),
        unlock("20240903", "甲", 1000.0, 1.0),
        unlock("20240903", "乙", 500.0, 0.5),
        unlock("20240903", "乙", 500.0, 0.5),
    ]


def _texts(sessions: Sequence[date]) -> dict[str, list[Row]]:
    day = sessions[0]
    compact = day.strftime("%Y%m%d")
    return {
        "npr": [
            {
                "pubtime": f"{day} 10:21:00",
                "title": "国务院关于加强监管的若干意见",
                "pcode": "国发〔2024〕10号",
                "puborg": "国务院",
                "ptype": "通知",
                "url": "https://www.gov.cn/1",
                "content_html": "<p>一、总体要求</p><script>x()</script><p>二、&nbsp;严把发行上市准入关</p>",
            }
        ],
        "anns_d": [
            {
                "ann_date": compact,
                "ts_code": MOUTAI,
                "title": "贵州茅台关于回购股份的公告",
                "url": "https://static.cninfo.com.cn/1.pdf",
                "rec_time": None,
            }
        ],
        "news": [{"datetime": f"{day} 09:31:12", "title": "", "content": "沪指低开", "channels": ""}],
        "cctv_news": [{"date": compact, "title": "国务院常务会议", "content": "部署工作"}],
    }
