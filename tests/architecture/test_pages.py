"""The pages agree with the code and with each other: settings, their defaults, and every link between files."""

import importlib
import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "services/*/README.md", "benchmarks/*.md", "tests/**/*.md")
    for page in ROOT.glob(pattern)
    if "node_modules" not in page.parts
)
_VARIABLE = re.compile(r"\b(?:HIDDENGEM_[A-Z_]*[A-Z]|TUSHARE_TOKEN|(?:POSTGRES|REDIS|GRAFANA)_PASSWORD)\b")


def _example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _defaults() -> Iterator[tuple[str, object]]:
    """The variable and the default of every setting that a service declares."""
    for file in sorted(ROOT.glob("services/**/settings.py")):
        module = importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
        for cls in vars(module).values():
            if isinstance(cls, type) and issubclass(cls, BaseSettings) and cls is not BaseSettings:
                for name, field in cls.model_fields.items():
                    if field.validation_alias is None and not field.is_required():
                        yield f"HIDDENGEM_{name.upper()}", field.default


def test_the_settings_page_and_the_example_file_name_the_same_settings() -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    assert set(_VARIABLE.findall(page)) == set(_example())


def test_the_example_file_shows_the_defaults_of_the_code() -> None:
    example = _example()
    for variable, default in _defaults():
        shown = example[variable]
        if isinstance(default, bool):
            assert shown == str(default).lower(), variable
        elif isinstance(default, int | float | Decimal):
            assert Decimal(shown) == Decimal(str(default)), variable
        elif isinstance(default, str):
            assert shown == default, variable
        else:
            assert shown == "", variable


def test_every_setting_of_the_example_file_has_a_line_of_meaning() -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    settings = [(before, line) for before, line in pairwise(lines) if line and not line.startswith("#")]
    assert [line for before, line in settings if not before.startswith("# ")] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
