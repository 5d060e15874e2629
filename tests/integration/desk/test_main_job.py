"""The main job under fire, a second start, and the simulated market that nobody can mistake for a real one."""

import json
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.desk import Desk, new_desk, window
from tests.support.desk_market import SESSIONS

_HALFWAY = "SELECT count(*) > 0 FROM desk.replays WHERE status = 'RUNNING' AND sessions_done BETWEEN %s AND 30"

_CUT_OFF = "SELECT count(*) > 0 FROM trading.orders WHERE account_id = 'replay-2' AND state = 'ABORTED'"
"""An order whose sending was cut off before the wire is not sent again: then the rest of the replay differs."""
_MARKED = (
    "market.bars", "market.calendar", "desk.rounds", "desk.signals", "desk.decisions", "desk.intents", "desk.replays",
    "trading.accounts", "trading.orders", "trading.fills", "trading.snapshots",
)  # fmt: skip


def _orders_line(desk: Desk) -> str:
    [line] = [line for line in desk.said.splitlines() if line.startswith("ORDERS sha256=")]
    return line


def test_the_main_job_survives_its_servers_and_is_skipped_where_nothing_is_new(market: Path) -> None:
    with new_desk(HIDDENGEM_SOURCE=f"file:{market}") as desk:
        desk.serve(*window(SESSIONS[-35:]))
        undisturbed = _orders_line(desk)
        assert desk.interrupt()[0] == 0
        desk.up(*window(SESSIONS[-35:]))
        desk.until_sql(_HALFWAY, 2)
        desk.kill("postgres")
        desk.until_sql(_HALFWAY, 10)
        desk.kill("redis")
        desk.until(lambda: "Serving http" in desk.said, "the main job ends")
        assert _orders_line(desk) == undisturbed or desk.one(_CUT_OFF)
        assert "postgres ended with status -9 and was started again" in desk.said
        assert "redis ended with status -9 and was started again" in desk.said
        assert "rows stored" not in desk.said
        assert desk.json("replay", *window(SESSIONS[-3:]))["account_id"] == "replay-3"
        assert desk.broken() == []


def test_without_a_vendor_the_market_is_simulated_and_says_so_everywhere() -> None:
    with new_desk(HIDDENGEM_AKSHARE_URL="http://127.0.0.1:1", HIDDENGEM_BAOSTOCK_URL="127.0.0.1:1") as desk:
        desk.serve()
        assert desk.said.count("SIMULATED EXCHANGE, NOT REAL DATA") >= 2
        for table in _MARKED:
            assert desk.rows(f"SELECT DISTINCT synthetic FROM {table}") == [(True,)], table
        view = desk.json("round")
        assert (view["status"], view["synthetic"]) == ("DECIDED", True)
        assert "SYNTHETIC DATA" in desk.cli("round", view["symbols"][0]).stdout
        for path in ("/api/v1/signals/current", "/api/v1/portfolio/summary", f"/api/v1/rounds/{view['round_id']}"):
            assert _get(desk, path)["synthetic"] is True, path
        assert all(_logged_synthetic(desk))
        assert desk.broken() == []


def _get(desk: Desk, path: str) -> dict[str, Any]:
    """Ask the API with the key that the start has shown."""
    key = next(line.split()[1] for line in desk.said.splitlines() if line.startswith("key "))
    request = urllib.request.Request(f"http://127.0.0.1:{desk.port}{path}", headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def _logged_synthetic(desk: Desk) -> list[bool]:
    """Whether the lines about rounds and orders carry the mark."""
    lines = [json.loads(line) for line in (desk.path / "log" / "desk.log").read_text(encoding="utf-8").splitlines()]
    told = [line for line in lines if line["message"] in {"round decided", "order sent", "session closed"}]
    assert told
    return [line.get("synthetic") is True for line in told]
