"""The committed Postman collection, run by newman against a desk that has just replayed a simulated market."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.live_desk import ROOT, LiveDesk, live_desk, processes_with

_HERE = Path(__file__).resolve().parent
_NEWMAN = _HERE / "node_modules" / ".bin" / "newman"
_COLLECTION = ROOT / "docs" / "postman" / "hiddengem.postman_collection.json"


@pytest.fixture(scope="module")
def newman() -> Path:
    """newman as the lock file pins it."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    if not _NEWMAN.is_file():
        installed = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund"],
            cwd=_HERE,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert installed.returncode == 0, installed.stderr[-2000:]
    return _NEWMAN


def test_the_collection_is_green_against_the_live_desk_and_ctrl_c_leaves_nothing(newman: Path, tmp_path: Path) -> None:
    with live_desk("--source", "sim") as desk:
        desk.wait_until_serving()
        summary = _run(newman, desk, tmp_path / "summary.json")
        assert summary["failures"] == []
        assert summary["stats"]["assertions"]["total"] >= 40
        code, seconds = desk.interrupt()
        assert code == 0, desk.text
        assert seconds < 5.0
        assert processes_with(desk.state) == []


def _run(newman: Path, desk: LiveDesk, report: Path) -> dict[str, Any]:
    done = subprocess.run(
        [
            str(newman), "run", str(_COLLECTION), "--env-var", f"base={desk.url}", "--env-var", f"key={desk.key}",
            "--reporters", "cli,json", "--reporter-json-export", str(report),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    run: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))["run"]
    return run
