"""`hiddengem ps` and `hiddengem down`: the processes of the desk on this machine."""

import os
from dataclasses import asdict

from libs.cli.tables import processes_table
from libs.cli.terminal import chatter, console, print_json
from libs.runtime.proctable import read_table, stop_running
from libs.runtime.state import StateDirectory, state_path


def ps(*, as_json: bool) -> int:
    """Show what runs; 1 when nothing does."""
    state = StateDirectory(state_path(os.environ))
    rows = read_table(state)
    if as_json:
        print_json([asdict(row) for row in rows])
    elif rows:
        console.print(processes_table(rows))
    else:
        chatter.print(f"no desk runs in {state.path}")
    return 0 if rows else 1


def down() -> int:
    """Stop the desk and wait until it is gone."""
    state = StateDirectory(state_path(os.environ))
    chatter.print("the desk has stopped" if stop_running(state) else f"no desk runs in {state.path}")
    return 0
