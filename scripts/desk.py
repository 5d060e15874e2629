"""The verbs of the project: `python3 scripts/desk.py VERB [NAME=VALUE ...]`; `make VERB` is a thin front of this.

Standard library only, because on a fresh machine nothing else is there yet.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

VARIABLES = {
    "SOURCE": "HIDDENGEM_SOURCE",
    "FROM": "HIDDENGEM_FROM",
    "TO": "HIDDENGEM_TO",
    "PORT": "HIDDENGEM_PORT",
    "ONLY": "ONLY",
}
HELP = """HiddenGem: what can be done here (`make VERB` and `python3 scripts/desk.py VERB` are the same)

  run     set up if needed, then start the whole desk on this machine; Ctrl-C stops it
            SOURCE=tushare|akshare|file:PATH|sim   where the market comes from
            FROM=2024-09-02 TO=2024-10-31          sessions to replay
            PORT=8000                              where the API listens
  test    every test but the end-to-end ones, against a real PostgreSQL and Redis (ONLY=PATH: some)
  check   format, lint, types, imports, and the tests that need no server
  bench   every benchmark, with its goals (ONLY=bus: one)
  e2e     the whole desk from outside: Docker, Postman collection, browser
  up      the desk as containers (docker compose), and wait until it is healthy
  down    stop the containers
  setup   only set up: .venv from requirements.lock, every package in it verified
  help    this page
"""


def main(arguments: list[str]) -> int:
    """Run one verb."""
    _need_python_311()
    from scripts.environment import SetupFailed  # noqa: PLC0415 - not before the version is known to be right

    verb, *rest = arguments or ["help"]
    action = VERBS.get(verb)
    if action is None:
        print(f"desk: no verb {verb!r}; one of: {' '.join(VERBS)}", file=sys.stderr)
        return 2
    try:
        return action(_take_variables(rest))
    except SetupFailed as e:
        print(f"desk: {e}", file=sys.stderr)
        return 1
    except OSError as e:
        print(f"desk: {e.filename or ''} {e.strerror}: free space and permissions of {ROOT}?", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("desk: interrupted; the same command goes on where it stopped", file=sys.stderr)
        return 130


def _help(_: list[str]) -> int:
    print(HELP, end="")
    return 0


def _setup(_: list[str]) -> int:
    _ready("full", verify=True)
    return 0


def _run(arguments: list[str]) -> int:
    _ready("run")
    os.execv(_python(), [_python(), "-m", "libs.cli.main", "up", *arguments])  # noqa: S606 - no shell wanted


def _test(arguments: list[str]) -> int:
    _ready("full")
    chosen = os.environ.get("ONLY", "tests").split()
    return _call(_python(), "-m", "pytest", "--ignore=tests/e2e", *chosen, *arguments)


def _check(arguments: list[str]) -> int:
    """The static checks run beside the tests; what they have to say is shown at the end."""
    _ready("full")
    started = time.monotonic()
    tools = {
        "format": ["ruff", "format", "--check", "."],
        "lint": ["ruff", "check", "."],
        "imports": ["lint-imports"],
        "types": ["mypy"],
    }
    running = {
        name: subprocess.Popen(
            [str(ROOT / ".venv" / "bin" / tool), *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name, (tool, *options) in tools.items()
    }
    folders = [name for name in ("unit", "contract", "architecture") if (ROOT / "tests" / name).is_dir()]
    workers = ["-n", str(min(8, max(2, os.cpu_count() or 2)))]
    tests = _call(_python(), "-m", "pytest", "-q", *workers, *(f"tests/{name}" for name in folders), *arguments)
    outcomes = {name: _outcome(name, process) for name, process in running.items()} | {"tests": tests == 0}
    print(" · ".join(f"{name} {'ok' if ok else 'FAILED'}" for name, ok in outcomes.items()), end="")
    print(f" · {time.monotonic() - started:.0f} s", flush=True)
    return 0 if all(outcomes.values()) else 1


def _outcome(name: str, process: subprocess.Popen[str]) -> bool:
    output, _ = process.communicate()
    if process.returncode != 0:
        print(f"--- {name}\n{output.rstrip()}", flush=True)
    return process.returncode == 0


def _bench(arguments: list[str]) -> int:
    _ready("full")
    only = os.environ.get("ONLY")
    scripts = [path for path in sorted((ROOT / "benchmarks").glob("*.py")) if path.stem != "__init__"]
    chosen = [path for path in scripts if only is None or path.stem == only]
    if not chosen:
        print(f"desk: no benchmark {only!r}; one of: {' '.join(path.stem for path in scripts)}", file=sys.stderr)
        return 2
    goals: list[str] = []
    crashed = [path.name for path in chosen if not _measure(path, arguments, goals)]
    print("\n".join(["", *goals, *(f"CRASHED {name}" for name in crashed)]))
    return 1 if crashed else 0


def _measure(script: Path, arguments: list[str], goals: list[str]) -> bool:
    print(f"--- {script.name}", flush=True)
    module = f"benchmarks.{script.stem}"
    with subprocess.Popen(
        [_python(), "-u", "-m", module, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            if line.startswith("GOAL "):
                goals.append(line.rstrip())
    return process.returncode == 0


def _e2e(arguments: list[str]) -> int:
    _ready("full")
    return _call(_python(), "-m", "pytest", "tests/e2e", *arguments)


def _up(arguments: list[str]) -> int:
    return _compose("up", "-d", "--build", "--wait", *arguments)


def _down(arguments: list[str]) -> int:
    return _compose("down", *arguments)


def _compose(*arguments: str) -> int:
    if shutil.which("docker") is None:
        print("desk: docker is not installed; `make run` starts the desk without it", file=sys.stderr)
        return 1
    return _call("docker", "compose", *arguments)


def _ready(stage: str, *, verify: bool = False) -> None:
    from scripts.environment import ensure  # noqa: PLC0415 - needs Python 3.11

    ensure(stage, verify=verify)
    os.chdir(ROOT)


def _call(*command: str) -> int:
    try:
        return subprocess.run(command, cwd=ROOT, check=False).returncode
    except KeyboardInterrupt:
        return 130


def _python() -> str:
    return str(ROOT / ".venv" / "bin" / "python")


def _take_variables(arguments: list[str]) -> list[str]:
    """NAME=VALUE goes into the environment under its full name; a relative path is meant from where we are now."""
    rest = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if equals and name in VARIABLES:
            os.environ[VARIABLES[name]] = value
        else:
            rest.append(argument)
    source = os.environ.get("HIDDENGEM_SOURCE", "")
    if source.startswith("file:"):
        os.environ["HIDDENGEM_SOURCE"] = "file:" + os.path.abspath(source[5:])  # noqa: PTH100 - `..` must go
    return rest


def _need_python_311() -> None:
    """Go on with a Python 3.11 from the PATH when this one is another; say so when there is none."""
    found = sys.version_info[:2]
    if found == (3, 11):
        return
    other = shutil.which("python3.11")
    if other and subprocess.call([other, "-c", ""], stderr=subprocess.DEVNULL) == 0:
        os.execv(other, [other, __file__, *sys.argv[1:]])  # noqa: S606 - no shell wanted
    print(f"desk: HiddenGem needs Python 3.11 and this is {found[0]}.{found[1]}: install python3.11", file=sys.stderr)
    sys.exit(1)


VERBS = {
    "help": _help,
    "setup": _setup,
    "run": _run,
    "test": _test,
    "check": _check,
    "bench": _bench,
    "e2e": _e2e,
    "up": _up,
    "down": _down,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
