"""Files of daily bars as people have them."""

import gzip
from datetime import UTC, date, datetime, time
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
    assert bars.delisted.tolist() == [1]
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


@pytest.mark.parametrize("written", ["20240902", "2024-09-02", "2024/09/02", "2024/9/2", "2024-09-02 00:00:00"])
def test_a_date_may_be_written_in_many_ways(tmp_path: Path, written: str) -> None:
    bars = read_bars(_csv(tmp_path, HEADER, f"sz.000001,{written},10,10.5,9.9,10.1,10.0,500,0"))
    assert str(bars.session[0]) == "2024-09-02"


def _parquet(tmp_path: Path, **columns: object) -> Path:
    row: dict[str, object] = {"ts_code": "600519.SH", "date": 20240902}
    row |= dict.fromkeys(("open", "high", "low", "close"), 1700.35)
    pl.DataFrame({name: [value] for name, value in (row | columns).items()}).write_parquet(tmp_path / "bars.parquet")
    return tmp_path / "bars.parquet"


@pytest.mark.parametrize(
    "day",
    [
        20240902,
        20240902.0,
        datetime(2024, 9, 2),  # noqa: DTZ001 - a naive one is what many files hold
        datetime(2024, 9, 1, 16, tzinfo=UTC),
        date(2024, 9, 2),
    ],
)
def test_a_date_may_be_of_many_types_and_an_aware_one_is_that_of_shanghai(tmp_path: Path, day: object) -> None:
    assert str(read_bars(_parquet(tmp_path, date=day)).session[0]) == "2024-09-02"


def test_columns_may_be_capitalised_and_stand_in_any_order(tmp_path: Path) -> None:
    bars = read_bars(_csv(tmp_path, "Close,Low,Symbol,High,Date,Open", "10.1,9.9,000001.SZ,10.5,20240902,10"))
    assert (bars.open[0], bars.high[0], bars.low[0], bars.close[0]) == (10.0, 10.5, 9.9, 10.1)


def test_a_price_of_24_binary_digits_is_still_on_its_tick(tmp_path: Path) -> None:
    path = _parquet(tmp_path)
    pl.read_parquet(path).with_columns(pl.col("open").cast(pl.Float32)).write_parquet(path)
    assert read_bars(path).open.tolist() == [1700.35]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"open": [1.0]}, "open is List"),
        ({"open": True}, "open is Boolean"),
        ({"date": time(9, 30)}, "no date that can be read"),
        ({"date": [1]}, "no date that can be read"),
        ({"is_st": "maybe"}, "special 'maybe' is neither 1 nor 0"),
        ({"suspended": "maybe"}, "suspended 'maybe' is neither 1 nor 0"),
    ],
)
def test_a_column_of_another_type_is_named(tmp_path: Path, columns: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        read_bars(_parquet(tmp_path, **columns))


def test_a_flag_that_says_nothing_leaves_the_row_a_trade_and_its_treatment_open(tmp_path: Path) -> None:
    bars = read_bars(_parquet(tmp_path, is_st=None, suspended=None))
    assert (bars.traded.tolist(), bars.special.tolist()) == ([True], [-1])
