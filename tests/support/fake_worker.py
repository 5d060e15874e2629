"""A worker that speaks the protocol of `libs.marketdata.isolation` and does what its questions ask for."""

import json
import os
import signal
import subprocess
import sys
import threading
from typing import Any


def main() -> None:
    """Answer line by line; a function's name says how to behave."""
    say({"ready": True})
    for line in sys.stdin:
        say(behave(json.loads(line)))


def say(said: dict[str, Any]) -> None:
    """One line."""
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def behave(question: dict[str, Any]) -> dict[str, Any]:
    """What is said, if anything ever is."""
    match question["function"]:
        case "hang":
            threading.Event().wait()
        case "trickle":
            sys.stdout.write('{"columns": {')
            sys.stdout.flush()
            threading.Event().wait()
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "leave":
            sys.exit(3)
        case "babble":
            sys.stdout.write(question["params"]["words"] + "\n")
            sys.stdout.flush()
            threading.Event().wait()
        case "breed":
            child = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
            return {"columns": {"child": [child.pid]}}
        case "environment":
            return {"columns": {"name": list(os.environ), "pid": [os.getpid()] * len(os.environ)}}
        case "fail":
            return {"error": question["params"]["error"], "message": "said so", "retry_after_seconds": 7}
        case "mixed":
            return {
                "columns": {"日期": ["2024-09-02", None], "n": [1, 2], "x": [1, None], "y": [1, 2.5], "z": [None, None]}
            }
    return {"columns": {"pid": [os.getpid()], **{name: [value] for name, value in question["params"].items()}}}


if __name__ == "__main__":
    main()
