"""What is wrong with a request, a source or the machine is told in one line that says what to do; nothing is left."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from libs.runtime.forkclient import PROJECT_ROOT
from tests.support.desk import Desk, free_port, new_desk, one_line
from tests.support.desk_market import SESSIONS, SYMBOLS
from tests.support.tushare_stub import Fault, TushareStub

_DAILY = "ts_code,date,open,high,low,close,pre_close,volume,amount,trade_status,is_st"
_ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs to become another user, or to mount")


@pytest.fixture
def nowhere() -> Iterator[Desk]:
    """A state directory in which nothing has ever run."""
    with new_desk() as desk:
        yield desk
        assert desk.processes() == {}


@pytest.fixture
def files() -> Iterator[Path]:
    """An empty folder that everybody may read."""
    with tempfile.TemporaryDirectory(prefix="hiddengem-files-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--source", "sim", "--from", "2024-13-01"], "FROM: '2024-13-01' is not a date like 2024-09-02"),
        (["--source", "sim", "--from", "2024-10-31", "--to", "2024-09-02"], "FROM"),
        (["--source", "file:/no/such/place"], "SOURCE: /no/such/place does not exist"),
        (["--source", "bloomberg"], "SOURCE: 'bloomberg' is none of"),
        (["--source", "tushare"], "set TUSHARE_TOKEN"),
        (["--source", "sim", "--watchlist", "600519"], "HIDDENGEM_WATCHLIST"),
    ],
)
def test_what_is_wrong_with_the_request_is_said_before_anything_starts(
    nowhere: Desk, arguments: list[str], named: str
) -> None:
    refused = nowhere.cli("up", "--port", str(free_port()), *arguments)
    one_line(refused, named)
    assert not (nowhere.path / "postgres").exists()


def test_a_folder_without_a_file_of_a_known_kind_ends_the_start(nowhere: Desk, files: Path) -> None:
    (files / "weather.csv").write_text("day,rain\n2024-09-02,3\n", encoding="utf-8")
    refused = nowhere.cli("up", "--port", str(free_port()), "--source", f"file:{files}")
    one_line(refused, "SOURCE", str(files), "weather.csv")


def test_a_vendor_that_hangs_ends_the_start_and_leaves_nothing(nowhere: Desk, vendor: TushareStub) -> None:
    settings = {"TUSHARE_TOKEN": "secret-token", "HIDDENGEM_VENDOR_CALL_SECONDS": "1"}
    nowhere.settings.update(settings, HIDDENGEM_TUSHARE_URL=vendor.url)
    with _faulty(vendor, Fault.HANG):
        refused = nowhere.cli("up", "--port", str(free_port()), "--source", "tushare")
    assert "secret-token" not in one_line(refused, "tushare")


@pytest.mark.parametrize("symbol", ["600519", "999999.SH", "600000.SH"])
def test_a_round_on_a_symbol_that_is_none_or_unknown_is_refused(desk: Desk, symbol: str) -> None:
    before = desk.one("SELECT count(*) FROM desk.rounds")
    one_line(desk.cli("round", symbol), "SYMBOLS", symbol)
    assert desk.one("SELECT count(*) FROM desk.rounds") == before


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--from", "yesterday"], "FROM"),
        (["--from", "2024-10-31", "--to", "2024-09-02"], "FROM"),
        (["--from", "2030-01-02", "--to", "2030-02-01"], ""),
        (["--symbols", "600519.SH,600000.SH"], "--symbols: the market data knows nothing of 600000.SH"),
    ],
)
def test_a_replay_of_what_is_not_there_is_refused(desk: Desk, arguments: list[str], named: str) -> None:
    before = desk.one("SELECT count(*) FROM desk.replays")
    one_line(desk.cli("replay", *arguments), named)
    assert desk.one("SELECT count(*) FROM desk.replays") == before


def test_a_file_with_missing_columns_is_refused_by_name_and_nothing_of_it_is_stored(desk: Desk, files: Path) -> None:
    columns = _DAILY.replace(",pre_close", "").replace(",volume", "")
    (files / "short.csv").write_text(f"{columns}\n600000.SH,2024-10-31,8,9,7,8,800,1,0\n", encoding="utf-8")
    before = _stored(desk)
    one_line(desk.cli("data", "import", f"file:{files}"), "short.csv", "pre_close, volume")
    assert _stored(desk) == before


def test_bad_rows_are_refused_and_counted_while_good_ones_are_stored(desk: Desk, files: Path) -> None:
    rows = [
        "600000.SH,2024-10-28,8,9,7,8,8,1000,8000,1,0",
        "600000.SH,2024-10-29,8,7,9,8,8,1000,8000,1,0",
        "600000.SH,2024-10-30,-8,9,7,8,8,1000,8000,1,0",
        "600000.SH,someday,8,9,7,8,8,1000,8000,1,0",
        "600000,2024-10-31,8,9,7,8,8,1000,8000,1,0",
    ]
    (files / "mixed.csv").write_text("\n".join([_DAILY, *rows, ""]), encoding="utf-8")
    report = desk.json("data", "import", f"file:{files}")
    [bars] = [done for done in report["imports"] if done["kind"] == "bars"]
    assert (bars["rows_read"], bars["inserted"], sum(bars["rejected"].values())) == (5, 1, 4)
    assert desk.rows("SELECT session::text FROM market.bars WHERE symbol = '600000.SH'") == [("2024-10-28",)]
    said = desk.cli("data", "import", f"file:{files}").stdout
    assert "refused rows of mixed.csv" in said


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.HTML, Fault.EMPTY, Fault.RENAMED, Fault.TRUNCATED])
def test_a_vendor_that_misbehaves_is_named_and_stores_nothing(desk: Desk, vendor: TushareStub, fault: Fault) -> None:
    before = _stored(desk)
    dates = ["--from", SESSIONS[-5].isoformat(), "--to", SESSIONS[-1].isoformat()]
    with _faulty(vendor, fault):
        refused = desk.cli("data", "import", "tushare", *dates)
    assert "a-token-that-must-not-be-shown" not in one_line(refused, "tushare")
    assert _stored(desk) == before


def test_a_round_goes_on_without_what_was_refused(desk: Desk) -> None:
    assert desk.json("round", SYMBOLS[0])["status"] == "DECIDED"


def test_a_simulated_market_never_comes_into_a_real_ones_database(desk: Desk) -> None:
    before = _stored(desk)
    one_line(desk.cli("data", "import", "sim"), "sim")
    assert _stored(desk) == before


@_ROOT_ONLY
def test_a_state_directory_that_the_servers_cannot_enter(nowhere: Desk) -> None:
    nowhere.path.parent.chmod(0o700)
    one_line(
        nowhere.cli("up", "--port", str(free_port()), "--source", "sim"),
        "nobody",
        "cannot enter",
        "HIDDENGEM_STATE_DIR",
    )


@_ROOT_ONLY
def test_a_user_without_an_entry_in_passwd(nowhere: Desk) -> None:
    nowhere.path.mkdir()
    os.chown(nowhere.path, 4242, 4242)
    program = f"""
