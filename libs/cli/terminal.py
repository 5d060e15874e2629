"""How the command speaks: text for people on a terminal, JSON for programs, one line and an exit code for errors."""

import json
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from pydantic import BaseModel
from rich.console import Console

from libs.bus.errors import DeadlineExceeded, HandlerFailed, InvalidParams, Unavailable
from libs.domain.errors import ConfigurationError, HiddenGemError, InvalidInput

EXIT_FAILED = 1
EXIT_CONFIGURATION = 78
EXIT_INTERRUPTED = 130

_REFUSALS = {
    "desk.replay_running": "a replay is running, and one runs at a time; try again when it is over",
    "desk.no_analysts": "no analyst is alive; `hiddengem ps` shows what runs",
    "input.not_found": "there is no market data to work on; `hiddengem data import SOURCE` brings it in",
    "input.invalid": "the stored market data has nothing that fits this",
}
"""What the desk's codes mean to a person; its own texts do not leave it."""
_WIDTH_OF_A_FILE = 160

console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_A_FILE)
"""Where results go."""
chatter = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _WIDTH_OF_A_FILE)
"""Where progress goes when the result is JSON, and where errors go always."""


def leave(action: Callable[[], int]) -> NoReturn:
    """Run a verb and end the process with its exit code; a known failure is one line that says what to do."""
    try:
        code = action()
    except KeyboardInterrupt:
        chatter.print("interrupted")
        code = EXIT_INTERRUPTED
    except HiddenGemError as e:
        chatter.print(f"hiddengem: {sentence(e)}", style="red", markup=False, soft_wrap=True)
        code = EXIT_CONFIGURATION if isinstance(e, ConfigurationError | InvalidInput) else EXIT_FAILED
    except BrokenPipeError:
        code = EXIT_FAILED
    except OSError as e:
        where = f"{e.filename}: " if e.filename else ""
        chatter.print(f"hiddengem: {where}{e.strerror or e}", style="red", markup=False, soft_wrap=True)
        code = EXIT_FAILED
    _flush()
    sys.exit(code)


def sentence(error: HiddenGemError) -> str:
    """What a person reads of an error."""
    match error:
        case HandlerFailed(remote_code=code, detail=detail):
            known = _REFUSALS.get(code, f"{code}; the desk's log has the reason")
            return f"{detail['field']}: {known}" if "field" in detail else f"the desk refused: {known}"
        case InvalidParams(problems=problems):
            return f"the desk did not accept the request: {'; '.join(problems)}"
        case DeadlineExceeded():
            return "the desk did not answer in time; `hiddengem ps` shows what runs"
        case Unavailable():
            return "Redis does not answer; is the desk running? `hiddengem ps` shows it, `hiddengem up` starts it"
        case _:
            return str(error).replace("\n", " ")


def print_json(value: object) -> None:
    """Pure JSON on standard output."""
    plain = value.model_dump_json() if isinstance(value, BaseModel) else json.dumps(value, ensure_ascii=False)
    sys.stdout.write(plain + "\n")


def _flush() -> None:
    """A reader that has gone away (`| head`) must not turn a success into a traceback at exit."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
