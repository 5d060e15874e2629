"""The rulebook against real bars: every ordinary day lies inside its band, and every exception has a name.

Ordinary: traded, and not in the first sessions of a listing nor on a single exempted day.
"""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from libs.ashare.boards import board_of
from libs.ashare.calendar import CALENDAR
from libs.ashare.panel import PanelBands, PanelRows, bands, board_codes, exempt_rows
from libs.ashare.rulebook import RULEBOOK
from libs.domain.market import Symbol
from tests.support.real_data import real_data_dir

csv = pytest.importorskip("pyarrow.csv")
parquet = pytest.importorskip("pyarrow.parquet")
compute = pytest.importorskip("pyarrow.compute")

DATA = real_data_dir()
pytestmark = pytest.mark.skipif(DATA is None, reason="the real market data is not here (HIDDENGEM_TEST_DATA)")

HALF_FEN = 0.005


@dataclass(frozen=True)
class Bars:
    """The main file of daily bars as arrays, with the bands the rulebook gives."""

    symbol: NDArray[np.str_]
    session: NDArray[np.datetime64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    traded: NDArray[np.bool_]
    rows: PanelRows
    bands: PanelBands

    @property
    def ordinary(self) -> NDArray[np.bool_]:
        """Traded days that have a daily limit."""
        return self.traded & self.bands.limited

    def outside(self) -> NDArray[np.bool_]:
        """Traded days with a price outside the band."""
        above = self.high > self.bands.upper + HALF_FEN
        return self.traded & (above | (self.low < self.bands.lower - HALF_FEN))


def _list_dates(folder: Path) -> dict[str, date]:
    table = csv.read_csv(
        folder / "cn_stock_list_20260304.csv.gz",
        convert_options=csv.ConvertOptions(column_types={"list_date": "string"}),
    )
    pairs = zip(table["ts_code"].to_pylist(), table["list_date"].to_pylist(), strict=True)
    return {code: date(int(day[:4]), int(day[4:6]), int(day[6:8])) for code, day in pairs if day}


def _ages(symbols: NDArray[np.str_], sessions: NDArray[np.datetime64], listed: dict[str, date]) -> NDArray[np.int64]:
    ages = np.zeros(len(symbols), dtype=np.int64)
    for symbol in np.unique(symbols):
        if listed[symbol] < CALENDAR.first:
            continue
        for at in np.flatnonzero(symbols == symbol)[:10]:
            ages[at] = CALENDAR.sessions_since_listing(listed[symbol], sessions[at].item()) or 0
    return ages


@lru_cache(maxsize=1)
def _bars() -> Bars:
    assert DATA is not None
    table = parquet.read_table(DATA / "cn_daily_2020_2025.parquet")
    column = {name: table[name].to_numpy() for name in ("open", "high", "low", "close", "pre_close", "is_st")}
    symbols = np.array(table["ts_code"].to_pylist())
    sessions = compute.cast(table["date"], "date32").to_numpy().astype("datetime64[D]")
    rows = PanelRows(
        board=board_codes([board_of(Symbol(symbol)) for symbol in symbols.tolist()]),
        session=sessions,
        pre_close=column["pre_close"],
        special_treatment=column["is_st"] == 1,
        sessions_since_listing=_ages(symbols, sessions, _list_dates(DATA)),
        exempt=exempt_rows(RULEBOOK, symbols, sessions),
    )
    return Bars(
        symbols,
        sessions,
        column["high"],
        column["low"],
        column["close"],
        table["trade_status"].to_numpy() == 1,
        rows,
        bands(RULEBOOK, rows),
    )


def test_every_ordinary_day_lies_inside_its_band() -> None:
    bars = _bars()
    outside = bars.outside()
    found = [f"{s} {d}" for s, d in zip(bars.symbol[outside], bars.session[outside], strict=True)]
    assert found == []
    assert int(bars.traded.sum()) == 275_630
    assert int(bars.ordinary.sum()) == 275_549


def test_the_days_without_limit_are_the_known_listings_and_one_resumption() -> None:
    bars = _bars()
    free = ~bars.bands.limited
    by_symbol = {
        str(symbol): [str(day) for day in bars.session[free & (bars.symbol == symbol)]]
        for symbol in np.unique(bars.symbol[free])
    }
    assert by_symbol.pop("000792.SZ") == ["2021-08-10"]
    assert all(len(days) == 5 for days in by_symbol.values())
    assert {symbol[:3] for symbol in by_symbol} == {"300", "301", "603", "688"}


def test_old_listings_stay_within_44_percent_of_the_issue_price() -> None:
    """Eleven real first days; 001289.SZ (a merger listing, -22.9 %) obeys the same rule."""
    bars = _bars()
    first = (bars.rows.sessions_since_listing == 1) & bars.bands.limited
    assert sorted(bars.symbol[first].tolist()) == [
        "001289.SZ",
        "300832.SZ",
        "600918.SH",
        "600941.SH",
        "601059.SH",
        "601136.SH",
        "601728.SH",
        "601816.SH",
        "601995.SH",
        "603195.SH",
        "605499.SH",
    ]
    at_limit = np.abs(bars.high[first] - bars.bands.upper[first]) < HALF_FEN
    assert int(at_limit.sum()) == 8


@pytest.mark.parametrize(("day", "traded", "limit_down"), [(date(2020, 2, 3), 199, 119), (date(2025, 4, 7), 225, 64)])
def test_limit_down_closes_are_counted_exactly_on_the_crash_days(day: date, traded: int, limit_down: int) -> None:
    """By price, not by percentage: four of the 119 fell less than 9.9 %, the fen being coarse for cheap shares."""
    bars = _bars()
    here = bars.ordinary & (bars.session == np.datetime64(day))
    closed_down = here & (np.abs(bars.close - bars.bands.lower) < HALF_FEN)
    assert (int(here.sum()), int(closed_down.sum())) == (traded, limit_down)


def test_the_limits_are_really_reached_everywhere() -> None:
    """A band too wide would also contain every bar: closes at the limits show that the bounds are exact."""
    bars = _bars()
    up = bars.ordinary & (np.abs(bars.close - bars.bands.upper) < HALF_FEN)
    down = bars.ordinary & (np.abs(bars.close - bars.bands.lower) < HALF_FEN)
    assert (int(up.sum()), int(down.sum())) == (1783, 612)
