"""The command line: every verb explains itself, help is light, and what cannot work is refused in one line."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from libs.cli.main import app

_VERBS = [
    ["up"], ["down"], ["ps"], ["round"], ["replay"], ["data", "import"], ["data", "sync"], ["data", "cancel"],
    ["data", "gaps"], ["data", "report"], ["data", "quarantine", "list"], ["data", "quarantine", "show"],
    ["data", "quarantine", "release"], ["data", "quarantine", "dismiss"], ["apikey", "create"], ["apikey", "list"],
    ["apikey", "revoke"], ["db", "upgrade"], ["rights", "subscribe"],
]  # fmt: skip
_HEAVY = ("sqlalchemy", "psycopg", "redis", "rich.table", "pydantic", "alembic", "libs.storage", "libs.bus")


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CliRunner:
    for name in ("FROM", "TO", "SOURCE", "WATCHLIST", "OWNER_URL", "DATABASE_URL", "REDIS_URL", "SERVICE_PASSWORD"):
        monkeypatch.delenv(f"HIDDENGEM_{name}", raising=False)
    monkeypatch.delenv("TUSHARE_TOKEN", raising=False)
    monkeypatch.setenv("HIDDENGEM_STATE_DIR", str(tmp_path / "state"))
    return CliRunner()


@pytest.mark.parametrize("verb", _VERBS, ids=" ".join)
def test_every_verb_explains_itself(runner: CliRunner, verb: list[str]) -> None:
    shown = runner.invoke(app, [*verb, "--help"])
    assert shown.exit_code == 0
    assert "Usage" in shown.output


def test_the_command_has_one_name_however_it_is_started() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "libs.cli.main", "replay", "--bogus"], capture_output=True, text=True, check=False
    )
    assert (shown.returncode, "Usage: hiddengem replay" in shown.stderr) == (2, True)


def test_help_loads_neither_database_nor_bus_nor_tables() -> None:
    program = f"""
import sys
import libs.cli.main
print([name for name in {_HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["up", "--from", "2024-10-01", "--to", "2024-09-01"], "TO"),
        (["up", "--from", "01.10.2024"], "FROM"),
        (["up", "--to", "2024-02-30"], "TO"),
        (["up", "--watchlist", "600519"], "HIDDENGEM_WATCHLIST"),
        (["replay", "--from", "yesterday"], "FROM"),
        (["replay", "--symbols", "600519.XX"], "--symbols"),
        (["round", "maotai"], "SYMBOLS"),
        (["data", "import", "file:/nowhere/at/all"], "SOURCE"),
        (["data", "sync", "--source", "akshare,akshare"], "SOURCE"),
        (["data", "sync", "--kinds", "candles"], "--kinds"),
        (["data", "sync", "--exact"], "--exact"),
        (["apikey", "create", "bob", "--role", "king"], "role"),
        (["db", "upgrade"], "HIDDENGEM_SERVICE_PASSWORD"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(runner: CliRunner, arguments: list[str], named: str) -> None:
    refused = runner.invoke(app, arguments)
    assert refused.exit_code == 78
    assert refused.stdout == ""
    assert refused.stderr.startswith(f"hiddengem: {named}")
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["round"], ["replay"], ["data", "import", "sim"], ["data", "gaps"], ["apikey", "list"]]
)
def test_without_a_desk_the_way_to_one_is_told(runner: CliRunner, arguments: list[str]) -> None:
    refused = runner.invoke(app, arguments)
    assert refused.exit_code == 78
    assert "hiddengem up" in refused.stderr


def test_ps_and_down_have_nothing_to_do_without_a_desk(runner: CliRunner) -> None:
    shown = runner.invoke(app, ["ps", "--json"])
    assert (shown.exit_code, shown.stdout) == (1, "[]\n")
    assert runner.invoke(app, ["down"]).exit_code == 0


def test_a_place_that_cannot_hold_a_desk_is_refused(runner: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIDDENGEM_STATE_DIR", "/proc/no/such/place")
    refused = runner.invoke(app, ["up", "--source", "sim"])
    assert refused.exit_code == 78
    assert "HIDDENGEM_STATE_DIR" in refused.stderr
