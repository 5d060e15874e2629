"""What the hosts behind AkShare's functions answer in the stub, each in its own format, right or spoilt."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from openpyxl import Workbook  # type: ignore[import-untyped]  # it comes with the library under test

from tests.support.akshare_centre import report
from tests.support.akshare_market import Row, StubMarket
from tests.support.sina_codec import packed_bars, packed_calendar


class Fault(StrEnum):
    """What can be wrong with an answer."""

    LIMITED = "status 429"
    FORBIDDEN = "status 403"
    BROKEN = "status 500"
    HTML = "an HTML page of an error"
    CAPTCHA = "an HTML page with a captcha"
    DROPPED = "the connection dropped without an answer"
    TRUNCATED = "half of the body"
    BROKEN_OFF = "a body shorter than announced"
    HANG = "no answer at all"
    TRICKLE = "a body that trickles for ever"
    EMPTY = "no rows"
    NOT_A_NUMBER = "no numbers in the first row"
    RENAMED = "a column renamed, or one more"
    DUPLICATED = "the first row twice"
    WRONG_UNITS = "another unit"
    HALF_PAGES = "fewer rows than promised"


DATA_CENTRE = "datacenter-web.eastmoney.com"
CALENDAR_PAGE = "calendar"
KLINE = "kline"
TRENDS = "trends"
TENCENT = "tencent"
SINA_BARS = "sina bars"
SHANGHAI_LISTS = "shanghai"
SHENZHEN_LISTS = "shenzhen"
BEIJING_LISTS = "beijing"
NAMES = "names"
UNLOCKS = "unlocks"
INDUSTRIES = "industries"
SECTORS_THS = "sectors ths"
SECTORS_EM = "sectors em"
CNINFO = "cninfo"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came."""

    endpoint: str
    host: str
    path: str
    params: dict[str, str]


def page_of(market: StubMarket, asked: Asked, fault: Fault | None) -> bytes:
    """The right answer, spoilt in its content where that is the fault."""
    if asked.host == DATA_CENTRE:
        return _centre(market, asked, fault)
    return _PAGES[asked.endpoint](market, asked, fault)


