"""Write .env for `docker compose`: .env.example with a random password in every empty *_PASSWORD.

    python3 scripts/make_env.py

An existing .env is never touched: the database keeps the passwords it was made with. Standard library only.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_EMPTY_PASSWORD = re.compile(r"^(?P<name>\w+_PASSWORD)=$", re.MULTILINE)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--file", type=Path, default=ROOT / ".env", help="where to write it (default: .env)")
    file: Path = parser.parse_args().file
    try:
        write(file, (ROOT / ".env.example").read_text(encoding="utf-8"))
    except FileExistsError:
        print(f"make_env: {file} exists and is left as it is", file=sys.stderr)
        return 1
    print(f"wrote {file}; next: docker compose up -d --build --wait")
    return 0


def fill(example: str) -> str:
    """The text with every empty password filled; hexadecimal, because passwords stand in URLs."""
    return _EMPTY_PASSWORD.sub(lambda found: f"{found['name']}={secrets.token_hex(24)}", example)


def write(file: Path, example: str) -> None:
    """Make the file, readable by its owner alone; `FileExistsError` when there is one."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(fill(example))


if __name__ == "__main__":
    sys.exit(main())
