"""An image gets what its extra needs from the lock, hashes included, and nothing else."""

import tomllib
from pathlib import Path

import pytest

from scripts.lock_subset import read_lock, subset

PROJECT = """
[project]
dependencies = ["Msg_Spec>=1", "driver[binary,pool]>=3"]
[project.optional-dependencies]
edge = ["web>=1"]
"""
LOCK = """\
driver==3.1 \\
    --hash=sha256:aa
    # via desk (pyproject.toml)
driver-binary==3.1 ; implementation_name != 'pypy' \\
    --hash=sha256:bb
    # via driver
msg-spec==1.0 \\
    --hash=sha256:cc
    # via desk (pyproject.toml)
sockets==1.0 ; sys_platform == 'linux' \\
    --hash=sha256:dd
    # via
    #   tester
    #   web
sockets==0.9 ; sys_platform != 'linux' \\
    --hash=sha256:ee
    # via
    #   tester
    #   web
tester==1.0 \\
    --hash=sha256:ff
    # via desk (pyproject.toml)
web==1.0 \\
    --hash=sha256:00
    # via desk (pyproject.toml)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "requirements.lock").write_text(LOCK)
    return tmp_path


def _names(text: str) -> list[str]:
    return [line.split(" ")[0] for line in text.splitlines() if "==" in line.split(" ")[0]]


def test_without_an_extra_it_is_the_base_and_what_the_base_needs(root: Path) -> None:
    assert _names(subset([], also=[], root=root)) == ["driver==3.1", "driver-binary==3.1", "msg-spec==1.0"]


def test_an_extra_brings_all_it_needs_with_every_marker_and_hash(root: Path) -> None:
    text = subset(["edge"], also=[], root=root)
    assert _names(text)[3:] == ["sockets==1.0", "sockets==0.9", "web==1.0"]
    assert "sockets==0.9 ; sys_platform != 'linux' \\\n    --hash=sha256:ee\n" in text


def test_a_package_can_be_asked_for_by_name(root: Path) -> None:
    assert "tester==1.0" in _names(subset([], also=["Tester"], root=root))


def test_an_unknown_extra_or_package_is_refused_by_name(root: Path) -> None:
    with pytest.raises(KeyError, match="no extra 'none'"):
        subset(["none"], also=[], root=root)
    with pytest.raises(KeyError, match=r"requirements.lock has no absent"):
        subset([], also=["absent"], root=root)


def test_all_extras_of_this_project_together_are_the_whole_lock() -> None:
    project_root = Path(__file__).resolve().parents[3]
    project = tomllib.loads((project_root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    everything = subset(list(project["optional-dependencies"]), also=[])
    assert everything.count("==") == (project_root / "requirements.lock").read_text(encoding="utf-8").count("==")


def test_every_package_of_the_lock_is_pinned_with_a_hash() -> None:
    unpinned = [p.name for p in read_lock(Path("requirements.lock").absolute()) if "--hash=sha256:" not in p.text]
    assert unpinned == []
