"""The process in which AkShare runs (see `isolation`): one call at a time, from stdin to stdout, lines of JSON.

Started as `python -m libs.marketdata.akshare_worker BYTES`. It takes functions of the allow-list only, with text for
parameters, bounds its own memory, writes no file, and is ended by the kernel shortly after the deadline of a call even
if the job that asked is gone.
"""

import json
import math
import os
import resource
import signal
import sys
import warnings
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import akshare
import requests

from libs.marketdata.akshare_functions import FUNCTIONS, Function, Page
from libs.marketdata.akshare_http import Delivery, NoRows, judged_requests
from libs.marketdata.source import (
    SchemaDrift,
    SourceBanned,
    SourceError,
    SourceLimited,
    SourceRefused,
    SourceTimeout,
)

if TYPE_CHECKING:
    import pandas as pd

_GRACE_SECONDS = 1
_LONGEST_MESSAGE = 300


def main() -> None:
    """Answer until nobody asks any more."""
    limit(int(sys.argv[1]))
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    _silence()
    warnings.simplefilter("ignore")
    for name in FUNCTIONS:
        getattr(akshare, name)  # loads its module now rather than within the deadline of a call
    _say(answers, {"ready": True})
    for line in questions:
        said = answer(json.loads(line))
        signal.alarm(0)
        _say(answers, said)


def limit(memory_bytes: int) -> None:
    """Bounds that the process cannot lift again: memory that holds data, core files, files at all.

    Not the address space: V8 reserves gigabytes of it without using them.
    """
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _silence() -> None:
    """Whatever the library prints goes nowhere, and nothing can be typed into it."""
    with open(os.devnull, "r+b") as nowhere:  # noqa: PTH123 - a descriptor is wanted
        for descriptor in (0, 1, 2):
            os.dup2(nowhere.fileno(), descriptor)


def _say(answers: Any, said: Mapping[str, Any]) -> None:
    answers.write(json.dumps(said).encode() + b"\n")
    answers.flush()


def answer(question: Mapping[str, Any]) -> dict[str, Any]:
    """The table that was asked for, or the error it ended with."""
    try:
        function = _allowed(question)
        seconds = float(question["seconds"])
        # The job kills at the deadline; this is for the case that there is no job any more.
        signal.alarm(math.ceil(seconds) + _GRACE_SECONDS)
        with judged_requests(seconds=seconds, redirect=question.get("redirect"), page=function.page) as delivery:
            return _called(function, question["params"], delivery)
    except NoRows:
        return {"columns": {}}
    except SourceLimited as e:
        return {"error": "SourceLimited", "message": str(e), "retry_after_seconds": e.retry_after_seconds}
    except SourceError as e:
        return {"error": type(e).__name__, "message": str(e)[:_LONGEST_MESSAGE]}


def _allowed(question: Mapping[str, Any]) -> Function:
    function = FUNCTIONS.get(str(question.get("function")))
    if function is None:
        raise SourceRefused("not a function that the desk uses")
    params = question.get("params", {})
    if not set(params) <= set(function.params) or not all(isinstance(value, str) for value in params.values()):
        raise SourceRefused("not parameters that the desk uses")
    return function


def _called(function: Function, params: Mapping[str, str], delivery: Delivery) -> dict[str, Any]:
    run = getattr(akshare, function.name)
    forget = getattr(run, "cache_clear", None)
    if forget is not None:
        forget()  # the library keeps lists for as long as its process lives; the gate's cache knows when they age
    try:
        table: pd.DataFrame = run(**params)
    except (NoRows, SourceError):
        raise
    except MemoryError as e:
        raise SourceError("more than the memory it is allowed") from e
    except Exception as e:
        # A process boundary: a library of a thousand functions raises anything.
        if function.page is Page.HTML and delivery.challenged():
            raise SourceBanned("a page that wants a captcha solved instead of data") from e
        raise _understood(e) from e
    delivery.require_complete()
    return {"columns": {str(name): [_plain(value) for value in table[name].tolist()] for name in table.columns}}


def _understood(error: Exception) -> SourceError:
    said = f"{type(error).__name__}: {str(error)[:200]}"
    if isinstance(error, json.JSONDecodeError) or "JSON" in type(error).__name__ or "JSON" in said:
        return SourceError(f"half of the JSON, or none ({said})")
    if isinstance(error, requests.Timeout):
        return SourceTimeout(said)
    if isinstance(error, KeyError) and "slicing" not in said:
        return SchemaDrift(f"a column is gone or renamed ({said})")
    if isinstance(error, ValueError) and "Length mismatch" in said:
        return SchemaDrift(f"another number of columns ({said})")
    return SourceError(f"an answer of another shape ({said})")


def _plain(value: Any) -> str | float | int | None:
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if value != value:  # noqa: PLR0124 - not a time, and pandas' own kind of missing, do not equal themselves
        return None
    return value.isoformat() if isinstance(value, date) else str(value)


if __name__ == "__main__":
    main()
