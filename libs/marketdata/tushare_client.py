"""The wire to Tushare Pro: one POST, over TLS, within a hard deadline, of a bounded size.

The vendor's own library sends the token over plain http, turns an HTTP 500 into an empty table and drops `has_more`;
this client does none of it. The token goes to the one host it was made for, never over an unencrypted connection to
another machine (unless the operator names that host), never after a redirect, and into no message.
"""

import asyncio
import json
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx2
import polars as pl

from libs.domain.errors import ConfigurationError
from libs.marketdata.source import SourceBanned, SourceError, SourceTimeout
from libs.marketdata.tushare_answers import Asked, Reply, table_of

URL = "https://api.tushare.pro"
MAX_BYTES = 64 * 1024 * 1024
_DROPS_OF_A_BAN = 3


class TushareClient:
    """Calls one account's API, one call at a time.

    `url` is the endpoint (a proxy of the operator's, a stub); `clear_text_host` names the one host other than this
    machine that may be spoken to without TLS. Raises `ConfigurationError` for a token that would travel in clear text.
    """

    def __init__(
        self,
        token: str,
        *,
        call_seconds: float,
        now: datetime,
        url: str | None = None,
        clear_text_host: str | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._max_bytes = max_bytes
        self.url = url or URL
        self.host = _safe_host(self.url, clear_text_host)
        if not token.strip():
            raise ConfigurationError("the Tushare token is empty")
        self.token, self.call_seconds, self.now = token, call_seconds, now
        self._runner = asyncio.Runner()
        self._http: httpx2.AsyncClient | None = None
        self._one_at_a_time = threading.Lock()
        self._drops = 0

    def query(self, api: str, params: Mapping[str, str], fields: Sequence[str]) -> pl.DataFrame:
        """One page of one endpoint under the vendor's names, with `has_more`; raises a `SourceError`."""
        body = {"api_name": api, "token": self.token, "params": dict(params), "fields": ",".join(fields)}
        return table_of(self.post(self.url, body, api), Asked(api, self.token, self.now))

    def post(self, url: str, body: Mapping[str, object], api: str) -> Reply:
        """Send one JSON body; the reply whatever its status, or a `SourceError` that names the endpoint."""
        if urlsplit(url).netloc != urlsplit(self.url).netloc:
            raise ConfigurationError("the Tushare token belongs to one host alone")
        doing = f"tushare {api}"
        with self._one_at_a_time:
            try:
                reply = self._runner.run(self._exchange(url, json.dumps(body).encode(), doing))
            except TimeoutError:
                raise SourceTimeout(f"{doing}: no answer within {self.call_seconds:g} s") from None
            except httpx2.RemoteProtocolError as e:
                raise self._dropped(doing, e) from None
            except httpx2.HTTPError as e:
                raise SourceError(f"{doing}: {type(e).__name__}") from None
            self._drops = 0
            return reply

    def close(self) -> None:
        """Give the connections back."""
        with self._one_at_a_time:
            if self._http is not None:
                self._runner.run(self._http.aclose())
                self._http = None
            self._runner.close()

    async def _exchange(self, url: str, content: bytes, doing: str) -> Reply:
        if self._http is None:
            self._http = httpx2.AsyncClient(timeout=None, follow_redirects=False, trust_env=not _is_here(self.host))
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        async with asyncio.timeout(self.call_seconds):
            async with self._http.stream("POST", url, content=content, headers=headers) as response:
                received = bytearray()
                async for piece in response.aiter_bytes():
                    received += piece
                    if len(received) > self._max_bytes:
                        raise SourceError(f"{doing}: an answer of more than {self._max_bytes} bytes")
                return Reply(response.status_code, response.headers.get("retry-after"), bytes(received))

    def _dropped(self, doing: str, error: Exception) -> SourceError:
        """A connection closed without an answer; again and again, it is a ban."""
        self._drops += 1
        kind = SourceBanned if self._drops >= _DROPS_OF_A_BAN else SourceError
        return kind(f"{doing}: the connection was closed without an answer ({type(error).__name__})")


def _safe_host(url: str, clear_text_host: str | None) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host or parts.username or parts.password:
        raise ConfigurationError("the Tushare URL must be an http(s) URL without user or password")
    if parts.scheme == "http" and not _is_here(host) and host != clear_text_host:
        raise ConfigurationError(f"the Tushare token would travel to {host} in clear text; use https or name that host")
    return host


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
