"""A loopback server that answers like Tushare Pro's REST endpoint, and misbehaves like it on request.

It knows tables, not a market: every endpoint has its rows under the vendor's names and in the vendor's units, and
filters them by the parameters that the vendor filters by.
"""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.loopback import running

Row = dict[str, Any]

_DATE_OF = {
    "trade_cal": "cal_date",
    "stk_mins": "trade_time",
    "news": "datetime",
    "npr": "pubtime",
    "anns_d": "ann_date",
    "income": "ann_date",
    "balancesheet": "ann_date",
    "cashflow": "ann_date",
    "fina_indicator": "end_date",
    "share_float": "float_date",
}
_NO_FILTERS = frozenset({"start_date", "end_date", "limit", "offset", "ts_type_name", "freq", "src", "is_new"})


class Fault(StrEnum):
    """What can be wrong with an answer."""

    STATUS_429 = "status 429 with Retry-After"
    STATUS_403 = "status 403"
    STATUS_401 = "status 401"
    STATUS_500 = "status 500"
    REDIRECT = "a redirect to another host"
    HTML = "an HTML page with status 200"
    CAPTCHA = "a page with a captcha"
    TRUNCATED = "half of the JSON"
    OTHER_SHAPE = "JSON of another shape"
    NAN = "NaN where a number was"
    RENAMED = "a column under another name"
    DUPLICATED = "every row twice"
    CONFLICTING = "every row twice, with other values"
    WRONG_UNITS = "volume in shares instead of lots"
    SLOW_BODY = "a body that trickles"
    HANG = "no answer at all"
    DROP = "the connection closed without an answer"
    EMPTY = "no rows"
    NO_PERMISSION = "code 40203: no permission"
    PER_MINUTE = "code 40203: too many calls this minute"
    PER_DAY = "code 40203: too many calls today"
    BAD_TOKEN = "a wrong token"
    BUSY = "an error of the vendor's own"


_SENTENCES = {
    Fault.NO_PERMISSION: (
        40203,
        "抱歉，您没有接口访问权限，权限的具体详情访问：https://tushare.pro/document/1?doc_id=108。",
    ),
    Fault.PER_MINUTE: (
        40203,
        "抱歉，您每分钟最多访问该接口200次，权限的具体详情访问：https://tushare.pro/document/1?doc_id=108。",
    ),
    Fault.PER_DAY: (
        40203,
        "抱歉，您每天最多访问该接口5次，权限的具体详情访问：https://tushare.pro/document/1?doc_id=108。",
    ),
    Fault.BAD_TOKEN: (40101, "您的token不对，请确认。"),
    Fault.BUSY: (-2001, "系统内部错误"),
}


