"""`hiddengem rules check`, as a person and as a program read it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from libs.cli.main import app

GOOD = "ts_code,date,open,high,low,close,pre_close\n600000.SH,2024-09-02,10,10.5,9.9,10.1,10\n"
BAD = GOOD + "600000.SH,2024-09-03,10,12.5,9.9,10.1,10.1\n"


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "bars.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_file_is_explained_and_exits_with_0(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["rules", "check", str(_file(tmp_path, GOOD)), "--json"])
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["rows"], told["ordinary"], told["inside"], told["unexplained"]) == (1, 1, 1, 0)


def test_an_unexplained_row_is_listed_and_exits_with_1(tmp_path: Path) -> None:
    path = _file(tmp_path, BAD)
    result = CliRunner().invoke(app, ["rules", "check", str(path), "--json"])
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["reasons"] == {"inside": 1, "unexplained": 1}
    assert told["unexplained_rows"][0] | {"detail": ""} == {
        "symbol": "600000.SH",
        "session": "2024-09-03",
        "reason": "unexplained",
        "reference": "10.1",
        "low": "9.9",
        "high": "12.5",
        "detail": "",
    }
    text = CliRunner().invoke(app, ["rules", "check", str(path), "--all"])
    assert text.exit_code == 1
    assert "Unexplained rows" in text.stdout


@pytest.mark.parametrize(
    ("args", "words"),
    [(["nowhere.csv"], "nowhere.csv"), (["{file}", "--instruments", "none.csv"], "none.csv")],
)
def test_a_file_that_is_not_there_exits_with_78(
    tmp_path: Path, args: list[str], words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = _file(tmp_path, GOOD)
    result = CliRunner().invoke(app, ["rules", "check", *(arg.format(file=path) for arg in args)])
    assert result.exit_code == 78
    assert words in result.output + capfd.readouterr().err


def test_an_overlay_that_is_not_there_exits_with_78(tmp_path: Path) -> None:
    asked = ["rules", "check", str(_file(tmp_path, GOOD)), "--overlay", str(tmp_path / "none.toml")]
    assert CliRunner().invoke(app, asked).exit_code == 78


def test_without_the_data_extra_the_command_says_what_is_missing(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['polars'] = None\n"
        "from libs.cli.main import app\n"
        f"app(['rules', 'check', {str(_file(tmp_path, GOOD))!r}])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 78
    assert "polars" in done.stderr
    assert "extra 'data'" in done.stderr
