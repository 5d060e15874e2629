"""What Eastmoney's data centre holds in the stub: reports of rows, each with as many fields as the library expects."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

from tests.support.akshare_market import StubMarket

Rows = list[dict[str, Any]]


def placed(total: int, **values: Any) -> dict[str, Any]:
    """A row of which the library knows the fields by position: `f3=x` is the fourth of `total` fields."""
    return {f"F{n:02d}": values.get(f"f{n}") for n in range(total)}


def values_of(market: StubMarket, code: str) -> Rows:
    """Valuations of a share."""
    return [
        {
            "TRADE_DATE": f"{row.session} 00:00:00",
            "CLOSE_PRICE": row.close,
            "CHANGE_RATE": 1.0,
            "TOTAL_MARKET_CAP": row.close * 1_000_000,
            "NOTLIMITED_MARKETCAP_A": row.close * 800_000,
            "TOTAL_SHARES": 1_000_000,
            "FREE_SHARES_A": 800_000,
            "PE_TTM": 20.5,
            "PE_LAR": 22.0,
            "PB_MRQ": 3.5,
            "PEG_CAR": 1.0,
            "PCF_OCF_TTM": 15.0,
            "PS_TTM": 4.5,
        }
        for row in reversed(market.rows(code))
    ]


def margins(market: StubMarket) -> Rows:
    """Margin balances in hundred million."""
    return [
        {
            "STATISTICS_DATE": f"{session} 00:00:00",
            "FIN_BALANCE": 14769.5,
            "LOAN_BALANCE": 338.84,
            "FIN_BUY_AMT": 700.25,
            "LOAN_SELL_AMT": 20.0,
            "SECURITY_ORG_NUM": 95,
            "OPERATEDEPT_NUM": 11000,
            "PERSONAL_INVESTOR_NUM": 700.0,
            "ORG_INVESTOR_NUM": 50000,
            "INVESTOR_NUM": 400000,
            "MARGINLIAB_INVESTOR_NUM": 1548858,
            "TOTAL_GUARANTEE": 44328.6,
            "AVG_GUARANTEE_RATIO": 249.3,
        }
        for session in reversed(market.sessions)
    ]


NORTHBOUND_ENDED = date(2024, 8, 16)


def northbound(market: StubMarket, kind: str) -> Rows:
    """Northbound flows in million; after 2024-08-16 nothing is told, but the holdings that were worth 0.0."""
    share = {"5": 1.0, "1": 0.6, "3": 0.4}[kind]
    found = []
    for i, session in enumerate(market.sessions):
        told = session <= NORTHBOUND_ENDED
        n = i - 1 if session == market.connect_closed else i
        bought, sold = (60000.0 + 100 * n) * share, (59000.0 - 50 * n) * share
        found.append(
            {
                "MUTUAL_TYPE": f"00{kind}",
                "TRADE_DATE": f"{session} 00:00:00",
                "FUND_INFLOW": bought - sold if told else None,
                "NET_DEAL_AMT": round(bought - sold, 4) if told else None,
                "QUOTA_BALANCE": 50000.0,
                "ACCUM_DEAL_AMT": 1_800_000.0,
                "BUY_AMT": bought if told else None,
                "SELL_AMT": sold if told else None,
                "LEAD_STOCKS_CODE": "600519.SH",
                "LEAD_STOCKS_NAME": "贵州茅台",
                "LS_CHANGE_RATE": 1.0,
                "INDEX_CLOSE_PRICE": 3300.0,
                "INDEX_CHANGE_RATE": 0.5,
                "HOLD_MARKET_CAP": 2.0e12 if told else 0.0,
            }
        )
    return found[::-1]


def quarterly(market: StubMarket, period: str) -> dict[str, Rows]:
    """The reports of a quarter: some companies have all of them, an unlisted one only its figures."""
    announced = f"{period[:4]}-{'10-25' if period[5:7] == '09' else '08-30'} 00:00:00"
    if period[5:] not in {"06-30", "09-30"}:
        return {}
    others = [company.code for company in market.listed("SZ")[:2]]
    filed = {"f4": "简称", "f12": announced}
    return {
        "RPT_LICO_FN_CPD": [_figures(code, announced) for code in ("600519", *others, "400055", "870529")],
        "RPT_DMSK_FN_INCOME": [
            placed(46, f1=code, **filed, f14=4.1e9, f15=9.0e9, f24=5.2e9, f25=5.1e9) for code in ("600519", *others)
        ],
        "RPT_DMSK_FN_BALANCE": [
            placed(57, f1=code, **filed, f14=2.0e10, f16=6.0e9, f22=5.0e9, f27=1.5e10, f32=25.0)
            for code in ("600519", *others)
        ],
        "RPT_DMSK_FN_CASHFLOW": [placed(48, f1=code, **filed, f14=3.5e9, f28=1.0e9) for code in ("600519", *others)],
        "RPT_GOODWILL_STOCKDETAILS": [_goodwill(period, announced)],
    }


def _figures(code: str, announced: str) -> dict[str, Any]:
    return placed(
        37, f0=code, f1="简称", f6=announced, f8=1.5, f10=9.0e9, f11=4.0e9, f12=12.5, f13=15.0, f14=-8.25, f15=30.0,
        f16=2.0, f17=91.5, f18=1.0, f19=2.0, f22="白酒",
    )  # fmt: skip


def _goodwill(period: str, announced: str) -> dict[str, Any]:
    return {
        "SECURITY_CODE": "000001",
        "SECURITY_NAME_ABBR": "平安银行",
        "TRADE_BOARD": "szzb",
        "GOODWILL": 7568304000.0,
        "NOTICE_DATE": announced,
        "REPORT_DATE": f"{period} 00:00:00",
        "GOODWILL_PRE": 7568304000.0,
        "GOODWILL_CHANGE": None,
        "SUMSHEQUITY_RATIO": 0.0153,
        "PARENTNETPROFIT": 2.5e10,
        "PNP_YOY_RATIO": 0.01,
    }


def dividends(market: StubMarket, code: str) -> Rows:
    """One plan that was carried out and one that was only proposed, per ten shares."""
    ex_date = market.rows(code)[market.ex_date].session
    before = market.rows(code)[market.ex_date - 1].session
    done = placed(
        30, f0=f"{code}.X", f5=4.0, f6=1.0, f7=3.0, f8=2.76, f9="2024-03-30", f10=f"{before} 00:00:00",
        f11=f"{ex_date} 00:00:00", f12="2023-12-31", f13="实施分配", f15="2024-08-10 00:00:00", f24=1.0e9,
    )  # fmt: skip
    proposed = {**done, "F11": None, "F10": None, "F12": "2024-06-30", "F13": "董事会决议通过"}
    return [proposed, done]


def pledges(market: StubMarket, day: str) -> Rows:
    """Pledged shares in ten thousands, on Fridays."""
    if date.fromisoformat(day).weekday() != 4:
        return []
    return [
        placed(
            14, f0=f"{c.symbol}", f1=c.code, f2=c.name, f3=f"{day} 00:00:00", f4=12.5, f5=1500.25, f6=7, f7=1000.25,
            f8=500.0, f9=99999.0, f10="银行", f11=3.0, f12="016029",
        )
        for c in (*market.listed("SH"), *market.listed("SZ"))
    ]  # fmt: skip


def halts(day: str) -> Rows:
    """Two whole days, one for some hours, one that is over, one still to come and one B share."""
    kinds = [
        ("600165", day, None, "连续停牌", None),
        ("002485", day, day, "停牌一天", None),
        ("000001", day, day, "盘中停牌", None),
        ("600519", "2024-08-01", "2024-08-02", "停牌一天", "2024-08-05"),
        ("688981", "2099-01-05", None, "停牌一天", None),
        ("900901", day, None, "停牌一天", None),
    ]
    return [
        placed(
            12, f0=code, f1="简称", f2=f"{begins} 00:00:00", f3=f"{ends} 00:00:00" if ends else None, f4=extent,
            f5="刊登重要公告", f6="深交所主板", f7=day, f8=f"{resumes} 00:00:00" if resumes else None,
        )
        for code, begins, ends, extent, resumes in kinds
    ]  # fmt: skip


def report(market: StubMarket, name: str, asked: str) -> Rows:
    """The rows of a report that a filter asks for; none where there are none."""
    quoted = re.findall(r"""['"]([^'"]+)['"]""", asked)
    readers: dict[str, Callable[[], Rows]] = {
        "RPT_VALUEANALYSIS_DET": lambda: values_of(market, quoted[0]),
        "RPT_SHAREBONUS_DET": lambda: dividends(market, quoted[0]),
        "RPTA_WEB_MARGIN_DAILYTRADE": lambda: margins(market),
        "RPT_MUTUAL_DEAL_HISTORY": lambda: northbound(market, quoted[0].removeprefix("00")),
        "RPT_CSDC_LIST": lambda: pledges(market, quoted[0]),
        "RPT_CUSTOM_SUSPEND_DATA_INTERFACE": lambda: halts(quoted[1]),
    }
    return readers[name]() if name in readers else quarterly(market, quoted[-1]).get(name, [])
