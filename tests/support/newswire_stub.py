"""A real HTTPS server on loopback that stands for every host of the newswire, and misbehaves on request.

Names resolve to a public address of no importance; the dialler, and only it, leads that address to this server. So the
guard against private addresses is never off, and certificates are checked against the real names.
"""

import datetime as dt
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpcore2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from libs.newswire.network import Network, dial_directly
from libs.newswire.outlets import outlets
from tests.support.loopback import running

PUBLIC = "93.184.215.14"
ROBOTS_FOR_ALL = "User-agent: *\nDisallow:\n"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; `trickle` sends a byte at a time until the client goes away."""

    body: bytes = b""
    status: int = 200
    kind: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    trickle: bool = False
    promised: int | None = None
    """A Content-Length that is not the body's."""


@dataclass(frozen=True, slots=True)
class Requested:
    """One request as it arrived."""

    method: str
    host: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    form: Mapping[str, str]


Answer = Callable[[Requested], Reply]


class NewswireStub:
    """What the sites answer, and what they were asked."""

    def __init__(self) -> None:
        self.asked: list[Requested] = []
        self.dialled: list[tuple[str, int]] = []
        self.resolved: list[str] = []
        self.addresses: Callable[[str], Sequence[str]] = lambda _host: [PUBLIC]
        self.port = 0
        self.released = threading.Event()
        self._answers: dict[tuple[str, str], Answer] = {}

    def give(self, host: str, path: str, reply: Reply | Answer) -> None:
        """Answer this path of a host from now on."""
        self._answers[host, path] = reply if callable(reply) else (lambda _request: reply)

    def asked_for(self, path: str) -> list[Requested]:
        """The requests for one path."""
        return [request for request in self.asked if request.path == path]

    def answer(self, request: Requested) -> Reply:
        """What a request gets; sites without a robots.txt of their own allow everything."""
        self.asked.append(request)
        known = self._answers.get((request.host, request.path))
        if known is not None:
            return known(request)
        if request.path == "/robots.txt":
            return Reply(ROBOTS_FOR_ALL.encode(), kind="text/plain")
        return Reply(b"no such page", 404)

    def network(self, pause: Callable[[float], None] = lambda _seconds: None) -> Network:
        """The world as the fetcher sees it; `pause` is told what the fetcher would wait."""
        return Network(resolve=self._resolve, dial=self._dial, tls=_client_side(), pause=pause)

    def _resolve(self, host: str, _port: int, _seconds: float) -> Sequence[str]:
        self.resolved.append(host)
        return self.addresses(host)

    def _dial(self, address: str, port: int, seconds: float) -> httpcore2.NetworkStream:
        self.dialled.append((address, port))
        return dial_directly("127.0.0.1", self.port, seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, stub: NewswireStub) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.stub = stub

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up, in the middle of the handshake even, is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer(dict(parse_qsl(sent, keep_blank_values=True)))

    def _answer(self, form: dict[str, str]) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Requested(self.command, self.headers["Host"], parts.path, query, headers, form)
        self._send(self.server.stub.answer(asked))

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.kind)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 304 and "Transfer-Encoding" not in reply.headers:
            self.send_header("Content-Length", str(len(reply.body) if reply.promised is None else reply.promised))
        self.end_headers()
        if not reply.trickle:
            self.wfile.write(reply.body)
            return
        for i in range(len(reply.body)):
            self.wfile.write(reply.body[i : i + 1])
            self.wfile.flush()
            if self.server.stub.released.wait(0.02):
                return

    def log_message(self, *args: object) -> None:
        """Nothing: what was asked is in the stub."""


@contextmanager
def newswire() -> Iterator[NewswireStub]:
    """The server, running."""
    stub = NewswireStub()
    server = _Server(stub)
    server.socket = _server_side().wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    stub.port = server.server_port
    with running(server, stub.released):
        yield stub


def _hosts() -> list[str]:
    return sorted({host for outlet in outlets().values() for host in outlet.hosts})


@cache
def _certificate() -> tuple[bytes, bytes]:
    """Key and certificate for every host of the newswire, made for this run."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "newswire stub")])
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in _hosts()])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=36_500))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    return key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain), certificate.public_bytes(pem)


def _server_side() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    key, certificate = _certificate()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "stub.pem"
        file.write_bytes(key + certificate)
        context.load_cert_chain(file)
    return context


def _client_side() -> ssl.SSLContext:
    return ssl.create_default_context(cadata=_certificate()[1].decode())
