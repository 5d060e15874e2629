"""Print the part of requirements.lock that some extras need, hashes included.

    python3 scripts/lock_subset.py analyst > subset.txt     # the base dependencies and one extra
    python3 scripts/lock_subset.py analyst data --also hatchling

Who needs whom is read from the `# via` notes of the lock, so nothing is resolved again and no index is asked.
Standard library only: it runs before anything is installed, and in image builds.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Locked:
    """One pinned package as the lock has it."""

    name: str
    text: str
    wanted_by: frozenset[str]


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("extras", nargs="*", metavar="EXTRA", help="extras of pyproject.toml; none: the base")
    parser.add_argument("--also", action="append", default=[], metavar="PACKAGE", help="a locked package, too")
    chosen = parser.parse_args()
    try:
        sys.stdout.write(subset(chosen.extras, also=chosen.also))
    except KeyError as e:
        print(f"lock_subset: {e.args[0]}", file=sys.stderr)
        return 2
    return 0


def subset(extras: list[str], *, also: list[str], root: Path = ROOT) -> str:
    """The lock's text for the base dependencies, the extras and the packages named in `also`, with all they need."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {package_name(line) for line in project["dependencies"]} | {package_name(name) for name in also}
    for extra in extras:
        if extra not in project["optional-dependencies"]:
            raise KeyError(f"pyproject.toml has no extra {extra!r}")
        wanted |= {package_name(line) for line in project["optional-dependencies"][extra]}
    locked = read_lock(root / "requirements.lock")
    missing = wanted - {package.name for package in locked}
    if missing:
        raise KeyError(f"requirements.lock has no {', '.join(sorted(missing))}")
    needed = _closure(wanted, locked)
    return "".join(package.text for package in locked if package.name in needed)


def read_lock(path: Path) -> list[Locked]:
    """Every package of the lock in its order; one pinned twice under different markers appears twice."""
    blocks: list[list[str]] = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line[:1].isalnum():
            blocks.append([])
        if blocks:
            blocks[-1].append(line)
    return [_locked(block) for block in blocks]


def package_name(requirement: str) -> str:
    """The normalised name at the start of a requirement."""
    found = _NAME.match(requirement)
    if found is None:
        raise KeyError(f"{requirement!r} is not a requirement")
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def _locked(block: list[str]) -> Locked:
    notes = [line.strip().lstrip("#").strip() for line in block if line.lstrip().startswith("#")]
    parents = [note.removeprefix("via").strip() for note in notes]
    wanted_by = frozenset(package_name(parent) for parent in parents if parent)
    return Locked(package_name(block[0]), "".join(block), wanted_by)


def _closure(wanted: set[str], locked: list[Locked]) -> set[str]:
    needed: set[str] = set()
    while wanted - needed:
        needed |= wanted
        wanted = {package.name for package in locked if package.wanted_by & needed}
    return needed


if __name__ == "__main__":
    sys.exit(main())
