"""uvicorn inside a service: the service owns the process, its signals and its end."""

import asyncio
import contextlib
import socket
from collections.abc import Generator

import uvicorn
from starlette.types import ASGIApp

from libs.domain.errors import ConfigurationError


class _QuietServer(uvicorn.Server):
    """Leaves the process's signals to the service it runs in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises `ConfigurationError` that says what to do when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio switches Nagle's delay off only where it is.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as e:
        listener.close()
        raise ConfigurationError(
            f"HIDDENGEM_PORT: cannot listen on {host}:{port} ({e.strerror}); stop what uses it or choose another port"
        ) from e
    listener.listen(2048)
    listener.setblocking(False)
    return listener


async def serve(app: ASGIApp, listener: socket.socket, *, drain_seconds: float) -> None:
    """Serve until cancelled, then finish what is in hand within `drain_seconds`."""
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        h11_max_incomplete_event_size=32 * 1024,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=max(1, int(drain_seconds)),
        limit_concurrency=1000,
    )
    server = _QuietServer(config)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
