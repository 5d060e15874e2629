"""The commands that the pages show are commands of `hiddengem`, and so are their options."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from libs.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(page for pattern in ("*.md", "docs/**/*.md", "services/*/README.md") for page in ROOT.glob(pattern))
_CODE = re.compile(r"`([^`\n]+)`|^(?: {4}|\t)(.+)$", re.MULTILINE)
_COMMAND = re.compile(r"(?:^|[ /])(?:hiddengem|docker compose run --rm cli) +([a-z].*)")
_ENDS = {"#", "|", "&&", ">", "\\", "…"}
_ROOT = typer.main.get_group(app)


def _shown(page: Path) -> Iterator[str]:
    """What stands behind `hiddengem` in code spans and code blocks."""
    text = re.sub(r"^(```.*?)$.*?^```$", _indented, page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for code in _CODE.finditer(text):
        said = _COMMAND.search(code[1] or code[2])
        if said and not said[1].startswith(("is ", "and ")):
            yield said[1]


def _indented(block: re.Match[str]) -> str:
    return "\n".join(f"    {line}" for line in block[0].splitlines()[1:-1])


def _complaint(shown: str) -> str | None:
    """What is wrong with a command line; None where nothing is."""
    group: TyperGroup | None = _ROOT
    options: set[str] = set()
    for word in shown.split():
        if word in _ENDS or word.startswith("#"):
            break
        if group is not None and not word.startswith(("-", "[")):
            verbs = re.split(r"\\?\|", word)
            if unknown := [verb for verb in verbs if verb not in group.commands]:
                return f"no verb {unknown[0]}"
            command = group.commands[verbs[0]]
            options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
            group = command if isinstance(command, TyperGroup) else None
        elif (option := re.match(r"\[?(--[a-z-]+)", word)) and option[1] not in options | {"--help"}:
            return f"no option {option[1]}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_a_page_exists(page: Path) -> None:
    wrong = {shown: complaint for shown in _shown(page) if (complaint := _complaint(shown)) is not None}
    assert wrong == {}


def test_every_verb_stands_on_the_page_of_the_command_line() -> None:
    shown = list(_shown(ROOT / "docs" / "reference" / "cli.md"))
    page = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    missing = [path for path in _verbs(_ROOT) if not re.search(rf"`{' '.join(path[:-1])}.*\b{path[-1]}\b", page)]
    assert shown
    assert missing == []


def _verbs(group: TyperGroup, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _verbs(command, (*path, name))
        else:
            yield (*path, name)


def test_what_does_not_exist_would_be_noticed() -> None:
    assert _complaint("data synch --from 2024-09-02") == "no verb synch"
    assert _complaint("data sync --form 2024-09-02") == "no option --form"
    assert _complaint("data sync --from 2024-09-02  # --what") is None
