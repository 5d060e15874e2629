"""A loopback server that speaks Baostock's protocol: text over TCP, one message a line, and misbehaves on request.

A message is `version SOH type SOH length(10)` and a body whose fields are separated by SOH. Requests carry the CRC-32
of header and body and end with a line feed. Plain answers carry theirs and end with `<![CDATA[]]>` and a line feed;
answers with bars are packed with zlib instead. Errors come as type 04.
"""

import json
import socketserver
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.support.loopback import running

Row = dict[str, str]
SOH = "\x01"
END = b"<![CDATA[]]>\n"
K_DATA, ALL_SHARES = "query_history_k_data_plus", "query_daily_history_k_AStock"
PAGE = 2000

_ANSWER_OF = {"00": "01", "02": "03", "95": "96", "98": "99"}
_PACKED = frozenset({"96", "99"})
_FILTERS: Mapping[str, tuple[str, ...]] = {
    "query_trade_dates": ("start_date", "end_date"),
    "query_stock_basic": ("code", "code_name"),
    "query_stock_industry": ("code", "date"),
    "query_adjust_factor": ("code", "start_date", "end_date"),
    "query_dividend_data": ("code", "year", "yearType"),
    "query_profit_data": ("code", "year", "quarter"),
    "query_growth_data": ("code", "year", "quarter"),
    "query_balance_data": ("code", "year", "quarter"),
}


class Fault(StrEnum):
    """What can be wrong with an answer."""

    FORGOTTEN = "the session is forgotten once"
    NO_LOGIN = "nobody is ever logged in"
    BLACKLISTED = "code 10001011"
    TOO_MANY = "code 10001005"
    OLD_CLIENT = "code 10001004"
    BAD_CODE = "code 10004011"
    BUSY = "code 10005001"
    HANG_UP = "the connection closed in the middle of an answer"
    HANG = "no answer at all"
    TRICKLE = "an answer byte by byte"
    HTML = "an HTML page"
    DAMAGED = "a wrong checksum"
    BROKEN_PACK = "half of what was packed"
    TRUNCATED = "half of the JSON"
    RENAMED = "a column under another name"
    SHORT_ROWS = "rows without their last value"
    NAN = "nan where a price was"
    DUPLICATED = "every row twice"
    CONFLICTING = "every row twice, with another volume"
    WRONG_UNITS = "volume in lots"
    ADJUSTED = "adjusted prices"
    EMPTY = "no rows"
    SECOND_PAGE = "an error in place of the second page"
    SMALL_PAGES = "pages smaller than the library thinks"


_ERRORS = {
    Fault.NO_LOGIN: ("10001001", "用户未登陆"),
    Fault.FORGOTTEN: ("10001001", "用户未登陆"),
    Fault.BLACKLISTED: ("10001011", "黑名单用户"),
    Fault.TOO_MANY: ("10001005", "账号登陆数达到上限"),
    Fault.OLD_CLIENT: ("10001004", "客户端版本号过期"),
    Fault.BAD_CODE: ("10004011", "无效的证券代码"),
    Fault.BUSY: ("10005001", "系统级别错误"),
}


@dataclass
class BaostockStub:
    """Rows by function (bars by frequency: `query_history_k_data_plus d`), what was asked, and one fault."""

    tables: Mapping[str, Sequence[Row]]
    fault: Fault | None = None
    fault_at: str | None = None
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    address: str = ""

    def answer(self, line: bytes) -> bytes:
        """The answer to one request line."""
        text = line.decode()
        content, _, checksum = text.rpartition(SOH)
        assert checksum == str(zlib.crc32(content.encode())), "the client's checksum is wrong"
        kind, method, params = content.split(SOH)[1], content[21:].split(SOH)[0], content[21:].split(SOH)[1:]
        self.asked.append((method, tuple(params)))
        if method in {"login", "logout"}:
            return _plain(_ANSWER_OF[kind], SOH.join(["0", "success", method, params[0], "20250602180000000"]))
        fault = self._fault_of(method, params)
        if fault in _ERRORS:
            return _plain("04", SOH.join(_ERRORS[fault]))
        body = self._found(method, params, fault)
        answer_kind = _ANSWER_OF.get(kind, f"{int(kind) + 1:02d}" if kind.isdigit() else "04")
        return _packed(answer_kind, body, fault) if answer_kind in _PACKED else _plain(answer_kind, body, fault)

    def fault_of(self, method: str) -> Fault | None:
        """The fault, if this is its place."""
        return self.fault if self.fault_at in {None, method} and method not in {"login", "logout"} else None

    def _fault_of(self, method: str, params: Sequence[str]) -> Fault | None:
        fault = self.fault_of(method)
        if fault is Fault.FORGOTTEN:
            self.fault = None
        if fault is Fault.SECOND_PAGE:
            return Fault.BUSY if params[1] != "1" else None
        return fault

    def _found(self, method: str, params: Sequence[str], fault: Fault | None) -> str:
        if method == ALL_SHARES:
            rows = self._rows(f"{K_DATA} d", lambda row: row["date"] == params[1])
            names = self._names(f"{K_DATA} d")
            return _body(method, rows, names=names, before=["anonymous"], echo=[], fault=fault)
        page, args = int(params[1]), list(params[3:])
        if method == K_DATA:
            code, fields, start, end, frequency, _ = args
            rows = self._rows(f"{K_DATA} {frequency}", lambda r: r["code"] == code and start <= r["date"] <= end)
            return self._page(method, rows, page, echo=args, names=fields.split(","), fault=fault)
        wanted = dict(zip(_FILTERS[method], args, strict=False))
        rows = self._rows(method, lambda row: _fits(row, wanted))
        return self._page(method, rows, page, echo=args, names=self._names(method), fault=fault)

    def _page(
        self, method: str, rows: list[Row], page: int, *, echo: list[str], names: list[str], fault: Fault | None
    ) -> str:
        most = 3 if fault is Fault.SMALL_PAGES else PAGE
        shown = rows[(page - 1) * most : page * most]
        return _body(method, shown, names=names, before=["anonymous", str(page), str(most)], echo=echo, fault=fault)

    def _names(self, table: str) -> list[str]:
        return sorted({name for row in self.tables.get(table, []) for name in row if not name.startswith("_")})

    def _rows(self, table: str, fits: Any) -> list[Row]:
        return [row for row in self.tables.get(table, []) if fits(row)]


