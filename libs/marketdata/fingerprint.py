"""Fingerprints of what is to be read, so that what was imported before is recognised. Standard library only."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from libs.marketdata.source import BadFile

READER_VERSION = 5
"""Part of every fingerprint: raise it when the reading of files changes, and they are imported again."""
SIMULATOR_VERSION = 2
"""The same for the simulated exchange."""


def files_of(path: Path) -> list[Path]:
    """The files a `file:PATH` means, ordered by name: the file itself, or those directly in the folder."""
    try:
        found = sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
        for file in found:
            with file.open("rb"):
                pass
    except OSError as e:
        raise BadFile("SOURCE", f"{e.filename or path} cannot be read: {e.strerror}") from e
    if not found:
        raise BadFile("SOURCE", f"{path} holds no file")
    return found


def simulated(seed: int, last_session: date) -> str:
    """What stands for the simulated exchange up to a session: it follows from nothing else."""
    return f"simulated {SIMULATOR_VERSION} {seed} {last_session.isoformat()}"


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file's bytes, in hex; raises `BadFile` where it is gone by now."""
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as e:
        raise BadFile("SOURCE", f"{file} cannot be read: {e.strerror}") from e


def hashes_of(files: Iterable[Path]) -> dict[Path, str]:
    """The SHA-256 of each file."""
    return {file: sha256_of(file) for file in files}


def fingerprint(hashes: Mapping[Path, str], sessions: Iterable[date] = ()) -> str:
    """One value over names and contents; it also changes when the readers do, or the calendar that judges dates."""
    lines = [f"{file.name} {digest}" for file, digest in sorted(hashes.items())]
    lines += [day.isoformat() for day in sorted(sessions)]
    return hashlib.sha256("\n".join([str(READER_VERSION), *lines]).encode()).hexdigest()
