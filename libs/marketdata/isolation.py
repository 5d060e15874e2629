"""Calls into a vendor's library, each in a worker process that is killed at its deadline.

AkShare has no deadlines, runs JavaScript and, for some answers, Python's `eval` on what a web server sent. So no call
of it ever happens in the process of a job: a worker of its own, with a clean environment, a bound on its memory, no way
to write a file and nothing to print to, does one call at a time. Requests and answers are lines of JSON: what comes out
of a worker is read as data and never as code.
"""

import json
import math
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl

from libs.marketdata.source import (
    SchemaDrift,
    SourceBanned,
    SourceError,
    SourceLimited,
    SourceRefused,
    SourceTimeout,
)

START_SECONDS = 60.0
"""How long a worker may take to load its library."""
MEMORY_BYTES = 1 << 30
_LARGEST_ANSWER = 256 << 20
_CHUNK = 1 << 20
_OTHER_WORDS = "the worker speaks in another way"

_PASSED_ON = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
"""All that a worker sees of the job's environment: how to reach the network, and no secret of the desk."""

ERRORS: Mapping[str, type[SourceError]] = MappingProxyType(
    {kind.__name__: kind for kind in (SchemaDrift, SourceBanned, SourceError, SourceRefused, SourceTimeout)}
)
"""The errors a worker can answer with, besides `SourceLimited`."""


@dataclass(frozen=True, slots=True)
class WorkerRules:
    """What a worker is and how much it may take."""

    module: str
    """Run with `python -m`; it speaks the protocol of this module."""
    memory_bytes: int = MEMORY_BYTES
    start_seconds: float = START_SECONDS


class IsolatedWorker:
    """One worker, started with its first call and again after each one that had to be killed. One call at a time."""

    def __init__(self, rules: WorkerRules, *, redirect: str | None = None) -> None:
        """`redirect`: the base URL of a stub that answers for every host."""
        self._rules = rules
        self._redirect = redirect
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The process id of the worker, if there is one."""
        return self._process.pid if self._process else None

    def call(self, function: str, params: Mapping[str, str], *, seconds: float) -> pl.DataFrame:
        """The table a function of the library gives.

        Raises `SourceTimeout` where it took longer than `seconds`, `SourceError` where the worker died on it, and what
        the worker said went wrong otherwise. After the first two there is a new worker for the next call.
        """
        with self._turn:
            process = self._running()
            request = {
                "function": function,
                "params": dict(params),
                "seconds": seconds,
                "redirect": self._redirect,
            }
            try:
                answer = self._exchange(process, request, time.monotonic() + seconds)
            except BaseException:
                self._kill()
                raise
        return _table(answer)

    def close(self) -> None:
        """End the worker; a further call starts another one."""
        with self._turn:
            self._kill()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._kill()
        process = self._process = _start(self._rules)
        try:
            _read(process, time.monotonic() + self._rules.start_seconds)
        except SourceError as e:
            self._kill()
            raise SourceError(f"the worker did not start within {self._rules.start_seconds:g} s") from e
        return process

    @staticmethod
    def _exchange(process: subprocess.Popen[bytes], request: Mapping[str, Any], until: float) -> dict[str, Any]:
        pipe = process.stdin
        if pipe is None:
            raise SourceError("the worker has no ear")
        try:
            pipe.write(json.dumps(request).encode() + b"\n")
            pipe.flush()
        except OSError as e:
            raise SourceError("the worker died before it was asked") from e
        return _read(process, until, seconds=float(request["seconds"]))

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            # It leads a group of its own: what it may have started ends with it.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                _close_quietly(pipe)


def _close_quietly(pipe: Any) -> None:
    try:
        pipe.close()
    except OSError:
        return  # what was still to be written has no reader any more


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What of a job's environment a worker gets to see, and what it needs beyond that.

    The allocators of numerical libraries would reserve more than the worker may have, without using it.
    """
    passed = {name: environment[name] for name in _PASSED_ON if name in environment}
    return {
        **passed,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "HOME": "/nonexistent",
        "NETRC": os.devnull,
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "MIMALLOC_ARENA_RESERVE": "0",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


def _start(rules: WorkerRules) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-s", "-P", "-m", rules.module, str(rules.memory_bytes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=clean_environment(os.environ),
        close_fds=True,
        start_new_session=True,
    )


def _read(process: subprocess.Popen[bytes], until: float, *, seconds: float = 0.0) -> dict[str, Any]:
    """One line of the worker, whole, before `until` on the monotonic clock."""
    if process.stdout is None:
        raise SourceError("the worker has no mouth")
    found = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not found.endswith(b"\n"):
            if not selector.select(max(0.0, until - time.monotonic())):
                raise SourceTimeout(f"no answer within {seconds:g} s")
            chunk = os.read(process.stdout.fileno(), _CHUNK)
            if not chunk:
                raise SourceError(f"the worker died ({_end_of(process)})")
            found += chunk
            if len(found) > _LARGEST_ANSWER:
                raise SourceError("an answer too large to be one")
    try:
        said = json.loads(found)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise SourceError(_OTHER_WORDS)
    return said


def _end_of(process: subprocess.Popen[bytes]) -> str:
    try:
        status = process.wait(timeout=1.0)
    except subprocess.TimeoutExpired:
        return "its mouth is shut"
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def _table(answer: Mapping[str, Any]) -> pl.DataFrame:
    if "error" in answer:
        message = str(answer.get("message", ""))
        if answer["error"] == SourceLimited.__name__:
            seconds = answer.get("retry_after_seconds")
            told = float(seconds) if isinstance(seconds, int | float) and math.isfinite(seconds) else None
            raise SourceLimited(message, retry_after_seconds=told)
        raise ERRORS.get(str(answer["error"]), SourceError)(message)
    try:
        return pl.DataFrame([_column(name, values) for name, values in answer["columns"].items()])
    except (pl.exceptions.PolarsError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as e:
        raise SourceError(f"{_OTHER_WORDS} ({type(e).__name__})") from e


def _column(name: str, values: Sequence[Any]) -> pl.Series:
    """A column as numbers where it holds only numbers, as text otherwise; text for one without any value."""
    kinds = {type(value) for value in values if value is not None}
    if kinds and kinds <= {int, float}:
        return pl.Series(name, values, dtype=pl.Float64 if float in kinds else pl.Int64, strict=False)
    return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)
