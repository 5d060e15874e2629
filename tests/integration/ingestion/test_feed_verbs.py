"""`hiddengem feed`: a recording is played by one process, heard by another, and watched by a third."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tests.integration.ingestion.conftest import Ingestion

HIDDENGEM = [sys.executable, "-m", "libs.cli.main"]
SECONDS = 40


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate(timeout=10)


def recording(folder: Path) -> Path:
    """Ten minutes of trades, one a second."""
    moments = [f"2024-09-02 10:{second // 60:02d}:{second % 60:02d}" for second in range(600)]
    rows = {"ts_code": "600519.SH", "datetime": moments, "price": 1450.0, "volume_lots": 1, "side": 0}
    frame = pl.DataFrame(rows).with_columns(pl.col("datetime").str.to_datetime("%Y-%m-%d %H:%M:%S"))
    frame.write_parquet(folder / "ticks.parquet")
    return folder / "ticks.parquet"


@pytest.mark.requirement("B9")
def test_a_recording_is_played_heard_and_watched(
    ingestion: Ingestion, redis_url: str, tmp_path: Path, started: list[subprocess.Popen[str]]
) -> None:
    environment = ingestion.environment(HIDDENGEM_REDIS_URL=redis_url, HIDDENGEM_LOG_LEVEL="error")
    play = [*HIDDENGEM, "feed", "play", str(recording(tmp_path)), "--speed", "10", "--port", "0"]
    player = subprocess.Popen(play, env=environment, stdout=subprocess.PIPE, text=True)
    started.append(player)
    assert player.stdout is not None
    assert player.stdout.readline().startswith("600 ticks from 2024-09-02 10:00")
    address = re.search(r"HIDDENGEM_FEED=(\S+)", player.stdout.readline())
    assert address is not None
    watch = [*HIDDENGEM, "feed", "watch", "bars", "--count", "2", "--json"]
    watcher = subprocess.Popen(watch, env=environment, stdout=subprocess.PIPE, text=True)
    started.append(watcher)
    heard = {**environment, "HIDDENGEM_FEED": address[1], "HIDDENGEM_FEED_SYMBOLS": "600519.SH"}
    started.append(
        subprocess.Popen([sys.executable, "-m", "services.ingestion.live", str(os.getpid())], env=heard, text=True)
    )
    said, _ = watcher.communicate(timeout=SECONDS)
    bars = [json.loads(line) for line in said.splitlines()]
    assert [bar["volume"] for bar in bars] == [6000, 6000]
    assert all(bar["replayed"] for bar in bars)
    shown = subprocess.run(
        [*HIDDENGEM, "feed", "status", "--json"], env=environment, capture_output=True, text=True, check=True
    )
    (state,) = json.loads(shown.stdout)
    assert (state["source"], state["condition"], state["refused"]) == ("replay", "connected", {})


@pytest.mark.parametrize(
    ("verb", "word"),
    [
        (["play", "/nowhere"], "FILE"),
        (["play", ".", "--kind", "candles"], "--kind"),
        (["watch", "nonsense"], "TOPIC"),
    ],
)
def test_what_is_wrong_is_named(ingestion: Ingestion, verb: list[str], word: str) -> None:
    done = subprocess.run(
        [*HIDDENGEM, "feed", *verb], env=ingestion.environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 78
    assert word in done.stderr
