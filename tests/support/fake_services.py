"""Services of a few lines in a folder of their own, for tests of the supervisor."""

from pathlib import Path

STEADY = """
import signal, sys, threading
def main() -> int:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    print("ready", flush=True)
    stop.wait()
    return 0
"""
DEAF = """
import signal, threading
def main() -> int:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("ready", flush=True)
    threading.Event().wait()
    return 0
"""
BROKEN = """
def main() -> int:
    raise ValueError("no such table")
"""
MISCONFIGURED = """
import sys
def main() -> int:
    print("HIDDENGEM_WATCHLIST: not a symbol", file=sys.stderr)
    return 78
"""
PARENT = """
import subprocess, threading
def main() -> int:
    child = subprocess.Popen(["sleep", "1000"])
    print(f"child {child.pid}", flush=True)
    threading.Event().wait()
    return 0
"""
TELLING = """
import os, threading
def main() -> int:
    print(os.environ["HIDDENGEM_INSTANCE"], os.environ.get("FOREIGN"), os.getsid(0) == os.getpid(), flush=True)
    print('{"level": "error", "message": "the venue does not answer"}', flush=True)
    threading.Event().wait()
    return 0
"""


def write_services(folder: Path, **sources: str) -> Path:
    """Packages that the supervisor can run as `services.<name>`."""
    for name, source in sources.items():
        package = folder / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text('"""A service for tests."""\n', encoding="utf-8")
        (package / "__main__.py").write_text(source, encoding="utf-8")
    return folder
