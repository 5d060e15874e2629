"""The wire to Baostock: the vendor's own library composes and reads the messages, this module carries them.

The library's socket has no deadline, spins for ever when the server hangs up, takes any bytes for an answer and prints
to the terminal; its pages end silently where one fails. So its door (`socketutil.send_msg`) is replaced while a call
runs: every message has a deadline and a size bound, the header and the checksum (CRC-32 over header and body) are
verified, and what goes wrong is raised instead of printed. The library keeps its state in globals: one call at a time.
"""

import re
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

import baostock
import polars as pl
from baostock.common import contants
from baostock.data import resultset
from baostock.evaluation import season_index
from baostock.login import loginout
from baostock.metadata import stock_metadata
from baostock.security import history, sectorinfo
from baostock.util import socketutil

from libs.domain.errors import InvalidInput
from libs.marketdata.source import (
    SchemaDrift,
    SourceBanned,
    SourceError,
    SourceLimited,
    SourceRefused,
    SourceTimeout,
)

HOST, PORT = str(contants.BAOSTOCK_SERVER_IP), int(contants.BAOSTOCK_SERVER_PORT)
MAX_BYTES = 64 * 1024 * 1024
NOT_LOGGED_IN = "10001001"
_MOST_ROWS = 2_000_000
"""Thirty years of five-minute bars are 360,000; a server that repeats its pages has no end."""

_HEADER = re.compile(rb"\d\d\.\d\.\d\d\x01[0-9A-Z]{2}\x01\d{10}")
_END = b"<![CDATA[]]>\n"
_ONE_AT_A_TIME = threading.RLock()
_TALKATIVE = (history, loginout, resultset, season_index, sectorinfo, socketutil, stock_metadata)

_MEANINGS: Mapping[str, type[SourceError]] = {
    "10001002": SourceRefused,
    "10001003": SourceRefused,
    "10001004": SourceRefused,
    "10001005": SourceLimited,
    "10001006": SourceRefused,
    "10001007": SourceRefused,
    "10001011": SourceBanned,
    "10001012": SourceRefused,
    "10002003": SourceTimeout,
    "10002006": SourceTimeout,
    "10002008": SourceTimeout,
    "10004012": SchemaDrift,
    "10004016": SourceLimited,
    "10004020": SchemaDrift,
}
"""What the vendor's error codes mean; one that is not here is a failure that may pass."""
_WRONG_ASK = frozenset({"10004006", "10004011", "10004013", "10004014", "10004015"})


