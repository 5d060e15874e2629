"""The port every service opens for its operators: `/metrics`, `/health/live`, `/health/ready` and routes it adds.

It runs in a thread of its own and never touches the event loop, so a busy service still answers.
"""

import json
import logging
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from libs.telemetry.metrics import Metrics, Probe

log = logging.getLogger(__name__)
Route = Callable[[], bytes]
_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_JSON = "application/json"


class OperatorPort:
    """A small HTTP server; `port` 0 lets the system choose."""

    def __init__(self, metrics: Metrics, ready: Probe, *, host: str, port: int) -> None:
        self._ready = ready
        self._routes: dict[str, tuple[str, Route]] = {
            "/metrics": (_TEXT, metrics.render),
            "/health/live": (_JSON, lambda: b'{"status":"live"}'),
        }
        self._server = ThreadingHTTPServer((host, port), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, name="operator-port", daemon=True)

    def route(self, path: str, answer: Route) -> None:
        """Serve JSON bytes at one more path."""
        self._routes[path] = (_JSON, answer)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        if self._thread.ident is not None:
            self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body for a path."""
        if path == "/health/ready":
            missing = self._ready()
            body = {"status": "ready"} if missing is None else {"status": "starting", "missing": missing}
            return (200 if missing is None else 503), _JSON, json.dumps(body).encode()
        if path not in self._routes:
            return 404, _JSON, b'{"status":"not found"}'
        content_type, render = self._routes[path]
        return 200, content_type, render()

    def _answered(self, path: str) -> tuple[int, str, bytes]:
        try:
            return self.answer(path)
        except Exception:
            log.exception("operator port failed", extra={"path": path})
            return 500, _JSON, b'{"status":"internal error"}'

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        port = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 5

            def do_GET(self) -> None:
                status, content_type, body = port._answered(self.path.partition("?")[0])
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Scrapes are not news."""

        return Handler
