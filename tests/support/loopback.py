"""Run a made server on the loopback interface for as long as a test needs it."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def running(server: socketserver.BaseServer, released: threading.Event) -> Iterator[None]:
    """Serve in a thread; at the end `released` lets go whoever still waits in a handler, and nothing is left."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        released.set()
        server.shutdown()
        server.server_close()
        thread.join()