import os, sys
import libs.cli.main, libs.cli.up
os.setgroups([])
os.setgid(4242)
os.setuid(4242)
sys.argv = ["hiddengem", "up", "--port", "{free_port()}", "--source", "sim"]
libs.cli.main.main()
"""
    environment = nowhere.environment()
    refused = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False
    )
    one_line(refused, "4242", "/etc/passwd")


@_ROOT_ONLY
def test_a_disk_without_room(nowhere: Desk) -> None:
    nowhere.path.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", str(nowhere.path)], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine lets nobody mount")
    try:
        refused = nowhere.cli("up", "--port", str(free_port()), "--source", "sim")
        one_line(refused, "MB free", "make room")
        assert nowhere.processes() == {}
    finally:
        subprocess.run(["umount", str(nowhere.path)], check=True)


@contextlib.contextmanager
def _faulty(vendor: TushareStub, fault: Fault) -> Iterator[None]:
    vendor.fault = fault
    try:
        yield
    finally:
        vendor.fault = None


def _stored(desk: Desk) -> list[tuple[object, ...]]:
    return desk.rows("""
        SELECT (SELECT count(*) FROM market.bars), (SELECT count(*) FROM market.calendar),
            (SELECT count(*) FROM market.instruments), (SELECT count(*) FROM market.index_bars)""")
