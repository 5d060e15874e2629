"""Intraday files: bars by their ends, trades in their order."""

from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from libs.marketdata.file_columns import Unfit
from libs.marketdata.read_intraday import read_minute_bars, read_ticks
from libs.marketdata.source import Kind

SHANGHAI = ZoneInfo("Asia/Shanghai")


def bars(*times: str) -> pl.DataFrame:
    prices = dict.fromkeys(("open", "high", "low", "close"), 10.0)
    return pl.DataFrame(
        [
            {"ts_code": "600519.SH", "datetime": f"2025-01-02 {at}", **prices, "volume": 100, "amount": 1000.0}
            for at in times
        ]
    )


def test_a_bar_is_dated_by_its_end_and_public_then() -> None:
    frame = read_minute_bars(bars("09:45:00", "10:00:00", "11:30:00", "13:15:00"))[Kind.MINUTE_BARS]
    assert frame["interval_minutes"].unique().to_list() == [15]
    assert frame["ends_at"][0] == datetime(2025, 1, 2, 9, 45, tzinfo=SHANGHAI)
    assert frame["published_at"].to_list() == frame["ends_at"].to_list()


def test_a_missing_bar_does_not_lengthen_the_interval() -> None:
    frame = read_minute_bars(bars("09:31:00", "09:32:00", "09:33:00", "09:36:00", "15:00:00"))[Kind.MINUTE_BARS]
    assert frame["interval_minutes"].unique().to_list() == [1]


def test_bars_named_by_their_starts_are_refused_as_a_file() -> None:
    with pytest.raises(Unfit, match="starts of its bars"):
        read_minute_bars(bars("09:30:00", "09:45:00", "13:00:00", "14:45:00"))


def test_one_bar_does_not_say_how_long_it_is() -> None:
    with pytest.raises(Unfit, match="how long"):
        read_minute_bars(bars("09:45:00"))


def test_trades_of_the_same_second_are_numbered_in_their_order() -> None:
    raw = pl.DataFrame(
        {
            "ts_code": ["600000.SH"] * 3,
            "datetime": [datetime(2019, 2, 1, 9, 30, s) for s in (2, 2, 5)],  # noqa: DTZ001 - files are naive
            "price": [10.79, 10.8, 10.8],
            "volume_lots": [177, 3, 4],
            "side": [1, 0, 7],
        }
    )
    frame = read_ticks(raw)[Kind.TICKS]
    assert frame["sequence"].to_list() == [1, 2, 1]
    assert frame["side"].to_list() == ["sell", "buy", None]
    assert frame["volume"].to_list() == [17_700.0, 300.0, 400.0]
    assert frame["traded_at"][0] == datetime(2019, 2, 1, 9, 30, 2, tzinfo=SHANGHAI)
