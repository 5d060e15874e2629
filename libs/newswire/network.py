"""The one way out: connections that go to a checked address, under one deadline for the whole exchange.

httpcore2 is the engine of httpx2, which gives its transports no network backend to replace; so the engine is used
directly. That also leaves out what a fetcher of public pages must not have: cookies, proxies and credentials from the
environment, automatic redirects, unbounded decompression. A name is resolved when its connection is opened, once, and
the socket goes to the very address that was checked; Host header, SNI and certificate keep the name.
"""

# ruff: noqa: ARG002 - the signatures are those of httpcore2; the deadline stands for every timeout
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpcore2

from libs.domain.clock import Clock
from libs.newswire.addresses import Resolve, public_addresses, resolve_by_system
from libs.newswire.errors import AddressRefused, FetchFailed, FetchTimeout

Dial = Callable[[str, int, float], httpcore2.NetworkStream]
"""Open a TCP connection to an address (never a name) within so many seconds."""


def dial_directly(address: str, port: int, seconds: float) -> httpcore2.NetworkStream:
    """A plain TCP connection."""
    return httpcore2.SyncBackend().connect_tcp(address, port, timeout=seconds)


@dataclass(frozen=True, slots=True)
class Network:
    """What stands between the fetcher and the world; tests give their own parts, settings cannot."""

    resolve: Resolve = resolve_by_system
    dial: Dial = dial_directly
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    pause: Callable[[float], None] = time.sleep
    """How a host's turn is waited for."""


class Deadline:
    """One moment by which everything has to be done, however slowly the other side trickles."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._at = clock.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds that are left; raises `FetchTimeout` when there are none."""
        left = self._at - self._clock.monotonic()
        if left <= 0:
            raise FetchTimeout(f"not done within {self._seconds:g} s")
        return left


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (names in lower case) and the body as it arrives."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterable[bytes]


@contextmanager
def exchange(
    network: Network,
    deadline: Deadline,
    method: str,
    url: str,
    headers: Mapping[str, str],
    *,
    content: bytes | None = None,
) -> Iterator[Answer]:
    """One request and its answer over a connection of its own."""
    backend = _GuardedBackend(network, deadline)
    with (
        _translated(url),
        httpcore2.ConnectionPool(ssl_context=network.tls, max_connections=1, network_backend=backend) as pool,
        pool.stream(method, url, headers=list(headers.items()), content=content) as response,
    ):
        yield Answer(response.status, _plain(response.headers), response.iter_stream())


@contextmanager
def _translated(url: str) -> Iterator[None]:
    try:
        yield
    except httpcore2.TimeoutException as e:
        raise FetchTimeout(f"{url}: no answer in time") from e
    except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.UnsupportedProtocol) as e:
        raise FetchFailed(f"{url}: {type(e).__name__}: {str(e)[:200]}") from e


def _plain(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers as text; the first of several of one name counts."""
    plain: dict[str, str] = {}
    for name, value in headers:
        plain.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return plain


class _GuardedBackend(httpcore2.NetworkBackend):
    """Resolves, checks, and connects to what was checked."""

    def __init__(self, network: Network, deadline: Deadline) -> None:
        self._network = network
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        addresses = public_addresses(host, port, self._deadline.remaining(), self._network.resolve)
        failure: Exception | None = None
        for address in addresses:
            try:
                stream = self._network.dial(address, port, self._deadline.remaining())
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as e:
                failure = e
                continue
            return _TimedStream(stream, self._deadline)
        raise FetchFailed(f"{host}: none of {len(addresses)} addresses answers") from failure

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        raise AddressRefused("a socket in the file system is no public address")


class _TimedStream(httpcore2.NetworkStream):
    """A stream whose every wait ends with the deadline of the whole."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.remaining())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.remaining())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.remaining())
        return _TimedStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
