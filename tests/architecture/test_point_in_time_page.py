"""The page on point in time names tests; each of them exists."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_every_test_that_the_page_names_exists() -> None:
    page = (ROOT / "docs" / "explanation" / "point-in-time.md").read_text(encoding="utf-8")
    named = _TEST.findall(page)
    assert len(named) >= 10
    missing = [f"{file}::{name}" for file, name in named if name not in _functions(ROOT / file)]
    assert missing == []


def test_every_look_ahead_test_is_on_the_page() -> None:
    page = (ROOT / "docs" / "explanation" / "point-in-time.md").read_text(encoding="utf-8")
    on_page = {name for _, name in _TEST.findall(page)}
    about_the_market = re.compile(r"test_(every_table|every_analyst|every_strategy|the_poison)")
    unnamed = [
        name
        for file in sorted((ROOT / "tests" / "integration" / "lookahead").glob("test_*.py"))
        for name in _functions(file)
        if name.startswith("test_") and name not in on_page and not about_the_market.match(name)
    ]
    assert unnamed == []


def _functions(file: Path) -> set[str]:
    if not file.is_file():
        return set()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
