"""Every process of the desk is killed while it works; nothing may be lost and nothing doubled."""

import json
import subprocess
import sys
from pathlib import Path

from libs.runtime.forkclient import PROJECT_ROOT
from scripts.kill_desk import GROUPS, SERVERS
from tests.support.desk_market import SESSIONS, write_market


def test_nothing_is_lost_or_doubled_whoever_is_killed(tmp_path: Path) -> None:
    """Twenty sessions four times: undisturbed, without analysts, without services, without servers."""
    source = write_market(tmp_path / "market")
    window = ["--from", SESSIONS[-20].isoformat(), "--to", SESSIONS[-1].isoformat()]
    command = [sys.executable, "scripts/kill_desk.py", f"file:{source}", *window, "--every", "0.3", "--json"]
    run = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert run.stdout, run.stderr
    found = json.loads(run.stdout)
    assert found["violations"] == []
    undisturbed, *disturbed = found["replays"]
    assert undisturbed["count"] >= 15
    assert [(r["name"], r["status"], r["never_back"]) for r in disturbed] == [(name, "DONE", []) for name in GROUPS]
    by_name = {replay["name"]: replay for replay in disturbed}
    assert by_name["analysts"]["orders"] == undisturbed["orders"]
    assert sum(by_name["services"]["kills"].values()) >= len(GROUPS["services"])
    assert set(by_name["servers"]["kills"]) == set(SERVERS)
    assert found["ok"] is True