def _centre(market: StubMarket, asked: Asked, fault: Fault | None) -> bytes:
    rows = report(market, asked.params["reportName"], asked.params.get("filter", ""))
    rows = [] if fault is Fault.EMPTY else spoilt(rows, fault)
    if not rows:
        said = {"version": None, "result": None, "success": False, "message": "返回数据为空", "code": 9201}
        return json.dumps(said).encode()
    size, page = int(asked.params["pageSize"]), int(asked.params["pageNumber"])
    shown = rows[size * (page - 1) : size * page]
    if fault is Fault.HALF_PAGES:
        shown = shown[: len(shown) // 2]
    result = {"pages": -(-len(rows) // size), "data": shown, "count": len(rows)}
    return json.dumps({"version": "x", "result": result, "success": True, "message": "ok", "code": 0}).encode()


def _calendar(market: StubMarket, _asked: Asked, fault: Fault | None) -> bytes:
    sessions = [] if fault is Fault.EMPTY else market.sessions
    return f'var datelist="{packed_calendar(sessions)}";'.encode()


def _bars(market: StubMarket, code: str, *, adjusted: bool, fault: Fault | None) -> list[Row]:
    rows = market.adjusted(code) if adjusted else market.rows(code)
    if fault is Fault.EMPTY:
        return []
    return [rows[0], *rows] if fault is Fault.DUPLICATED and rows else rows


def _kline(market: StubMarket, asked: Asked, fault: Fault | None) -> bytes:
    code, width = asked.params["secid"].partition(".")[2], len(asked.params["fields2"].split(","))
    if asked.params["klt"] != "101":
        return _minutes(market, code, fault)
    rows = _bars(market, code, adjusted=asked.params["fqt"] == "2", fault=fault)
    inside = [r for r in rows if asked.params["beg"] <= r.session.strftime("%Y%m%d") <= asked.params["end"]]
    lines = []
    for n, row in enumerate(inside):
        units = row.shares if fault is Fault.WRONG_UNITS else row.lots
        opened = "-" if fault is Fault.NOT_A_NUMBER and n == len(inside) - 1 else row.open
        values = (opened, row.close, row.high, row.low, units, row.amount, 3.0, 1.0, 0.1, 0.5)
        lines.append(",".join([row.session.isoformat(), *map(str, values)][: min(width, 11)]))
    if fault is Fault.RENAMED:
        lines = [f"{line},1" for line in lines]
    return json.dumps({"rc": 0, "data": {"code": code, "klines": lines} if lines else None}).encode()


def _minutes(market: StubMarket, code: str, fault: Fault | None) -> bytes:
    lines = []
    for row in market.rows(code)[-3:]:
        for moment in ("09:35", "09:40", "15:00"):
            lots = 100 * (100 if fault is Fault.WRONG_UNITS else 1)
            prices = (row.open, row.close, row.high, row.low)
            values = (*prices, lots, round(10000 * row.close, 2), 1.0, 0.5, 0.1, 0.2)
            lines.append(",".join([f"{row.session} {moment}", *map(str, values)]))
    return json.dumps({"rc": 0, "data": {"code": code, "klines": lines}}).encode()


def _trends(market: StubMarket, asked: Asked, fault: Fault | None) -> bytes:
    code = asked.params["secid"].partition(".")[2]
    lines = []
    for row in market.rows(code)[-2:]:
        for moment in ("09:30", "09:31", "09:32", "15:00"):
            prices = (row.open, row.close, row.high, row.low)
            lines.append(",".join(map(str, [f"{row.session} {moment}", *prices, 100, 10000 * row.close, row.close])))
    lines.insert(-1, f"{max(market.sessions)} 14:59,0.00,0.00,0.00,0.00,0,0.00,0.00")
    if fault is Fault.EMPTY:
        return json.dumps({"rc": 0, "data": None}).encode()
    if fault is Fault.RENAMED:
        lines = [f"{line},1" for line in lines]
    return json.dumps({"rc": 0, "data": {"code": code, "trends": lines}}).encode()


def _tencent(market: StubMarket, asked: Asked, fault: Fault | None) -> bytes:
    symbol, _, first, last, _, adjust = asked.params["param"].split(",")
    rows = _bars(market, symbol[2:], adjusted=adjust == "hfq", fault=fault)
    unit = 1 if symbol.startswith("sh688") or fault is Fault.WRONG_UNITS else 100
    days = [
        [str(r.session), r.open, r.close, r.high, r.low, r.shares / unit, {}, "0.5", f"{r.amount / 10000:.4f}"]
        for r in rows
        if first <= str(r.session) <= last
    ]
    said = {"code": 0, "msg": "", "data": {symbol: {"hfqday" if adjust else "day": days}}}
    return f"{asked.params['_var']}={json.dumps(said)}".encode()


def _sina_bars(market: StubMarket, asked: Asked, fault: Fault | None) -> bytes:
    code = asked.path.split("/")[3][2:]
    scale = 100 if fault is Fault.WRONG_UNITS else 1
    rows = [
        (r.session, r.open, r.high, r.low, r.close, r.shares * scale, r.amount)
        for r in _bars(market, code, adjusted=False, fault=fault)
    ]
    return f'var KLC_KL_{code}="{packed_bars(rows)}";'.encode()


def _sina_factor(market: StubMarket, asked: Asked, _fault: Fault | None) -> bytes:
    found = market.factor(asked.path.split("/")[3][2:])
    rows = [{"d": "1900-01-01", "f": "1.0"}]
    if found:
        rows = [{"d": str(found[0]), "f": f"{found[1]:.16f}"}, *rows]
    return f"var _hfq={json.dumps({'total': len(rows), 'data': rows})}\n/* */".encode()


def _shanghai(market: StubMarket, asked: Asked, fault: Fault | None) -> bytes:
    gone, kind = asked.params["COMPANY_STATUS"] == "3", asked.params["STOCK_TYPE"]
    companies = market.gone("SH") if gone else market.listed("SH")
    shown = [c for c in companies if gone or c.code.startswith("688") == (kind == "8")]
    name = "ABBR" if fault is Fault.RENAMED else "SEC_NAME_CN"
    rows = [
        {
            "A_STOCK_CODE": c.code,
            name: c.name,
            "SEC_NAME_FULL": c.name,
            "COMPANY_ABBR": c.name,
            "FULL_NAME": c.name,
            "LIST_DATE": c.list_date.strftime("%Y%m%d"),
            "COMPANY_CODE": c.code,
            "DELIST_DATE": c.delist_date.strftime("%Y%m%d") if c.delist_date else "-",
        }
        for c in shown
    ]
    return json.dumps({"result": rows, "pageHelp": {"total": len(rows)}}).encode()


def _shenzhen(market: StubMarket, asked: Asked, fault: Fault | None) -> bytes:
    kind = asked.params["CATALOGID"]
    if kind == "1110":
        head = ["板块", "公司全称", "A股代码", "A股简称", "A股上市日期", "A股总股本", "A股流通股本", "所属行业"]
        rows = [
            ["主板", c.name, c.code, c.name, str(c.list_date), "1,000", "800", "J 金融业"] for c in market.listed("SZ")
        ]
    elif kind == "1793_ssgs":
        head = ["证券代码", "证券简称", "上市日期", "终止上市日期"]
        rows = [[c.code, c.name, str(c.list_date), str(c.delist_date)] for c in market.gone("SZ")]
    else:
        head = ["变更日期", "证券代码", "证券简称", "变更前简称", "变更后简称"]
        rows = [[str(day), code, new, old, new] for day, code, old, new in market.name_changes]
    if fault is Fault.RENAMED:
        head[-1] += "（新）"
    return workbook([head, *rows])


def _beijing(market: StubMarket, _asked: Asked, _fault: Fault | None) -> bytes:
    places = {0: "list", 11: 800, 17: "制造业", 22: "20240930", 29: "江苏省", 36: 1000}
    content = []
    for company in market.listed("BJ"):
        values = {**places, 0: company.list_date.strftime("%Y%m%d"), 38: company.code, 40: company.name}
        content.append({f"x{n:02d}": values.get(n) for n in range(48)})
    return f"null({json.dumps([{'totalPages': 1, 'content': content}])})".encode()


def _names(market: StubMarket, asked: Asked, _fault: Fault | None) -> bytes:
    company = market.company(asked.path.rpartition("/")[2].partition(".")[0])
    names = [*company.former_names, company.name.replace(" ", "")] if company and company.former_names else []
    row = f"<tr><td>证券简称更名历史：</td><td>{' '.join(names)}</td></tr>" if names else ""
    first = "<tr><td>公司名称：</td><td>有限公司</td></tr>"
    noise = "<table><tr><td>1</td><td>2</td></tr></table>" * 3
    return f"<html><body>{noise}<table>{first}{row}</table></body></html>".encode()


def _unlocks(market: StubMarket, asked: Asked, fault: Fault | None) -> bytes:
    code = asked.params["symbol"][2:]
    head = ("代码", "名称", "解禁日期", "解禁数量(万股)", "解禁股流通市值(亿元)", "上市批次", "公告日期")
    rows = [(code, "名", "2024-12-20", "124831.65", "127.07", "10", "2017-09-06")]
    rows += [(code, "名", "2020-03-20", "109946.14", "179.1", "9", "2016-03-22")]
    rows = [rows[0], *rows] if fault is Fault.DUPLICATED else rows
    return page(head, rows)


def _industries(market: StubMarket, _asked: Asked, _fault: Fault | None) -> bytes:
    head = ["股票代码", "计入日期", "行业代码", "更新日期"]
    rows = [
        ["000001", "1991-04-03", "440101", "2015-10-27"],
        ["000001", "2014-01-01", "480101", "2015-10-27"],
        ["000001", "2021-07-30", "480301", "2021-07-31"],
        ["600519", "2021-07-30", "340501", "2021-07-31"],
    ]
    return workbook([head, *rows])


def _sectors_ths(market: StubMarket, asked: Asked, fault: Fault | None) -> bytes:
    named = ("序号", "行业", "行业指数", "涨跌幅", "流入资金(亿)", "流出资金(亿)", "净额(亿)", "公司家数", "领涨股")
    head = (*named, "涨跌幅.1", "当前价(元)")
    first = "/page/2/" not in asked.path
    rows = [("1", "黑色家电", "2572.37", "3.49%", "7.13", "7.41", "-0.28", "9", "辰奕智能", "19.99%", "42.50")]
    repeated = ("50", "元件", "7383.48", "2.25%", "37.39", "31.42", "5.97", "56", "则成电子", "24.20%", "28.18")
    rows = (
        [*rows, repeated]
        if first
        else [repeated, ("52", "银行", "1", "-1%", "3.0", "5.0", "-2.0", "4", "x", "1%", "2")]
    )
    if fault is Fault.WRONG_UNITS:
        rows = [(*row[:6], str(float(row[6]) * 10000), *row[7:]) for row in rows]
    return page(head, rows, before="<span class='page_info'>1/2</span>")


def _sectors_em(market: StubMarket, asked: Asked, fault: Fault | None) -> bytes:
    names = ("f2", "f3", "f12", "f14", "f62", "f66", "f69", "f72", "f75", "f78", "f81", "f84", "f87", "f124")
    diff = []
    for n, sector in enumerate(("小金属", "银行")):
        row: dict[str, Any] = dict.fromkeys((*names, "f184", "f204", "f205", "f206"), 1.0)
        row.update(f3=2.36 - n, f14=sector, f62=1.5e9 * (1 - 2 * n))
        diff.append(row)
    total = 3 if fault is Fault.HALF_PAGES else 2
    return json.dumps({"rc": 0, "data": {"total": total, "diff": diff if asked.params["pn"] == "1" else []}}).encode()


def _cninfo(market: StubMarket, asked: Asked, fault: Fault | None) -> bytes:
    rows = market.rows(asked.params["scode"])
    plan = {
        "F006D": "2024-08-10",
        "F044V": "年度分红",
        "F011N": 3.0,
        "F010N": 1.0,
        "F012N": 2.76,
        "F018D": str(rows[market.ex_date - 1].session),
        "F020D": str(rows[market.ex_date].session),
        "F023D": str(rows[market.ex_date + 2].session),
        "F025D": None,
        "F007V": "10送1转3派2.76元(含税)",
        "F001V": "2023年报",
    }
    if fault is Fault.RENAMED:
        plan["F023X"] = plan.pop("F023D")
    return json.dumps({"records": [plan], "resultcode": 200}).encode()


def spoilt(rows: list[dict[str, Any]], fault: Fault | None) -> list[dict[str, Any]]:
    """Rows of the data centre with something wrong about them."""
    if not rows:
        return rows
    if fault is Fault.DUPLICATED:
        return [rows[0], *rows]
    if fault is Fault.RENAMED:
        named = [name for name in rows[0] if not name.startswith("F0")]
        last = named[-1] if named else list(rows[0])[-1]
        return [{(f"{n}_NEW" if n == last else n): v for n, v in row.items()} | {"ONE_MORE": 1} for row in rows]
    if fault is Fault.NOT_A_NUMBER:
        first = {name: None if isinstance(value, float) else value for name, value in rows[0].items()}
        return [first, *rows[1:]]
    if fault is Fault.WRONG_UNITS:
        return [{n: v * 10000 if isinstance(v, float) and n in _SCALED else v for n, v in row.items()} for row in rows]
    return rows


_SCALED = ("TOTAL_MARKET_CAP", "F32", "F04", "SUMSHEQUITY_RATIO", "F07", "F05")


def workbook(rows: Sequence[Sequence[str]]) -> bytes:
    """A sheet of text."""
    book = Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(list(row))
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def page(head: Sequence[str], rows: Sequence[Sequence[str]], before: str = "") -> bytes:
    """A table in a page."""
    cells = "".join(f"<th>{name}</th>" for name in head)
    lines = "".join("<tr>" + "".join(f"<td>{value}</td>" for value in row) + "</tr>" for row in rows)
    table = f"<table><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table>"
    return f"<html><body>{before}{table}</body></html>".encode()


_PAGES: Mapping[str, Callable[[StubMarket, Asked, Fault | None], bytes]] = {
    CALENDAR_PAGE: _calendar,
    KLINE: _kline,
    TRENDS: _trends,
    TENCENT: _tencent,
    "tencent start": lambda _m, _a, _f: b'trend_qfq={"data": [["1991-04-05", 1]]}',
    SINA_BARS: _sina_bars,
    "sina shares": lambda _m, _a, _f: b'var KKE=([{"date": "2001-08-27", "amount": "80.0"}])',
    "sina factor": _sina_factor,
    SHANGHAI_LISTS: _shanghai,
    SHENZHEN_LISTS: _shenzhen,
    BEIJING_LISTS: _beijing,
    NAMES: _names,
    UNLOCKS: _unlocks,
    INDUSTRIES: _industries,
    SECTORS_THS: _sectors_ths,
    SECTORS_EM: _sectors_em,
    CNINFO: _cninfo,
}
