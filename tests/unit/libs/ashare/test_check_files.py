"""Files of daily bars as people have them."""

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from libs.ashare.check_files import read_bars
from libs.domain.errors import InvalidInput

HEADER = "code,trade_date,open,high,low,close,preclose,vol,isST"
ROWS = ["sz.000001,20240903,10,10.5,9.9,10.1,10.0,500,0", "sz.000001,2024-09-02,10,10,10,10,,0,1"]


def _csv(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "bars.csv.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return path


def test_many_spellings_are_read_and_rows_are_sorted(tmp_path: Path) -> None:
    bars = read_bars(_csv(tmp_path, HEADER, *ROWS))
    assert bars.symbols.tolist() == ["000001.SZ"]
    assert [str(day) for day in bars.session] == ["2024-09-02", "2024-09-03"]
    assert bars.traded.tolist() == [False, True]
    assert bars.special.tolist() == [1, 0]
    assert np.isnan(bars.pre_close[0])
    assert bars.pre_close[1] == 10.0
    assert np.isnat(bars.list_date).all()


@pytest.mark.parametrize("symbol", ["000001.SZ", "sz.000001", "SZ000001", "000001.XSHE"])
def test_symbols_come_in_many_forms(tmp_path: Path, symbol: str) -> None:
    bars = read_bars(_csv(tmp_path, HEADER, f"{symbol},20240903,10,10.5,9.9,10.1,10.0,500,0"))
    assert bars.symbols.tolist() == ["000001.SZ"]


def test_parquet_with_timestamps_and_an_instrument_list(tmp_path: Path) -> None:
    frame = pl.DataFrame({"symbol": ["600000.SH"], "date": ["2024-09-02"], "open": [10.0]})
    frame = frame.with_columns(
        pl.col("date").str.to_datetime(), high=pl.col("open"), low=pl.col("open"), close=pl.col("open")
    )
    frame.write_parquet(tmp_path / "bars.parquet")
    (tmp_path / "list.csv").write_text(
        "ts_code,name,list_date,status\n600000.SH,退市某某,19991110,D\nT00018.SH,x,,D\n", encoding="utf-8"
    )
    bars = read_bars(tmp_path / "bars.parquet", tmp_path / "list.csv")
    assert str(bars.list_date[0]) == "1999-11-10"
    assert bars.delisted.tolist() == [True]
    assert bars.special.tolist() == [-1]
    assert bars.traded.tolist() == [True]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["code,trade_date,open,high,close", "sz.000001,20240903,1,1,1"], "no column low"),
        ([HEADER, "000001,20240903,10,10.5,9.9,10.1,10.0,500,0"], "'000001' is not a symbol"),
        ([HEADER, "sz.000001,3rd,10,10.5,9.9,10.1,10.0,500,0"], "1 rows have no date"),
        ([HEADER, "sz.000001,20240903,10,ten,9.9,10.1,10.0,500,0"], "high 'ten' is not a number"),
        ([HEADER], "no rows"),
    ],
)
def test_a_file_that_cannot_be_read_names_what_is_wrong(tmp_path: Path, lines: list[str], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        read_bars(_csv(tmp_path, *lines))


def test_other_kinds_of_files_and_broken_ones_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bars.xlsx").write_bytes(b"x")
    (tmp_path / "bars.parquet").write_bytes(b"no parquet")
    for name, words in (("bars.xlsx", "neither"), ("bars.parquet", "cannot be read")):
        with pytest.raises(InvalidInput, match=words):
            read_bars(tmp_path / name)


def test_an_undeclared_class_of_fund_is_refused(tmp_path: Path) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("ts_code,fund_class\n588000.SH,exotic\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="fund_class"):
        read_bars(_csv(tmp_path, HEADER, *ROWS), listed)