def _fits(row: Row, wanted: Mapping[str, str]) -> bool:
    told = {name.removeprefix("_"): value for name, value in row.items()}
    same = all(told[name] == value for name, value in wanted.items() if value and name in told)
    moment = row.get("calendar_date") or row.get("dividOperateDate") or ""
    return same and wanted.get("start_date", "") <= moment <= wanted.get("end_date", "9")


def _body(
    method: str, rows: list[Row], *, names: list[str], before: list[str], echo: list[str], fault: Fault | None
) -> str:
    rows = [] if fault is Fault.EMPTY else [_spoiled(row, fault) for row in rows]
    if fault in {Fault.DUPLICATED, Fault.CONFLICTING}:
        more = {"volume": "123400"} if fault is Fault.CONFLICTING else {}
        rows = [double for row in rows for double in (row, {**row, **more})]
    records = [[row.get(name, "") for name in names] for row in rows]
    if fault is Fault.SHORT_ROWS:
        records = [record[:-1] for record in records]
    data = json.dumps({"record": records}, ensure_ascii=False) if records else ""
    shown = ", ".join(f"{name}X" if fault is Fault.RENAMED else name for name in names)
    if fault is Fault.TRUNCATED:
        data = data[: len(data) // 2]
    parts = ["0", "success", method, *before, data]
    if method == K_DATA:
        return SOH.join([*parts, echo[0], shown, *echo[2:]])
    return SOH.join([*parts, *echo, shown])


def _spoiled(row: Row, fault: Fault | None) -> Row:
    changed = {
        Fault.NAN: {"close": "nan"},
        Fault.WRONG_UNITS: {"volume": str(int(float(row.get("volume") or 0) / 100))},
        Fault.ADJUSTED: {"adjustflag": "2"},
    }
    return {**row, **changed.get(fault, {})} if fault else row


def _plain(kind: str, body: str, fault: Fault | None = None) -> bytes:
    content = f"00.9.10{SOH}{kind}{SOH}{len(body):010d}{body}"
    checksum = zlib.crc32(content.encode()) + (fault is Fault.DAMAGED)
    return f"{content}{SOH}{checksum}".encode() + END


def _packed(kind: str, body: str, fault: Fault | None) -> bytes:
    packed = zlib.compress(body.encode())
    if fault is Fault.BROKEN_PACK:
        packed = packed[: len(packed) // 2]
    if fault is Fault.DAMAGED:
        packed = packed[:20] + bytes([packed[20] ^ 255]) + packed[21:]
    return f"00.9.10{SOH}{kind}{SOH}{len(packed):010d}".encode() + packed + END


class _Handler(socketserver.StreamRequestHandler):
    stub: BaostockStub

    def handle(self) -> None:
        try:
            for line in self.rfile:
                if not self._reply(line.rstrip(b"\n")):
                    return
        except (BrokenPipeError, ConnectionResetError):
            return

    def _reply(self, line: bytes) -> bool:
        fault = self.stub.fault_of(line.split(SOH.encode())[2][10:].decode())
        if fault is Fault.HANG:
            self.stub.released.wait(30)
            return False
        if fault is Fault.HTML:
            self.wfile.write(b"HTTP/1.1 400 Bad Request\r\n\r\n<html>bad request</html>")
            return False
        answer = self.stub.answer(line)
        if fault is Fault.HANG_UP:
            self.wfile.write(answer[: len(answer) // 2])
            return False
        for piece in [bytes([byte]) for byte in answer] if fault is Fault.TRICKLE else [answer]:
            self.wfile.write(piece)
            self.wfile.flush()
            if fault is Fault.TRICKLE and self.stub.released.wait(0.02):
                return False
        return True


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False


@contextmanager
def serving(stub: BaostockStub) -> Iterator[BaostockStub]:
    """Run the stub on a free port of the loopback interface; clients must have hung up before it ends."""
    server = _Server(("127.0.0.1", 0), type("Bound", (_Handler,), {"stub": stub}))
    stub.address = f"127.0.0.1:{server.server_address[1]}"
    with running(server, stub.released):
        yield stub
