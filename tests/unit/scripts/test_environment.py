"""The set-up knows a finished environment, a half-finished one and a place where none can be made."""

import json
from pathlib import Path

import pytest

from scripts import environment


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.setattr(environment, "VENV", tmp_path)
    monkeypatch.setattr(environment, "_SITE", site)
    monkeypatch.setattr(environment, "_STAMP", tmp_path / "setup.json")
    monkeypatch.setattr(environment, "_LOG", tmp_path / "setup.log")
    return tmp_path


def _install(site: Path, name: str, *, files: dict[str, str], installer: bool = True) -> Path:
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    for file, text in files.items():
        (site / file).write_text(text)
    record = [f"{file},sha256=x,1" for file in files] + [f"{name}.pyc,,", f"{info.name}/RECORD,,"]
    (info / "RECORD").write_text("\n".join(record))
    if installer:
        (info / "INSTALLER").write_text("pip")
    return info


def test_a_package_that_lost_a_file_is_put_in_again(venv: Path) -> None:
    site = venv / "site-packages"
    whole = _install(site, "whole", files={"whole.py": ""})
    torn = _install(site, "torn", files={"torn.py": ""})
    (site / "torn.py").unlink()
    unfinished = _install(site, "unfinished", files={"unfinished.py": ""}, installer=False)
    environment._drop_half_installed()
    assert (whole.exists(), torn.exists(), unfinished.exists()) == (True, False, False)


def test_an_environment_is_ready_only_for_its_stage_and_its_lock(venv: Path) -> None:
    (venv / "setup.json").write_text(json.dumps({"stage": "run", "inputs": environment._fingerprint()}))
    assert environment._is_ready("run")
    assert not environment._is_ready("full")
    (venv / "setup.json").write_text(json.dumps({"stage": "full", "inputs": environment._fingerprint()}))
    assert environment._is_ready("run")
    (venv / "setup.json").write_text(json.dumps({"stage": "full", "inputs": "an older lock"}))
    assert not environment._is_ready("run")
    (venv / "setup.json").write_text("torn")
    assert not environment._is_ready("run")


def test_an_environment_whose_python_is_gone_is_not_ready(venv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (venv / "setup.json").write_text(json.dumps({"stage": "full", "inputs": environment._fingerprint()}))
    monkeypatch.setattr(environment, "PYTHON", venv / "bin" / "python")
    assert not environment._is_ready("run")


def test_a_failed_installation_is_told_in_one_line(venv: Path) -> None:
    (venv / "setup.log").write_text("Collecting a==1\nERROR: Could not find a version\nnote: see above\n")
    assert "ERROR: Could not find a version" in environment._what_went_wrong()
    (venv / "setup.log").write_text("ERROR: [Errno 28] No space left on device\n")
    assert environment._what_went_wrong().startswith("no room left on the disk")
    assert "\n" not in environment._what_went_wrong()


def test_the_command_keeps_a_path_with_spaces_together(venv: Path) -> None:
    (venv / "bin").mkdir()
    environment._write_command()
    command = venv / "bin" / "hiddengem"
    assert command.stat().st_mode & 0o111
    assert '-P -m libs.cli.main "$@"' in command.read_text()
