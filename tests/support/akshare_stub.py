"""A server on loopback that answers like the hosts behind AkShare's functions, and misbehaves like them on request.

Hosts are told apart by the `Host` header, endpoints by host and path or, at Eastmoney's data centre, by the report.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.support.akshare_market import StubMarket
from tests.support.akshare_pages import (
    BEIJING_LISTS,
    CALENDAR_PAGE,
    CNINFO,
    DATA_CENTRE,
    INDUSTRIES,
    KLINE,
    NAMES,
    SECTORS_EM,
    SECTORS_THS,
    SHANGHAI_LISTS,
    SHENZHEN_LISTS,
    SINA_BARS,
    TENCENT,
    TRENDS,
    UNLOCKS,
    Asked,
    Fault,
    page_of,
)
from tests.support.loopback import running

_PATHS = {
    "finance.sina.com.cn/realstock/company/klc_td_sh.txt": CALENDAR_PAGE,
    "push2his.eastmoney.com/api/qt/stock/kline/get": KLINE,
    "push2his.eastmoney.com/api/qt/stock/trends2/get": TRENDS,
    "proxy.finance.qq.com/ifzqgtimg/appstock/app/newfqkline/get": TENCENT,
    "web.ifzq.gtimg.cn/other/klineweb/klineWeb/weekTrends": "tencent start",
    "stock.finance.sina.com.cn/stock/api/jsonp.php": "sina shares",
    "query.sse.com.cn": SHANGHAI_LISTS,
    "www.szse.cn": SHENZHEN_LISTS,
    "www.bse.cn": BEIJING_LISTS,
    "vip.stock.finance.sina.com.cn/corp": NAMES,
    "vip.stock.finance.sina.com.cn/q/": UNLOCKS,
    "www.swsresearch.com": INDUSTRIES,
    "data.10jqka.com.cn": SECTORS_THS,
    "push2.eastmoney.com/api/qt/clist/get": SECTORS_EM,
    "webapi.cninfo.com.cn": CNINFO,
}


@dataclass
class AkshareStub:
    """All hosts at once, a record of what was asked, faults by endpoint."""

    market: StubMarket
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    faults: dict[str, Fault] = field(default_factory=dict)
    """By endpoint; the one under `*` is that of all others."""
    released: threading.Event = field(default_factory=threading.Event)

    def reset(self, market: StubMarket) -> None:
        """Forget what was asked and be right again, with another market."""
        self.market = market
        self.asked.clear()
        self.faults.clear()

    def calls(self, endpoint: str) -> list[Asked]:
        """The requests to one endpoint."""
        return [asked for asked in self.asked if asked.endpoint == endpoint]

    def fault_of(self, endpoint: str) -> Fault | None:
        """What is wrong at an endpoint."""
        return self.faults.get(endpoint) or self.faults.get("*")

    def endpoint_of(self, host: str, path: str, params: dict[str, str]) -> str:
        """The name of an endpoint."""
        if host == DATA_CENTRE:
            return params.get("reportName", "")
        if path.endswith("klc_kl.js"):
            return SINA_BARS
        if path.endswith("hfq.js"):
            return "sina factor"
        return next((name for prefix, name in _PATHS.items() if (host + path).startswith(prefix)), "unknown")

    def body(self, asked: Asked) -> bytes:
        """The right answer, spoilt in its content where that is the fault."""
        fault = self.fault_of(asked.endpoint)
        return page_of(self.market, asked, fault)


_INSTEAD: dict[Fault | None, tuple[int, bytes, dict[str, str]]] = {
    Fault.LIMITED: (429, b"{}", {"Retry-After": "30"}),
    Fault.FORBIDDEN: (403, b"{}", {}),
    Fault.BROKEN: (500, b"{}", {}),
    Fault.HTML: (200, "<!DOCTYPE html><html><body>系统繁忙</body></html>".encode(), {}),
    Fault.CAPTCHA: (200, "<!DOCTYPE html><html><body>请输入验证码</body></html>".encode(), {}),
}


class _Handler(BaseHTTPRequestHandler):
    stub: AkshareStub

    def do_GET(self) -> None:
        self._reply()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._reply()

    def log_message(self, *args: object) -> None:
        pass

    def _reply(self) -> None:
        parts = urlsplit(self.path)
        params = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        host = self.headers["Host"]
        endpoint = self.stub.endpoint_of(host, parts.path, params)
        asked = Asked(endpoint, host, parts.path, params)
        self.stub.asked.append(asked)
        try:
            self._with_fault(self.stub.fault_of(endpoint), asked)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _with_fault(self, fault: Fault | None, asked: Asked) -> None:
        if fault in _INSTEAD:
            self._send(*_INSTEAD[fault])
        elif fault is Fault.DROPPED:
            self.close_connection = True
        elif fault is Fault.HANG:
            self.stub.released.wait(30)
        elif fault is Fault.TRICKLE:
            self._trickle()
        else:
            self._cut(self.stub.body(asked), fault)

    def _cut(self, body: bytes, fault: Fault | None) -> None:
        half = body[: len(body) // 2]
        if fault is Fault.BROKEN_OFF:
            self._send(200, half, {"Content-Length": str(len(body))})
            self.close_connection = True
        else:
            self._send(200, half if fault is Fault.TRUNCATED else body)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(body))}.items():
            if name not in (headers or {}):
                self.send_header(name, value)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _trickle(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        while not self.stub.released.wait(0.05):
            self.wfile.write(b" ")
            self.wfile.flush()


@contextmanager
def serving(stub: AkshareStub) -> Iterator[AkshareStub]:
    """Run the stub on a free port of the loopback interface."""
    handler = type("Handler", (_Handler,), {"stub": stub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = False
    stub.url = f"http://127.0.0.1:{server.server_port}"
    with running(server, stub.released):
        yield stub
