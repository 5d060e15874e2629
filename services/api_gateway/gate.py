"""Everything that holds for every request, before a route is looked for: host, key, size, headers, the last resort.

It is one plain ASGI function for HTTP and WebSocket alike, because middleware that sees only one of them leaves the
other open. It decides on `scope["path"]`, never on a URL built from headers.
"""

import asyncio
import logging
import re
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.bus.metrics import BusMetrics, NoMetrics
from libs.domain.clock import Clock
from libs.domain.errors import HiddenGemError
from libs.storage.api_keys import Role
from libs.telemetry.logs import correlation
from services.api_gateway.auth.guarded import PRINCIPAL, GuardedRoute
from services.api_gateway.auth.keys import KeyRing, Principal
from services.api_gateway.problems import REQUEST_ID, code_of, http_problem, problem, status_of, title_of

log = logging.getLogger(__name__)

NO_METRICS = NoMetrics()
_SERVICE = "api_gateway"
_AT_HAND = "hiddengem.at_hand"
MAX_BODY_BYTES = 256 * 1024
_BODY_SECONDS = 10.0
_OPEN_PATHS = frozenset({"/health/live", "/health/ready"})
_REQUEST_ID = re.compile(rb"[A-Za-z0-9-]{8,64}")
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; style-src 'unsafe-inline'"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
]


@dataclass(frozen=True, slots=True)
class HotRead:
    """A page that is asked for so often that its bytes are kept ready; when they are not fresh the route answers."""

    role: Role
    at_hand: Callable[[], bytes | None]


class Gate:
    """The ASGI application around the routes."""

    def __init__(
        self,
        app: ASGIApp,
        keys: KeyRing,
        clock: Clock,
        *,
        allowed_hosts: Collection[str],
        hot: Mapping[str, HotRead] | None = None,
        metrics: BusMetrics = NO_METRICS,
    ) -> None:
        self._app = app
        self._keys = keys
        self._clock = clock
        self._hosts = frozenset(host.lower().encode() for host in allowed_hosts)
        self._hot = dict(hot or {})
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            # There is no socket behind this door; a client is told so before anything is accepted.
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        scope[REQUEST_ID] = request_id = _request_id(headers)
        correlation.set(request_id)
        answer = _Answer(send, request_id.encode())
        started = self._clock.monotonic()
        try:
            await self._guarded(scope, receive, answer, headers)
        finally:
            outcome = "ok" if 0 < answer.status < 400 else f"http.{answer.status}"
            self._metrics.answered(_SERVICE, _call_of(scope), outcome, self._clock.monotonic() - started)

    async def _guarded(self, scope: Scope, receive: Receive, answer: "_Answer", headers: dict[bytes, bytes]) -> None:
        request_id = scope[REQUEST_ID]
        try:
            status = self._refusal(headers) or await self._identify(scope, headers)
            if status is not None:
                await http_problem(request_id, status)(scope, receive, answer)
            else:
                await self._admitted(scope, receive, answer)
        except HiddenGemError as e:
            log.warning("request failed", extra={"code": e.code, "reason": str(e)})
            response = problem(request_id, status_of(e), code_of(e), title_of(e))
            await _last_word(response, scope, receive, answer)
        except Exception:  # the boundary of the process: told in the log, never to the caller
            log.exception("request failed")
            await _last_word(http_problem(request_id, 500), scope, receive, answer)

    def _refusal(self, headers: dict[bytes, bytes]) -> int | None:
        if _host_name(headers.get(b"host", b"")) not in self._hosts:
            return 421
        length = headers.get(b"content-length", b"0")
        if not length.isdigit():
            return 400
        return 413 if int(length) > MAX_BODY_BYTES else None

    async def _admitted(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        if scope["method"] != "GET":
            await self._app(scope, _Body(receive, self._clock).receive, answer)
        elif (ready := self._ready(scope)) is not None:
            await _send_json(ready, answer)
        else:
            await self._app(scope, receive, answer)

    def _ready(self, scope: Scope) -> bytes | None:
        page = None if scope["query_string"] else self._hot.get(scope["path"])
        holder = scope.get(PRINCIPAL)
        if page is None or not isinstance(holder, Principal) or not holder.role.includes(page.role):
            return None
        ready = page.at_hand()
        scope[_AT_HAND] = ready is not None
        return ready

    async def _identify(self, scope: Scope, headers: dict[bytes, bytes]) -> int | None:
        if scope["path"] in _OPEN_PATHS:
            return None
        holder = await self._holder(headers.get(b"authorization", b""))
        if holder is None:
            return 401
        scope[PRINCIPAL] = holder
        return None

    async def _holder(self, authorization: bytes) -> Principal | None:
        scheme, _, key = authorization.partition(b" ")
        if scheme.lower() != b"bearer" or not key.isascii():
            return None
        return await self._keys.principal(key.decode().strip())


class _Answer:
    """`send` that adds the headers every response carries, and knows whether one has begun."""

    __slots__ = ("_request_id", "_send", "status")

    def __init__(self, send: Send, request_id: bytes) -> None:
        self._send = send
        self._request_id = request_id
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *_HEADERS, (b"x-request-id", self._request_id)]
        await self._send(message)


class _Body:
    """`receive` that stops a body which is too large or too slow."""

    def __init__(self, receive: Receive, clock: Clock) -> None:
        self._receive = receive
        self._clock = clock
        self._deadline = clock.monotonic() + _BODY_SECONDS
        self._received = 0
        self._complete = False

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()
        try:
            async with asyncio.timeout(max(0.0, self._deadline - self._clock.monotonic())):
                message = await self._receive()
        except TimeoutError as e:
            raise HTTPException(408) from e
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
            if self._received > MAX_BODY_BYTES:
                raise HTTPException(413)
        return message


def _call_of(scope: Scope) -> str:
    """The route a request found, never its own path: nobody outside may invent labels."""
    route = scope.get("route")
    if isinstance(route, GuardedRoute):
        return f"{scope['method']} {route.path}"
    return f"GET {scope['path']}" if scope.get(_AT_HAND) else "no route"


async def _send_json(body: bytes, answer: Send) -> None:
    headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]
    await answer({"type": "http.response.start", "status": 200, "headers": headers})
    await answer({"type": "http.response.body", "body": body})


async def _last_word(response: ASGIApp, scope: Scope, receive: Receive, answer: _Answer) -> None:
    """Answer, unless an answer has begun: then only cutting the connection tells the caller that it is not whole."""
    if answer.status:
        raise ConnectionAbortedError("the response broke off")
    await response(scope, receive, answer)


def _request_id(headers: dict[bytes, bytes]) -> str:
    given = headers.get(b"x-request-id", b"")
    return given.decode() if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)


def _host_name(host: bytes) -> bytes:
    """The name without the port."""
    if host.startswith(b"["):
        return host.partition(b"]")[0].lower() + b"]"
    return host.partition(b":")[0].lower()
