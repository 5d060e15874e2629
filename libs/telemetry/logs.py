"""One JSON object a line on standard output: a constant sentence, then fields. Secrets never reach a line.

Logging must not block the order path: a bounded queue and a thread stand between; what does not fit is counted.
"""

import json
import logging
import queue
import re
import sys
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, TextIO

correlation: ContextVar[str | None] = ContextVar("correlation", default=None)
"""The round or request that the current task works for; it stands in every line."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_SECRET_FIELD = re.compile(r"password|secret|token|authorization|api_?key|dsn", re.IGNORECASE)
_SECRET_TEXT = re.compile(
    r"(?P<url>\w+://[^:/\s@]*:)[^\s\"]+(?=@)|(?P<key>hgk_[0-9A-Za-z]+_)[0-9A-Za-z_-]+|(?P<llm>\bsk-)[0-9A-Za-z_-]{8,}"
    r"|(?P<named>\b(?:password|passwd|secret|token|api_?key)=)[^\s\"&,;\\]+|(?P<bearer>\bBearer )[^\s\"\\]+",
    re.IGNORECASE,
)


class JsonFormatter(logging.Formatter):
    """Turns a record into one line of JSON."""

    def __init__(self, service: str, instance: str, *, synthetic: bool = False) -> None:
        super().__init__()
        self._origin: dict[str, Any] = {"service": service, "instance": instance}
        if synthetic:
            self._origin["synthetic"] = True

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            **self._origin,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (round_id := correlation.get()) is not None:
            line["correlation"] = round_id
        for name, value in record.__dict__.items():
            if name not in _STANDARD:
                line[name] = _shown(name, value)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return redact(json.dumps(line, ensure_ascii=False, default=str))


def redact(text: str) -> str:
    """The text without passwords in URLs, API keys and model keys."""
    return _SECRET_TEXT.sub(lambda m: f"{m[m.lastgroup or 0]}[redacted]", text)


def _shown(name: object, value: object) -> object:
    if _SECRET_FIELD.search(str(name)):
        return "[redacted]"
    return {str(k): _shown(k, v) for k, v in value.items()} if isinstance(value, Mapping) else value


class QueuedHandler(logging.Handler):
    """Writes lines from a thread of its own, so that a full pipe never stops the caller; drops are counted."""

    def __init__(self, stream: TextIO, formatter: logging.Formatter, capacity: int = 10_000) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.dropped = 0
        self._lines: queue.Queue[str | None] = queue.Queue(capacity)
        self._stream = stream
        self._writer = threading.Thread(target=self._write, name="log-writer", daemon=True)
        self._writer.start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._lines.put_nowait(self.format(record))
        except queue.Full:
            self.dropped += 1
        except Exception:  # noqa: BLE001 a line that cannot be formatted is no reason for its writer to fail
            self.handleError(record)

    def close(self) -> None:
        if self._writer.is_alive():
            try:
                self._lines.put(None, timeout=1)
                self._writer.join(timeout=1)
            except queue.Full:
                pass
        super().close()

    def _write(self) -> None:
        try:
            while (line := self._lines.get()) is not None:
                self._write_line(line)
                if self._lines.empty():
                    self._stream.flush()
            self._stream.flush()
        except (OSError, ValueError):
            return

    def _write_line(self, line: str) -> None:
        try:
            self._stream.write(line + "\n")
        except UnicodeEncodeError:
            # The line is JSON, where every character has a name in ASCII.
            self._stream.write(json.dumps(json.loads(line)) + "\n")


def configure(
    service: str, instance: str, level: str, stream: TextIO | None = None, *, synthetic: bool = False
) -> QueuedHandler:
    """Send every log line of this process to `stream` (standard output) as JSON; a simulated market is in each."""
    handler = QueuedHandler(stream or sys.stdout, JsonFormatter(service, instance, synthetic=synthetic))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    return handler
