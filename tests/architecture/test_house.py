"""The rules of the house that a machine can check; each failure names the file and the place."""

import ast
import importlib
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pydantic_settings import BaseSettings

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("libs", "services", "scripts", "benchmarks")
LONGEST_FILE = 400
LONGEST_FUNCTION = 40
VAGUE = {"utils", "util", "helpers", "helper", "common", "core", "misc"}
SERVICE_FILES = {"__init__.py", "__main__.py", "settings.py", "README.md"}
# In pieces, so that this file does not break its own rule.
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("python" + "hosted", "org"),
        ("registry", "npmjs"),
        ("registry", "npmmirror"),
        ("registry", "yarnpkg"),
        ("docker", "io"),
        ("ghcr", "io"),
        ("quay", "io"),
        ("mirrors", "aliyun"),
        ("tuna", "tsinghua"),
        ("proxy", "golang"),
    )
]
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def test_no_file_is_longer_than_400_lines() -> None:
    long = {name: lines for name in _python() if (lines := len(_text(name).splitlines())) > LONGEST_FILE}
    assert long == {}


def test_no_function_is_longer_than_40_lines_without_its_docstring() -> None:
    long = {
        f"{name}:{function.lineno} {function.name}": lines
        for name in _python()
        for function in _functions(name)
        if (lines := _length(function)) > LONGEST_FUNCTION
    }
    assert long == {}


def test_no_name_says_that_its_content_has_nothing_in_common() -> None:
    vague = [name for name in _tracked() if {Path(part).stem for part in Path(name).parts} & VAGUE]
    assert vague == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [name for name in _python(*PRODUCT, "tests/support") if not ast.get_docstring(_tree(name))]
    assert silent == []


def test_an_init_file_holds_a_docstring_and_nothing_else() -> None:
    busy = [name for name in _python() if Path(name).name == "__init__.py" and len(_tree(name).body) > 1]
    assert busy == []


def test_only_the_clock_reads_the_clock() -> None:
    calls = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
    readers = [
        f"{name}:{node.lineno}"
        for name in _python("libs", "services")
        if name != "libs/domain/clock.py"
        for node in ast.walk(_tree(name))
        if isinstance(node, ast.Attribute) and _last_two(node) in calls
    ]
    assert readers == []


def test_no_except_catches_without_saying_what() -> None:
    bare = [
        f"{name}:{node.lineno}"
        for name in _python()
        for node in ast.walk(_tree(name))
        if isinstance(node, ast.ExceptHandler) and node.type is None
    ]
    assert bare == []


def test_only_the_bus_adds_to_streams() -> None:
    adders = [
        f"{name}:{node.lineno}"
        for name in _python("libs", "services", "scripts")
        if not name.startswith("libs/bus/")
        for node in ast.walk(_tree(name))
        if (isinstance(node, ast.Attribute) and node.attr == "xadd")
        or (isinstance(node, ast.Constant) and str(node.value).strip() == "XADD")
    ]
    assert adders == []


def test_every_service_has_the_same_set_of_files() -> None:
    folders = {Path(name).parts[1] for name in _tracked() if re.match(r"services/\w+/", name)}
    missing = {
        folder: sorted(absent)
        for folder in sorted(folders)
        if (absent := {file for file in SERVICE_FILES if not (ROOT / "services" / folder / file).is_file()})
    }
    assert missing == {}


def test_every_setting_stands_in_the_example_file() -> None:
    example = set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", _text(".env.example"), re.MULTILINE))
    unknown = sorted((_settings_read_by_name() | _settings_of_services()) - example)
    assert unknown == []


def test_no_tracked_file_names_a_package_index_or_image_registry() -> None:
    hosts = re.compile("|".join(map(re.escape, REGISTRIES)), re.IGNORECASE)
    named = [name for name in _tracked() if hosts.search(_text(name))]
    assert named == []


def _settings_read_by_name() -> set[str]:
    """HIDDENGEM_* written out in product code; a name that ends in `_` is a prefix, not a setting."""
    found = {
        setting
        for name in _tracked()
        if name.startswith(("libs/", "services/", "scripts/")) and name.endswith(".py")
        for setting in re.findall(r"\bHIDDENGEM_[A-Z0-9_]*[A-Z0-9]\b", _text(name))
    }
    return {setting for setting in found if not setting.startswith("HIDDENGEM_TEST_")}


def _settings_of_services() -> set[str]:
    names = set()
    for file in sorted(ROOT.glob("services/*/settings.py")):
        module = importlib.import_module(f"services.{file.parent.name}.settings")
        for cls in vars(module).values():
            if isinstance(cls, type) and issubclass(cls, BaseSettings) and cls.__module__ == module.__name__:
                names |= set(_variables(cls))
    return names


def _variables(cls: type[BaseSettings]) -> Iterator[str]:
    prefix = cls.model_config.get("env_prefix", "")
    for name, field in cls.model_fields.items():
        alias = field.validation_alias
        yield alias if isinstance(alias, str) else f"{prefix}{name}".upper()


def _last_two(node: ast.Attribute) -> str:
    owner = node.value
    name = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
    return f"{name}.{node.attr}"


def _functions(name: str) -> Iterator[FunctionNode]:
    for node in ast.walk(_tree(name)):
        if isinstance(node, FunctionNode):
            yield node


def _length(function: FunctionNode) -> int:
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def _python(*folders: str) -> list[str]:
    chosen = tuple(f"{folder}/" for folder in (folders or (*PRODUCT, "tests")))
    return [name for name in _tracked() if name.endswith(".py") and name.startswith(chosen)]


@cache
def _tracked() -> tuple[str, ...]:
    """Every file of the project: what git knows and would add; without git, every file that is not hidden."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    except (FileNotFoundError, subprocess.CalledProcessError):
        listed = [
            str(file.relative_to(ROOT))
            for file in ROOT.glob("[!.]*/**/*")
            if not {"__pycache__", "node_modules", ".venvs"} & set(file.parts)
        ]
    return tuple(sorted({name for name in listed if name and (ROOT / name).is_file()}))


@cache
def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


@cache
def _tree(name: str) -> ast.Module:
    return ast.parse(_text(name), filename=name)