class BaostockWire:
    """One connection, logged in when first needed and again when the vendor forgot about it."""

    def __init__(self, *, call_seconds: float, address: tuple[str, int] | None = None) -> None:
        self._address, self._call_seconds = address or (HOST, PORT), call_seconds
        self.host = self._address[0]
        self._socket: socket.socket | None = None
        self._logged_in = False
        self._doing = "baostock"

    def table(self, function: str, params: Mapping[str, str]) -> pl.DataFrame:
        """All rows of one of the library's functions, every value as text; raises a `SourceError` or `InvalidInput`."""
        with self._alone(f"baostock {function}"):
            try:
                return self._asked(function, params)
            except (SourceError, InvalidInput):
                raise
            except (ValueError, KeyError, IndexError, TypeError, AttributeError) as e:
                self._hang_up()
                raise SourceError(f"{self._doing}: an answer of another shape ({type(e).__name__})") from e

    def close(self) -> None:
        """Log out, as far as the server listens, and close the connection."""
        with self._alone("baostock logout"):
            if self._logged_in:
                with suppress(SourceError, ValueError, IndexError):  # the session ends with its connection anyway
                    loginout.logout()
            self._hang_up()

    def _asked(self, function: str, params: Mapping[str, str]) -> pl.DataFrame:
        for attempt in (1, 2):
            self._log_in()
            result = getattr(baostock, function)(**params)
            if result.error_code != NOT_LOGGED_IN or attempt == 2:
                break
            self._logged_in = False
        rows: list[list[str]] = []
        self._require_success(result)
        self._require_whole_pages(result)
        while result.next():
            rows.append([str(value) for value in result.get_row_data()])
            if len(rows) > _MOST_ROWS:
                raise SourceError(f"{self._doing}: more than {_MOST_ROWS} rows, page after page")
        self._require_success(result)
        if any(len(row) != len(result.fields) for row in rows):
            raise SourceError(f"{self._doing}: an answer of another shape: rows and fields do not fit")
        return pl.DataFrame(rows, schema=dict.fromkeys(result.fields, pl.String), orient="row")

    def _log_in(self) -> None:
        if not self._logged_in:
            self._require_success(loginout.login())
            self._logged_in = True

    def _require_success(self, result: object) -> None:
        code, words = str(getattr(result, "error_code", "")), str(getattr(result, "error_msg", ""))[:200]
        if code == contants.BSERR_SUCCESS:
            return
        said = f"{self._doing}: code {code}: {words}"
        if code in _WRONG_ASK:
            raise InvalidInput("symbols", said)
        raise _MEANINGS.get(code, SourceError)(said)

    def _require_whole_pages(self, result: object) -> None:
        """The library asks for a further page only after one of its own size; a server with smaller ones is cut off."""
        told = int(getattr(result, "per_page_count", 0))
        rows = len(getattr(result, "data", []))
        if told <= rows < contants.BAOSTOCK_PER_PAGE_COUNT:
            raise SourceError(f"{self._doing}: a page of {rows} rows, of which nobody knows whether it is the last")

    @contextmanager
    def _alone(self, doing: str) -> Iterator[None]:
        """The library with this connection behind its door, and without a voice."""
        with _ONE_AT_A_TIME:
            door, connect = socketutil.send_msg, socketutil.SocketUtil.connect
            self._doing, socketutil.send_msg = doing, self._exchange
            socketutil.SocketUtil.connect = _nothing
            for module in _TALKATIVE:
                module.print = _nothing
            try:
                yield
            finally:
                socketutil.send_msg, socketutil.SocketUtil.connect = door, connect
                for module in _TALKATIVE:
                    del module.print

    def _exchange(self, message: str) -> str:
        """One message and its answer; a connection on which anything went wrong is not used again."""
        until = time.monotonic() + self._call_seconds
        try:
            line = self._connected(until)
            line.sendall(f"{message}\n".encode())
            return _read(lambda: self._receive(line, until), self._doing)
        except TimeoutError:
            self._hang_up()
            raise SourceTimeout(f"{self._doing}: no answer within {self._call_seconds:g} s") from None
        except OSError as e:
            self._hang_up()
            raise SourceError(f"{self._doing}: {type(e).__name__}") from e
        except SourceError:
            self._hang_up()
            raise

    def _connected(self, until: float) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=_left(until))
        self._socket.settimeout(_left(until))
        return self._socket

    def _receive(self, line: socket.socket, until: float) -> bytes:
        line.settimeout(_left(until))
        piece = line.recv(65536)
        if not piece:
            raise SourceError(f"{self._doing}: the connection was closed in the middle of an answer")
        return piece

    def _hang_up(self) -> None:
        self._logged_in = False
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _read(receive: Callable[[], bytes], doing: str) -> str:
    """One whole answer as the library wants it: header and body, unpacked."""
    received = bytearray()
    while not _is_whole(received, doing):
        received += receive()
        if len(received) > MAX_BYTES:
            raise SourceError(f"{doing}: an answer of more than {MAX_BYTES} bytes")
    head, kind, length = _header(received)
    body = bytes(received[len(head) : len(head) + length])
    try:
        if kind in contants.COMPRESSED_MESSAGE_TYPE_TUPLE:
            return head.decode() + _unpacked(body, doing) + "\n"
        _require_checksum(bytes(received), doing)
        return received.decode()
    except UnicodeDecodeError as e:
        raise SourceError(f"{doing}: an answer of another shape: no UTF-8") from e


def _is_whole(received: bytearray, doing: str) -> bool:
    if len(received) < contants.MESSAGE_HEADER_LENGTH:
        return False
    if not _HEADER.fullmatch(received[: contants.MESSAGE_HEADER_LENGTH]):
        raise SourceError(f"{doing}: an answer that is not the vendor's protocol")
    head, kind, length = _header(received)
    packed = kind in contants.COMPRESSED_MESSAGE_TYPE_TUPLE
    return received.endswith(_END) and (not packed or len(received) >= len(head) + length + len(_END))


def _header(received: bytearray) -> tuple[bytes, str, int]:
    head = bytes(received[: contants.MESSAGE_HEADER_LENGTH])
    _, kind, length = head.decode().split(contants.MESSAGE_SPLIT)
    return head, kind, int(length)


def _unpacked(body: bytes, doing: str) -> str:
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(body, MAX_BYTES)
    except zlib.error as e:
        raise SourceError(f"{doing}: an answer of another shape: not to be unpacked") from e
    if not unpacker.eof:
        raise SourceError(f"{doing}: an answer cut off, or of more than {MAX_BYTES} bytes unpacked")
    return plain.decode()


def _require_checksum(received: bytes, doing: str) -> None:
    content, _, checksum = received.removesuffix(_END).rpartition(contants.MESSAGE_SPLIT.encode())
    if checksum != str(zlib.crc32(content)).encode():
        raise SourceError(f"{doing}: a damaged answer: its checksum is wrong")


def _left(until: float) -> float:
    """The seconds left; never zero, which would mean: do not wait at all."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _nothing(*_: object, **__: object) -> None:
    """In place of what the library would print or connect."""
