"""Say by exit code whether the service of this container is ready: what its health check runs every few seconds.

Standard library only, and little of it: this starts far more often than anything else in the container.
"""

import os
import socket
import sys

_TIMEOUT_SECONDS = 2.0


def is_ready(port: int, *, path: str = "/health/ready", host: str = "127.0.0.1") -> bool:
    """True when the service answers 200; a refusal, silence and any other status are all "not ready"."""
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection((host, port), timeout=_TIMEOUT_SECONDS) as connection:
            connection.sendall(request.encode("ascii"))
            answer = b""
            while b"\r\n" not in answer and (chunk := connection.recv(512)):
                answer += chunk
    except OSError:
        return False
    status = answer.split(b"\r\n", 1)[0].split(b" ")
    return len(status) >= 2 and status[1] == b"200"


def main() -> int:
    """Ask the port of HIDDENGEM_METRICS_PORT, or the one given as the only argument."""
    port = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("HIDDENGEM_METRICS_PORT", "9100")
    return 0 if is_ready(int(port)) else 1


if __name__ == "__main__":
    sys.exit(main())
