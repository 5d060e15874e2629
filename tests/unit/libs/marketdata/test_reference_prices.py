"""Reference prices out of raw and adjusted bars."""

import numpy as np
import polars as pl
import pytest

from libs.marketdata.reference_prices import Prices, UnrelatedSeries, reference_prices
from tests.support.real_data import real_data_dir

DATA = real_data_dir()


def walk(sessions: int) -> Prices:
    """Open, high, low and close of a share that goes nowhere in particular."""
    close = 10 + 0.4 * np.sin(np.arange(sessions, dtype=np.float64))
    opened = close - 0.1
    rows: Prices = np.column_stack((opened, close + 0.2, opened - 0.15, close))
    return rows.round(2)


def test_on_an_ordinary_day_it_is_the_close_before() -> None:
    raw = walk(30)
    assert reference_prices(raw, np.round(1.7 * raw + 3, 2)) == raw[:-1, -1].tolist()


def test_a_dividend_is_taken_off() -> None:
    raw = walk(30)
    adjusted = raw.copy()
    adjusted[12:] += 0.35
    found = reference_prices(raw, np.round(adjusted, 2))
    assert found[11] == round(raw[11, -1] - 0.35, 2)
    assert found[:11] + found[12:] == raw[:-1, -1].tolist()[:11] + raw[:-1, -1].tolist()[12:]


def test_a_split_on_the_newest_day_is_seen_at_once() -> None:
    raw = walk(30)
    raw[29] = np.round(raw[29] / 1.4, 2)
    adjusted = raw * 2.5
    adjusted[29] = raw[29] * 2.5 * 1.4
    found = reference_prices(raw, np.round(adjusted, 2))
    assert abs(found[28] - raw[28, -1] / 1.4) <= 0.01
    assert found[:28] == raw[:-2, -1].tolist()


def test_a_share_that_never_moves_keeps_its_price() -> None:
    raw = np.full((5, 4), 3.21)
    assert reference_prices(raw, raw * 2) == [3.21] * 4


def test_adjusted_prices_of_another_share_are_refused() -> None:
    raw = walk(60)
    with pytest.raises(UnrelatedSeries, match="do not fit"):
        reference_prices(raw, np.round(raw[::-1] * 2, 2))


@pytest.mark.skipif(DATA is None, reason="the real market data is not here (HIDDENGEM_TEST_DATA)")
@pytest.mark.parametrize(("symbol", "ex_dates"), [("600519.SH", 8), ("300750.SZ", 6), ("601398.SH", 6)])
def test_the_ex_dates_of_real_shares_come_back(symbol: str, ex_dates: int) -> None:
    assert DATA is not None
    bars = pl.read_parquet(DATA / "cn_daily_2020_2025.parquet").filter(ts_code=symbol, trade_status=1).sort("date")
    raw = np.round(bars.select("open", "high", "low", "close").to_numpy().astype(np.float64), 2)
    told = np.round(bars["pre_close"].to_numpy().astype(np.float64), 2)
    cut = np.append(0.0, raw[:-1, -1] - told[1:])
    found = reference_prices(raw, np.round(raw + np.cumsum(cut)[:, None], 2))
    assert int((np.abs(cut) > 0.001).sum()) == ex_dates
    assert found == told[1:].tolist()


@pytest.mark.skipif(DATA is None, reason="the real market data is not here (HIDDENGEM_TEST_DATA)")
def test_every_reference_price_of_real_shares_comes_back_from_prices_adjusted_by_a_factor() -> None:
    """As Sina adjusts them; one share in six of the file, every session of each."""
    assert DATA is not None
    bars = pl.read_parquet(DATA / "cn_daily_2020_2025.parquet").filter(trade_status=1).sort("ts_code", "date")
    for symbol in bars["ts_code"].unique().sort()[::6]:
        share = bars.filter(ts_code=symbol)
        raw = np.round(share.select("open", "high", "low", "close").to_numpy().astype(np.float64), 2)
        told = np.round(share["pre_close"].to_numpy().astype(np.float64), 2)[1:]
        factor = np.cumprod(np.append(1.0, raw[:-1, -1] / told))
        found = np.array(reference_prices(raw, np.round(raw * factor[:, None], 2)))
        assert float(np.abs(found - told).max()) <= 0.011, symbol
