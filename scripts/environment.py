"""Build `.venv` from requirements.lock on a machine that has nothing but Python 3.11 and pip.

Every package is pinned and hash-checked. An interrupted set-up is resumed, a broken one is built again, and one that
is complete is recognised by its stamp within a fraction of a second. Standard library only.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from scripts import lock_subset

ROOT = lock_subset.ROOT
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
RUN_EXTRAS = ["analyst", "data", "edge", "local"]
_LOCK = ROOT / "requirements.lock"
_STAMP = VENV / "setup.json"
_LOG = VENV / "setup.log"
_SITE = VENV / "lib" / "python3.11" / "site-packages"
_NEEDED_BYTES = 1_500_000_000
# Three pure-Python packages exist as source only; all else must be a wheel, so no compiler is ever needed.
_WHEELS_ONLY = [
    "--only-binary",
    ":all:",
    "--no-binary",
    "jsonrpcserver",
    "--no-binary",
    "oslash",
    "--no-binary",
    "jsonpath",
]


class SetupFailed(Exception):
    """The set-up cannot go on; the text is one line that says what to do."""


def ensure(stage: str, *, verify: bool = False) -> None:
    """Make `.venv` hold what `stage` needs: `run` is what serves, `full` adds what tests and checks need."""
    if not verify and _is_ready(stage):
        return
    with _only_one_setup():
        if not verify and _is_ready(stage):
            return
        started = time.monotonic()
        _make_environment()
        _drop_half_installed()
        _install(stage, started)
        _write_command()
        _stamp(stage)
        _say(started, "ready")


def _fingerprint() -> str:
    return hashlib.sha256(_LOCK.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()


def _is_ready(stage: str) -> bool:
    try:
        stamp = json.loads(_STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    enough = stamp.get("stage") == "full" or stamp.get("stage") == stage
    return bool(enough and stamp.get("inputs") == _fingerprint() and _python_runs())


def _stamp(stage: str) -> None:
    partial = _STAMP.with_suffix(".partial")
    partial.write_text(json.dumps({"stage": stage, "inputs": _fingerprint()}), encoding="utf-8")
    partial.replace(_STAMP)


def _python_runs() -> bool:
    probe = "import sys; sys.exit(sys.version_info[:2] != (3, 11))"
    try:
        return subprocess.run([PYTHON, "-c", probe], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


@contextlib.contextmanager
def _only_one_setup() -> Iterator[None]:
    """`make run` and `make test` started side by side on a fresh clone take turns."""
    with _LOCK.open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another set-up runs in this folder; waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make_environment() -> None:
    if not os.access(VENV if VENV.exists() else ROOT, os.W_OK):
        raise SetupFailed(f"{ROOT} is not writable for this user: clone the project into a folder of your own")
    if _python_runs():
        return
    free = shutil.disk_usage(ROOT).free
    if free < _NEEDED_BYTES:
        raise SetupFailed(
            f"{ROOT} has {free // 1_000_000} MB free and the packages need {_NEEDED_BYTES // 1_000_000} MB: make room"
        )
    print(f"creating .venv with Python {sys.version.split()[0]}", flush=True)
    if VENV.exists():
        shutil.rmtree(VENV)
    # Debian without python3-venv has no ensurepip; then the pip of the system installs into the environment.
    bare = ["--without-pip"] if importlib.util.find_spec("ensurepip") is None else []
    made = subprocess.run(
        [sys.executable, "-m", "venv", *bare, VENV], check=False, capture_output=True, text=True, env=_environment()
    )
    if made.returncode != 0 and not bare:
        shutil.rmtree(VENV, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", VENV], check=True, env=_environment())


def _drop_half_installed() -> None:
    """A package whose files are not all there is forgotten, so that the installer puts it in again."""
    for record in _SITE.glob("*.dist-info"):
        if not _is_complete(record):
            shutil.rmtree(record)


def _is_complete(dist_info: Path) -> bool:
    try:
        rows = (dist_info / "RECORD").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    files = (row.rpartition(",")[0].rpartition(",")[0].strip('"') for row in rows)
    wanted = (file for file in files if not file.endswith(".pyc"))
    return (dist_info / "INSTALLER").is_file() and all((_SITE / file).exists() for file in wanted)


def _install(stage: str, started: float) -> None:
    everything = stage == "full"
    text = _LOCK.read_text("utf-8") if everything else lock_subset.subset(RUN_EXTRAS, also=[])
    wanted = VENV / "requirements.txt"
    wanted.write_text(text, encoding="utf-8")
    total = len(lock_subset.read_lock(wanted))
    options = ["--require-hashes", "--no-deps", *_WHEELS_ONLY, "-r", str(wanted)]
    if uv := shutil.which("uv"):
        _say(started, f"installing {total} packages with uv")
        command = [uv, "pip", "install", "--quiet", "--python", str(PYTHON), *options]
        if _run_installer(command, total, started) == 0:
            return
        _say(started, "uv failed; trying pip")
    _say(started, f"installing {total} packages with pip")
    if _run_installer([*_pip(), "install", "--no-compile", *options], total, started) != 0:
        raise SetupFailed(_what_went_wrong())


def _write_command() -> None:
    """`.venv/bin/hiddengem`, without installing the project: the import is the path on disk."""
    command = VENV / "bin" / "hiddengem"
    root, python = shlex.quote(str(ROOT)), shlex.quote(str(PYTHON))
    command.write_text(
        f'#!/bin/sh\nPYTHONPATH={root}${{PYTHONPATH:+:$PYTHONPATH}} exec {python} -P -m libs.cli.main "$@"\n',
        encoding="utf-8",
    )
    command.chmod(0o755)


def _pip() -> list[str]:
    if (_SITE / "pip" / "__main__.py").is_file():
        return [str(PYTHON), "-m", "pip"]
    if importlib.util.find_spec("pip") is None:
        raise SetupFailed("this Python has no pip: install it (Debian: python3-pip) and run the same command again")
    return [sys.executable, "-m", "pip", "--python", str(PYTHON)]


def _run_installer(command: list[str], total: int, started: float) -> int:
    """Run it with its output in the log, and tell how far it is by what it has fetched and put in place."""
    with _LOG.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=_environment(), cwd=ROOT)
    told = time.monotonic()
    try:
        while process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
            if time.monotonic() - told >= 5.0 and process.poll() is None:
                told = time.monotonic()
                fetched = _LOG.read_bytes().count(b"Collecting ")
                done = sum(1 for _ in _SITE.glob("*.dist-info"))
                news = f"{fetched} of {total} fetched, " if fetched else ""
                _say(started, f"{news}{min(done, total)} of {total} installed")
    except KeyboardInterrupt:
        process.wait()
        raise
    return process.returncode


def _what_went_wrong() -> str:
    lines = _LOG.read_text(encoding="utf-8", errors="replace").splitlines()
    if any("No space left" in line for line in lines):
        return (
            f"no room left on the disk of {VENV} or of the temporary folder: make room and run the same command again"
        )
    errors = [line for line in lines if "ERROR" in line or line.startswith("error")]
    reason = (errors or lines or ["no output"])[-1].strip()
    return f"set-up stopped: {reason} (all of it in {_LOG}); check the network and run the same command again"


def _environment() -> dict[str, str]:
    """What pip needs of the environment, without what would send packages elsewhere."""
    strange = {"PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "VIRTUAL_ENV"}
    kept = {name: value for name, value in os.environ.items() if name not in strange}
    certificates = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}
    quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    return {**certificates, **kept, **quiet, "PIP_PROGRESS_BAR": "off"}


def _say(started: float, text: str) -> None:
    print(f"[{time.monotonic() - started:3.0f} s] {text}", flush=True)
