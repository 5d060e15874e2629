"""Start an analyst of your own: a folder, its tests and its compose stanza, copied from one that works.

    python3 scripts/new_agent.py momentum                    # from services/technical
    python3 scripts/new_agent.py momentum --like fundamental

What comes out runs, passes its tests and votes like the analyst it was copied from; change `judge` and go on from
there. Nothing else is to be registered: the orchestrator asks whoever shows an analyst's card, and Prometheus finds
whoever is alive. Standard library only.
"""

from __future__ import annotations

import argparse
import keyword
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_NAME = re.compile(r"[a-z][a-z0-9_]{1,30}")
_LEFT_BEHIND = ("__pycache__",)


class Refused(Exception):
    """The agent cannot be made; the text is one line that says why."""


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", help="its name: folder, container, bus stream and database role")
    parser.add_argument("--like", default="technical", metavar="ANALYST", help="whom to copy (default: technical)")
    chosen = parser.parse_args()
    try:
        written = create(ROOT, chosen.name, like=chosen.like)
    except Refused as e:
        print(f"new_agent: {e}", file=sys.stderr)
        return 1
    print("\n".join(f"wrote {path.relative_to(ROOT)}" for path in written))
    print(f"next: edit services/{chosen.name}/agent.py, then docs/how-to/add-an-agent.md")
    return 0


def create(root: Path, name: str, *, like: str) -> list[Path]:
    """Write folder, tests and stanza; nothing is written when anything is wrong."""
    _check(root, name, like)
    compose = root / "docker-compose.yml"
    stanza = _with_stanza(compose.read_text(encoding="utf-8"), name, like)
    written = [
        *_copy(root / "services" / like, root / "services" / name, name, like),
        *_copy(root / "tests" / "unit" / "services" / like, root / "tests" / "unit" / "services" / name, name, like),
    ]
    compose.write_text(stanza, encoding="utf-8")
    return [*written, compose]


def renamed(text: str, name: str, like: str) -> str:
    """The text with every word that names the old agent naming the new one, in both spellings."""
    text = re.sub(rf"(?<![a-z0-9]){like}(?![a-z0-9])", name, text)
    return re.sub(rf"{_camel(like)}(?![a-z0-9])", _camel(name), text)


def _check(root: Path, name: str, like: str) -> None:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise Refused(f"{name!r} is no name for an agent: lower case, digits and _, 2 to 31 characters")
    for folder in (root / "services" / name, root / "tests" / "unit" / "services" / name):
        if folder.exists():
            raise Refused(f"{folder.relative_to(root)} exists already")
    if not (root / "services" / like / "agent.py").is_file():
        raise Refused(f"services/{like} is no analyst: it has no agent.py")


def _copy(source: Path, target: Path, name: str, like: str) -> Iterator[Path]:
    for file in sorted(path for path in source.rglob("*") if path.is_file()):
        inside = file.relative_to(source)
        if any(part in _LEFT_BEHIND for part in inside.parts):
            continue
        copy = target / renamed(str(inside), name, like)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(renamed(file.read_text(encoding="utf-8"), name, like), encoding="utf-8")
        yield copy


def _with_stanza(compose: str, name: str, like: str) -> str:
    """The compose file with the new service right behind the one it is copied from."""
    if re.search(rf"^  {name}:", compose, re.MULTILINE):
        raise Refused(f"docker-compose.yml has a service {name} already")
    found = re.search(rf"^  {like}:\n(?:    .*\n|\n(?=    ))+", compose, re.MULTILINE)
    if found is None:
        raise Refused(f"docker-compose.yml has no service {like} to copy")
    stanza = found.group().rstrip("\n") + "\n"
    return compose[: found.end()] + "\n" + renamed(stanza, name, like) + compose[found.end() :]


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


if __name__ == "__main__":
    sys.exit(main())