@dataclass
class TushareStub:
    """The tables by endpoint, what was asked so far, and one fault at one endpoint (None: at all)."""

    tables: Mapping[str, Sequence[Row]]
    most_rows: int = 8000
    """How many rows one answer has at most; further ones are told of in `has_more`."""
    fault: Fault | None = None
    fault_at: str | None = None
    asked: list[tuple[str, Row]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def answer(self, body: Row) -> bytes:
        """The answer to one request, spoiled where the fault says so."""
        api, fault = body["api_name"], self.fault_of(body["api_name"])
        if fault in _SENTENCES:
            code, sentence = _SENTENCES[fault]
            message = f"{sentence} token {body['token']}"
            return json.dumps({"request_id": "r", "code": code, "msg": message, "data": None}).encode()
        if fault is Fault.OTHER_SHAPE:
            return json.dumps({"code": 0, "msg": None, "data": {"fields": ["a"], "items": [[1, 2]]}}).encode()
        rows = [] if fault is Fault.EMPTY else self.matching(api, body["params"])
        first = int(body["params"].get("offset") or 0)
        most = min(self.most_rows, int(body["params"].get("limit") or self.most_rows))
        page = [_spoiled(row, fault) for row in rows[first : first + most]]
        if fault in {Fault.DUPLICATED, Fault.CONFLICTING}:
            page = [double for row in page for double in (row, _other(row) if fault is Fault.CONFLICTING else row)]
        fields = body["fields"].split(",") if body["fields"] else sorted({name for row in page for name in row})
        data = {
            "fields": [f"{name}_x" if fault is Fault.RENAMED else name for name in fields],
            "items": [[row.get(name) for name in fields] for row in page],
            "has_more": len(rows) > first + most,
        }
        return json.dumps({"request_id": "r", "code": 0, "msg": "", "data": data}, ensure_ascii=False).encode()

    def fault_of(self, api: str) -> Fault | None:
        """The fault, if this is its place."""
        return self.fault if self.fault_at in {None, api} else None

    def matching(self, api: str, params: Row) -> list[Row]:
        """The rows of one endpoint that its parameters ask for."""
        dated = _DATE_OF.get(api, "trade_date")
        start, end = _digits(params.get("start_date")) or "", _digits(params.get("end_date")) or "9"
        wanted = {name: value for name, value in params.items() if name not in _NO_FILTERS and value}
        return [
            row
            for row in self.tables.get(api, [])
            if all(str(row.get(name)) == value for name, value in wanted.items() if name in row)
            and (dated not in row or start <= str(_digits(row[dated])) <= end)
            and params.get("is_new", "Y") == row.get("is_new", "Y")
        ]


def _digits(moment: Any) -> str | None:
    return "".join(c for c in str(moment) if c.isdigit()) if moment else None


def _spoiled(row: Row, fault: Fault | None) -> Row:
    if fault is Fault.NAN:
        return {name: float("nan") if isinstance(value, float) else value for name, value in row.items()}
    if fault is Fault.WRONG_UNITS:
        return {
            name: value * 100 if name in {"vol", "total_mv", "unrest_pledge"} else value for name, value in row.items()
        }
    return row


def _other(row: Row) -> Row:
    return {name: value * 1.001 if name in {"amount", "vol"} else value for name, value in row.items()}


@contextmanager
def serving(stub: TushareStub) -> Iterator[TushareStub]:
    """Run the stub on a free port of the loopback interface."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"stub": stub}))
    stub.url = f"http://127.0.0.1:{server.server_port}"
    with running(server, stub.released):
        yield stub


class _Handler(BaseHTTPRequestHandler):
    stub: TushareStub

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.stub.asked.append((body["api_name"], {**body, "path": self.path}))
        fault = self.stub.fault_of(body["api_name"])
        if fault is Fault.DROP:
            self.close_connection = True
        elif fault is Fault.HANG:
            self.stub.released.wait(30)
        else:
            self._reply(fault, body)

    def _reply(self, fault: Fault | None, body: Row) -> None:
        status, headers, content = _page(fault) or (200, {}, self.stub.answer(body))
        if fault is Fault.TRUNCATED:
            content = content[: len(content) // 2]
        try:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self._write(content, slowly=fault is Fault.SLOW_BODY)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _write(self, content: bytes, *, slowly: bool) -> None:
        pieces = [bytes([byte]) for byte in content] if slowly else [content]
        for piece in pieces:
            self.wfile.write(piece)
            self.wfile.flush()
            if slowly and self.stub.released.wait(0.02):
                return

    def log_message(self, *args: object) -> None:
        pass


def _page(fault: Fault | None) -> tuple[int, dict[str, str], bytes] | None:
    """Answers that have nothing to do with what was asked."""
    if fault is Fault.HTML:
        return 200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>"
    if fault is Fault.CAPTCHA:
        return 200, {"Content-Type": "text/html"}, "<html><body>请完成滑块验证</body></html>".encode()
    if fault is Fault.REDIRECT:
        return 302, {"Location": "http://192.0.2.1/"}, b""
    statuses = {Fault.STATUS_429: 429, Fault.STATUS_403: 403, Fault.STATUS_401: 401, Fault.STATUS_500: 500}
    if fault not in statuses:
        return None
    headers = {"Retry-After": "7"} if fault is Fault.STATUS_429 else {}
    return statuses[fault], headers, b'{"code":0,"msg":"","data":{"fields":[],"items":[]}}'
