"""The one factory of connections to Redis.

Two kinds, since redis-py's defaults are wrong for both: it retries ten times, which turned one lost reply into two
entries, and its socket timeout of 5 s cuts blocking reads. The *producer* kind never retries. The *consumer* kind waits
longer than it blocks. The hot paths use `Link`, which never retries either.
"""

import ssl
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.connection import SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from libs.bus.redis.link import Address, Line

PRODUCER_SECONDS = 5.0
BLOCK_SECONDS = 5.0
SLACK_SECONDS = 5.0


class Clients:
    """Makes connections to one Redis for one instance."""

    def __init__(self, url: str, instance: str) -> None:
        self._url = url
        self._instance = instance
        self._address = _address(url)

    def producer(self) -> "Redis":
        """redis-py for the slow path: registry, claims, trimming. One try; clean RESP3 shapes."""
        client: Redis = Redis.from_url(
            self._url,
            retry=Retry(NoBackoff(), 0),
            legacy_responses=False,
            socket_timeout=PRODUCER_SECONDS,
            socket_connect_timeout=PRODUCER_SECONDS,
            client_name=f"{self._instance}.control",
        )
        return client

    def writer(self) -> Line:
        """For writes that expect their reply at once."""
        return Line(self._address, name=f"{self._instance}.write", patience=PRODUCER_SECONDS, eager=False)

    def consumer(self, purpose: str) -> Line:
        """For reads that block up to `BLOCK_SECONDS`."""
        patience = BLOCK_SECONDS + SLACK_SECONDS
        return Line(self._address, name=f"{self._instance}.{purpose}", patience=patience, eager=True)


def _address(url: str) -> Address:
    found = parse_url(url)
    tls: ssl.SSLContext | None = None
    if found.get("connection_class") is SSLConnection:
        options: dict[str, Any] = {key: value for key, value in found.items() if key.startswith("ssl_")}
        tls = SSLConnection(**options).ssl_context.get()
    return Address(
        host=found.get("host", "localhost"),
        port=found.get("port", 6379),
        path=found.get("path"),
        db=int(found.get("db", 0)),
        username=found.get("username"),
        password=found.get("password"),
        tls=tls,
    )
