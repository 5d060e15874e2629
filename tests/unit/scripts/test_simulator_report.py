"""The report on the simulator reads a folder of files and writes its tables between the marks of a page."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import polars as pl

from libs.marketdata.sim_frames import Listed, bars_frame
from libs.marketdata.sim_market import market_of

ROOT = Path(__file__).resolve().parents[3]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    script = ROOT / "scripts" / "simulator_report.py"
    return subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, check=False)


def folder_of_bars(path: Path) -> Path:
    market = market_of(3, date(2025, 12, 31), 200)
    bars = bars_frame(market, Listed(market)).filter(~pl.col("suspended"))
    file = bars.select(
        pl.col("symbol").alias("ts_code"),
        pl.col("session").cast(pl.Datetime).alias("date"),
        *("open", "high", "low", "close", "pre_close", "volume"),
    )
    file.write_parquet(path / "cn_daily_2024_2025.parquet")
    return path


def test_tables_of_a_folder_come_between_the_marks_of_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- figures: begin -->\nold\n<!-- figures: end -->\nafter\n", encoding="utf-8")
    done = run(str(folder_of_bars(tmp_path)), "--write", str(page))
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| real 2024–2025 |" in text
    assert "| excess kurtosis of a share |" in text


def test_a_page_without_marks_and_a_folder_that_is_none_are_refused_in_words(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("no marks", encoding="utf-8")
    assert "is no folder" in run(str(tmp_path / "nowhere")).stderr
    assert "has no marks" in run(str(folder_of_bars(tmp_path)), "--write", str(page)).stderr
    assert page.read_text(encoding="utf-8") == "no marks"
