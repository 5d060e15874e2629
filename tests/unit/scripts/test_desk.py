"""The verbs take the variables that make passes on, and refuse what they do not know."""

import os
import subprocess
from pathlib import Path

import pytest

from scripts import desk


def test_variables_get_their_full_names_and_the_rest_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in desk.VARIABLES.values():
        monkeypatch.setenv(name, "")
    rest = desk._take_variables(["SOURCE=sim", "FROM=2024-09-02", "TO=2024-10-31", "PORT=8001", "ONLY=bus", "--json"])
    assert rest == ["--json"]
    chosen = {name: os.environ[name] for name in desk.VARIABLES.values()}
    assert chosen == {
        "HIDDENGEM_SOURCE": "sim",
        "HIDDENGEM_FROM": "2024-09-02",
        "HIDDENGEM_TO": "2024-10-31",
        "HIDDENGEM_PORT": "8001",
        "ONLY": "bus",
    }


def test_a_relative_file_source_is_meant_from_where_the_person_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIDDENGEM_SOURCE", "")
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    desk._take_variables(["SOURCE=file:../bars"])
    assert os.environ["HIDDENGEM_SOURCE"] == f"file:{tmp_path}/bars"


def test_an_unknown_verb_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert desk.main(["fly"]) == 2
    assert "one of: help setup run test check bench e2e up down" in capsys.readouterr().err


def test_make_and_the_script_know_the_same_verbs() -> None:
    makefile = (desk.ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"VERBS := {' '.join(desk.VERBS)}\n" in makefile
    assert all(f"  {verb} " in desk.HELP for verb in desk.VERBS)


def test_help_is_the_default_and_needs_no_environment() -> None:
    script = str(desk.ROOT / "scripts" / "desk.py")
    shown = subprocess.run(["python3", script], capture_output=True, text=True, check=True, cwd="/")
    assert shown.stdout == desk.HELP


def test_docker_is_asked_for_by_name_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert desk.main(["up"]) == 1
    assert "docker is not installed" in capsys.readouterr().err
