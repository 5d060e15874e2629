"""Two pages that are asked for all the time, beside FastAPI returning the same content as a dict.

    python -m benchmarks.rest [--data PATH] [--requests 4000]

It starts the desk as `make run` does, with authentication on, and a plain FastAPI application without any, which
returns the very same JSON as a dict. Both are asked over eight connections that stay open, in turns. What gates is
processor time per request of the answering process, the median of five turns.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.support.desk import BenchDesk, DeskFailed, bench_desk
from benchmarks.support.goals import goal
from benchmarks.support.processes import family
from benchmarks.support.source import add_arguments, source_of

PAGES = {"agents_status": "/api/v1/agents/status", "portfolio_summary": "/api/v1/portfolio/summary"}
_TURNS = 5
_CONNECTIONS = 8
_PEER = """
import json, sys, uvicorn
from fastapi import FastAPI
app, bodies = FastAPI(), json.load(open(sys.argv[1]))
def add(path, body):
    @app.get(path)
    async def page(): return body
for path, body in bodies.items():
    add(path, body)
uvicorn.run(app, port=int(sys.argv[2]), log_level="warning", access_log=False)
"""


@dataclass(frozen=True, slots=True)
class Side:
    """Somebody who answers: where, and which process."""

    name: str
    port: int
    pid: int
    key: str = ""

    def request(self, path: str) -> bytes:
        """One request as bytes."""
        return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.key}\r\n\r\n".encode()

    def cpu_seconds(self) -> float:
        """Processor time so far."""
        return next(process.cpu_seconds for process in family(self.pid) if process.pid == self.pid)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_arguments(parser)
    parser.add_argument("--requests", type=int, default=4000, help="per turn and side (default: 4000)")
    chosen = parser.parse_args()
    print(f"Python {platform.python_version()} · FastAPI {version('fastapi')} · uvicorn {version('uvicorn')}")
    source = source_of(chosen)
    with bench_desk(source) as desk, desk.running("--no-run"):
        desk.until_ready(seconds=120)
        # A desk that has worked: pages with something on them.
        desk.command("data", "import", source, timeout=600)
        desk.command("replay", timeout=600)
        key = str(desk.command("apikey", "create", "bench-rest", "--role", "viewer")["key"])
        ours = Side("hiddengem", desk.port, _gateway(desk), key)
        with _peer(ours) as peer:
            goals = [_compare(name, path, ours, peer, chosen.requests) for name, path in PAGES.items()]
    print("\n".join(goals))


def _compare(name: str, path: str, ours: Side, peer: Side, requests: int) -> str:
    spent: dict[str, list[float]] = {ours.name: [], peer.name: []}
    for side in (peer, ours):
        asyncio.run(_ask(side, path, requests // 10))
    for _ in range(_TURNS):
        for side in (peer, ours):
            before, started = side.cpu_seconds(), time.monotonic()
            asyncio.run(_ask(side, path, requests))
            cpu, seconds = side.cpu_seconds() - before, time.monotonic() - started
            spent[side.name].append(cpu / requests)
            print(f"{name:18} {side.name:10} {requests / seconds:8.0f} requests/s {1e6 * cpu / requests:7.0f} us CPU")
    ratio = statistics.median(spent[peer.name]) / statistics.median(spent[ours.name])
    return goal(f"rest.{name}_times_fastapi_dict", ratio, ">=", 2)


async def _ask(side: Side, path: str, requests: int) -> None:
    request = side.request(path)
    async with asyncio.TaskGroup() as group:
        for _ in range(_CONNECTIONS):
            group.create_task(_connection(side.port, request, requests // _CONNECTIONS))


async def _connection(port: int, request: bytes, requests: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(requests):
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise DeskFailed(head.decode(errors="replace"))
        length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
    writer.close()


def _gateway(desk: BenchDesk) -> int:
    return int(next(row["pid"] for row in desk.command("ps") if row["name"] == "api_gateway"))


@contextmanager
def _peer(ours: Side) -> Iterator[Side]:
    """FastAPI with the same content, taken from the desk itself."""
    bodies = {path: json.loads(asyncio.run(_body(ours, path))) for path in PAGES.values()}
    port = ours.port + 1 if ours.port < 65535 else ours.port - 1
    with tempfile.TemporaryDirectory() as folder:
        content = Path(folder) / "bodies.json"
        content.write_text(json.dumps(bodies), encoding="utf-8")
        process = subprocess.Popen([sys.executable, "-c", _PEER, str(content), str(port)], cwd=folder, env=os.environ)
        try:
            peer = Side("fastapi", port, process.pid)
            _until_listening(port)
            yield peer
        finally:
            process.kill()
            process.wait()


async def _body(side: Side, path: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", side.port)
    writer.write(side.request(path).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    whole = await reader.read()
    writer.close()
    return whole.partition(b"\r\n\r\n")[2]


def _until_listening(port: int) -> None:
    give_up = time.monotonic() + 30
    while True:
        try:
            asyncio.run(_touch(port))
        except OSError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.1)
        else:
            return


async def _touch(port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()


if __name__ == "__main__":
    main()
