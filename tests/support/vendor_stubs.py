"""A loopback server that answers like the hosts behind AkShare, and misbehaves like them on request.

The market it shows is small and computed: a price that climbs, with one ex-date in the middle of each share.
"""

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

StubT = TypeVar("StubT", bound="VendorStub")
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_SINA_DAY_ZERO = date(1990, 12, 19)


class Fault(StrEnum):
    """What can be wrong with an answer."""

    STATUS_500 = "status 500"
    HTML = "an HTML page with status 200"
    EMPTY = "no rows"
    HANG = "no answer at all"
    MISSING_COLUMN = "a column less"
    TRUNCATED = "half of the JSON"
    WRONG_UNITS = "volume in another unit"


@dataclass(frozen=True, slots=True)
class Row:
    """One session of one share or index, in CNY and lots."""

    session: date
    open: float
    high: float
    low: float
    close: float
    pre_close: float
    lots: int
    amount: float


@dataclass
class StubMarket:
    """What the stub knows."""

    sessions: Sequence[date]
    names: dict[str, str] = field(default_factory=lambda: {"600519.SH": "贵州茅台", "000001.SZ": "*ST平安"})
    ex_date: int = 10
    """Which session is the ex-date; the reference price is a tenth below the close before."""

    def rows(self, code: str) -> list[Row]:
        """The whole history of a share or index by its six digits."""
        price = 10.0 + int(code) % 7
        found = []
        for i, session in enumerate(self.sessions):
            reference = round(price * 0.9, 2) if i == self.ex_date else price
            close = round(reference * 1.01, 2)
            low, high = round(reference * 0.99, 2), round(reference * 1.02, 2)
            lots = 1000 + i
            found.append(Row(session, reference, high, low, close, reference, lots, round(lots * 100 * close, 2)))
            price = close
        return found

    def between(self, code: str, start: str, end: str) -> list[Row]:
        """The rows of a window given as `20240902`."""
        return [row for row in self.rows(code) if start <= row.session.strftime("%Y%m%d") <= end]


