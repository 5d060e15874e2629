"""One log stream for all services of `make run`: a file of JSON lines that rotates, and the errors as plain text."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from libs.domain.clock import Clock

_LIMIT_BYTES = 20_000_000
_KEPT = 3
_LONGEST_LINE_BYTES = 1 << 20
_ALARMING = frozenset({"error", "critical"})


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a service: as it goes into the stream, and what of it a person should see at once."""

    record: bytes
    text: str
    alarming: bool


def read_line(service: str, raw: bytes, at: str) -> Line:
    """A service's own JSON line stays as it is; anything else (a traceback, a print) is wrapped into one."""
    text = raw.decode("utf-8", errors="replace").rstrip()
    try:
        known = json.loads(text) if text.startswith("{") else None
    except ValueError:
        known = None
    if isinstance(known, dict):
        alarming = str(known.get("level", "")).lower() in _ALARMING
        return Line(raw.rstrip(b"\n") + b"\n", str(known.get("message", text)), alarming)
    wrapped = {"at": at, "level": "info", "service": service, "logger": "output", "message": text}
    return Line(json.dumps(wrapped, ensure_ascii=False).encode() + b"\n", text, alarming=False)


class Output:
    """The reading end of what a process prints, cut into lines."""

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self.descriptor = descriptor
        self._open = True
        self._pending = b""
        os.set_blocking(descriptor, False)

    def lines(self) -> list[bytes]:
        """The lines that have come since the last call; closes itself at the end."""
        chunks = [self._pending]
        try:
            while self._open and (chunk := os.read(self.descriptor, 65536)):
                chunks.append(chunk)
            self.close()
        except BlockingIOError:
            pass
        *complete, rest = b"".join(chunks).split(b"\n")
        keep = self._open and len(rest) < _LONGEST_LINE_BYTES
        self._pending = rest if keep else b""
        return complete if keep or not rest else [*complete, rest]

    def ended(self) -> bool:
        """Nothing will come any more."""
        return not self._open

    def close(self) -> None:
        """Close the descriptor."""
        if self._open:
            self._open = False
            os.close(self.descriptor)


class LogStream:
    """Appends lines to a file of limited size; a disk without room costs lines, never the desk."""

    def __init__(self, file: Path, *, clock: Clock, complain: Callable[[str], None]) -> None:
        self._file = file
        self._clock = clock
        self._complain = complain
        self._complained = False
        self._stream = _open_private(file)

    def write(self, service: str, raw: bytes) -> Line:
        """Append one line of a service."""
        at = self._clock.utc_now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = read_line(service, raw, at)
        try:
            self._stream.write(line.record)
            if self._stream.tell() > _LIMIT_BYTES:
                self._rotate()
            self._complained = False
        except OSError as e:
            if not self._complained:
                self._complain(f"cannot write {self._file} ({e.strerror}): lines are lost until there is room")
            self._complained = True
        return line

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _rotate(self) -> None:
        self._stream.close()
        for number in range(_KEPT - 1, 0, -1):
            older = self._file.with_suffix(f".log.{number}")
            if older.exists():
                older.replace(self._file.with_suffix(f".log.{number + 1}"))
        self._file.replace(self._file.with_suffix(".log.1"))
        self._stream = _open_private(self._file)


def _open_private(file: Path) -> FileIO:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    return FileIO(descriptor, "ab")
