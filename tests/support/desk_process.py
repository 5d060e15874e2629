"""A desk of fake services in a process of its own: `python -m tests.support.desk_process STATE SERVICES`.

It says one line of JSON on standard output once everything runs, and ends on SIGTERM or SIGINT as `hiddengem up`
does. What is wrong goes to standard error in one line, with exit code 78.
"""

import contextlib
import json
import sys
from pathlib import Path

from libs.domain.errors import HiddenGemError
from libs.runtime.discovery import discover
from libs.runtime.forkclient import ServiceSpec
from libs.runtime.proctable import read_table, signals_as_interrupt
from libs.runtime.servers import LocalServers
from libs.runtime.state import StateDirectory
from libs.runtime.supervisor import Supervisor


def main(folder: str, services: str) -> int:
    """Run until told to stop."""
    try:
        with signals_as_interrupt(), contextlib.suppress(KeyboardInterrupt):
            _run(StateDirectory(Path(folder)), Path(services))
    except HiddenGemError as e:
        _say(str(e))
        return 78
    return 0


def _run(state: StateDirectory, services: Path) -> None:
    state.prepare()
    with state.hold(), contextlib.ExitStack() as running:
        servers = LocalServers()
        running.callback(servers.stop)
        urls = servers.start(state)
        specs = [
            ServiceSpec(name, f"services.{name}.__main__", {"HIDDENGEM_REDIS_URL": urls.redis}, str(services))
            for name in discover(root=services)
        ]
        supervisor = running.enter_context(Supervisor(state, specs, servers=servers, say=_say))
        while not supervisor.wait(0.05):
            table = read_table(state)
            if all(row.pid for row in table):
                facts = {"database": urls.database, **{row.name: row.pid for row in table}}
                sys.stdout.write(f"{json.dumps(facts)}\n")
                sys.stdout.flush()
                break
        supervisor.wait()


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