class VendorStub(ABC):
    """The shared part: a server, a record of what was asked, one fault at one endpoint."""

    def __init__(self, market: StubMarket) -> None:
        self.market = market
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.fault: Fault | None = None
        self.fault_at: str | None = None
        self.released = threading.Event()
        self.url = ""

    @abstractmethod
    def answer(self, endpoint: str, params: dict[str, Any]) -> bytes:
        """The right answer; `params["fault"]` is what to spoil in its content."""

    def respond(self, endpoint: str, params: dict[str, Any]) -> tuple[int, bytes]:
        """Status and body, with the fault if this is its place."""
        self.asked.append((endpoint, params))
        fault = self.fault if self.fault_at in {None, endpoint} else None
        if fault is Fault.STATUS_500:
            return 500, b'{"code":500,"msg":"boom"}'
        if fault is Fault.HTML:
            return 200, b"<!DOCTYPE html><html><body>captcha</body></html>"
        if fault is Fault.HANG:
            self.released.wait(30)
            return 200, b"{}"
        body = self.answer(endpoint, {**params, "fault": fault})
        return 200, body[: len(body) // 2] if fault is Fault.TRUNCATED else body


@contextmanager
def serving(stub: StubT) -> Iterator[StubT]:
    """Run the stub on a free port of the loopback interface."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self._reply(parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()})

        def _reply(self, endpoint: str, params: dict[str, Any]) -> None:
            status, body = stub.respond(endpoint, params)
            try:
                self.send_response(status)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except BrokenPipeError:
                pass

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    stub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield stub
    finally:
        stub.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


class AkshareStub(VendorStub):
    """The hosts behind AkShare's functions, told apart by their paths."""

    CALENDAR = "/realstock/company/klc_td_sh.txt"
    NAME = "/api/qt/stock/get"
    KLINE = "/api/qt/stock/kline/get"

    def answer(self, endpoint: str, params: dict[str, Any]) -> bytes:
        if endpoint == self.CALENDAR:
            sessions = [] if params["fault"] is Fault.EMPTY else self.market.sessions
            return f'var datelist="{sina_calendar(sessions)}";'.encode()
        code = params["secid"].partition(".")[2]
        return json.dumps(self._name(code) if endpoint == self.NAME else self._kline(code, params)).encode()

    def _name(self, code: str) -> dict[str, Any]:
        name = next((n for symbol, n in self.market.names.items() if symbol.startswith(code)), "-")
        data = {"f57": code, "f58": name, "f127": "酿酒行业", "f189": 20010827, "f43": 11.0}
        return {"rc": 0, "rt": 4, "svr": 1, "lt": 1, "full": 1, "dlmkts": "", "data": data}

    def _kline(self, code: str, params: dict[str, Any]) -> dict[str, Any]:
        rows = [] if params["fault"] is Fault.EMPTY else self.market.between(code, params["beg"], params["end"])
        width = len(params["fields2"].replace(",f116", "").split(","))
        if params["fault"] is Fault.WRONG_UNITS:
            rows = [replace(row, lots=row.lots * 100) for row in rows]
        fields = _kline_fields(rows if params["fqt"] == "0" else self._adjusted(code, rows), self.market.rows(code)[0])
        lines = [",".join(line[:width]) for line in fields]
        if params["fault"] is Fault.MISSING_COLUMN:
            lines = [line.rpartition(",")[0] for line in lines]
        return {"rc": 0, "data": {"code": code, "klines": lines}}

    def _adjusted(self, code: str, rows: Sequence[Row]) -> list[Row]:
        """Adjusted backward (fqt=2): from the ex-date on, what was paid out is added again."""
        whole = self.market.rows(code)
        at = self.market.ex_date
        paid = whole[at - 1].close - whole[at].pre_close
        return [_raised(row, paid) if row.session >= whole[at].session else row for row in rows]


def _kline_fields(rows: Sequence[Row], very_first: Row) -> Iterator[list[str]]:
    """As Eastmoney writes them: the change counts from the close of the row before, on an ex-date too."""
    before = [very_first, *rows]
    for row, last in zip(rows, before, strict=False):
        change = round(row.close - last.close, 2)
        numbers = (row.open, row.close, row.high, row.low, row.lots, row.amount, 3.0, 1.0, change, 0.5)
        yield [row.session.isoformat(), *map(str, numbers)]


def _raised(row: Row, by: float) -> Row:
    prices = {name: round(getattr(row, name) + by, 2) for name in ("open", "high", "low", "close")}
    return replace(row, **prices)


def sina_calendar(sessions: Iterable[date]) -> str:
    """The trading calendar as Sina packs it: runs of weekdays, six bits a letter, lowest bit first."""
    days = sorted((s - _SINA_DAY_ZERO).days for s in sessions)
    bits = [*_bits(139, 12), *_bits(63, 6)]
    if not days:
        bits += [*_bits(1, 18), *_bits(0, 18)]
    else:
        bits += [*_bits(days[0], 18), *_bits(days[-1], 18)]
        bits += [1, 1, 1, 1, 1, 0]  # from here on a run's length has 3 x 4 bits
        for i, run in enumerate(_runs(days)):
            bits += [*([0] if i else []), *_bits(run, 12)]
    bits += [0] * (-len(bits) % 6)
    letters = (bits[i : i + 6] for i in range(0, len(bits), 6))
    return "".join(_BASE64[sum(bit << k for k, bit in enumerate(letter))] for letter in letters)


def _runs(days: Sequence[int]) -> Iterator[int]:
    """Lengths of runs of sessions; between two runs lies one weekday without trading."""
    known, run = set(days), 0
    for day in range(days[0], days[-1] + 1):
        if day % 7 in {3, 4}:  # day zero is a Wednesday
            continue
        if day in known:
            run += 1
        else:
            yield run
            run = 0
    yield run


def _bits(number: int, width: int) -> list[int]:
    return [number >> k & 1 for k in range(width)]
