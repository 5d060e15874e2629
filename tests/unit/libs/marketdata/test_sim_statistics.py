"""The figures say of known series what is known of them, and the simulated exchange lies where real markets lie."""

from dataclasses import fields
from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from libs.ashare.calendar import CALENDAR
from libs.domain.errors import InvalidInput
from libs.marketdata.sim_frames import Listed, bars_frame, instruments_frame
from libs.marketdata.sim_market import Market, market_of
from libs.marketdata.sim_minutes import minute_bars
from libs.marketdata.sim_numbers import fat, normal, stream
from libs.marketdata.sim_statistics import DailyFigures, daily_figures, intraday_figures
from tests.support.real_data import real_data_dir

# Least and most of what five seeds and the real index members of 2020 to 2025 show, with room for another seed.
RANGES = {
    "volatility": (0.018, 0.034),
    "market_volatility": (0.009, 0.021),
    "kurtosis": (1.5, 5.0),
    "market_kurtosis": (0.8, 14.0),
    "tail_up": (2.6, 4.8),
    "tail_down": (2.6, 4.8),
    "move_acf_1": (-0.08, 0.08),
    "size_acf_1": (0.10, 0.28),
    "size_acf_5": (0.06, 0.22),
    "size_acf_20": (0.02, 0.16),
    "market_size_acf_1": (0.02, 0.45),
    "market_size_acf_5": (-0.02, 0.35),
    "correlation": (0.17, 0.42),
    "correlation_within": (0.45, 0.70),
    "correlation_across": (0.15, 0.40),
    "limit_up": (0.003, 0.015),
    "limit_down": (0.001, 0.008),
    "limit_up_again": (0.05, 0.25),
    "suspended": (0.0008, 0.004),
    "gap": (0.16, 0.27),
    "day_range": (0.024, 0.036),
    "turnover": (0.005, 0.011),
    "volume_and_size": (0.40, 0.62),
    "sealed_volume": (0.10, 0.6),
}


@lru_cache(maxsize=1)
def made(seed: int) -> Market:
    return market_of(seed, date(2026, 10, 30))


def panel_of(market: Market) -> pl.DataFrame:
    industries = instruments_frame(market).select("symbol", "industry")
    return bars_frame(market, Listed(market)).join(industries, on="symbol", how="left")


@pytest.mark.parametrize("seed", [20260101, 2, 77])
def test_the_simulated_exchange_lies_where_real_markets_lie(seed: int) -> None:
    figures = daily_figures(panel_of(made(seed)))
    outside = {name: getattr(figures, name) for name, (low, high) in RANGES.items()
               if not low <= getattr(figures, name) <= high}  # fmt: skip
    assert outside == {}


def test_every_figure_has_a_range() -> None:
    assert {field.name for field in fields(DailyFigures)} - {"shares", "sessions"} == set(RANGES)


def test_simulated_volume_within_a_session_lies_near_that_of_real_bars() -> None:
    market = made(20260101)
    order = np.argsort(-market.days.amount.sum(axis=0))[:15]
    symbols = [market.companies[int(at)].symbol for at in order]
    figures = intraday_figures(minute_bars(market, symbols, market.sessions[40::90], 15))
    assert 0.22 < figures.first_half_hour < 0.32
    assert 0.11 < figures.last_half_hour < 0.16
    assert 0.030 < figures.quietest < 0.045
    assert figures.size[0] == max(figures.size)


def test_the_real_index_members_of_2020_to_2025_lie_in_the_same_ranges() -> None:
    folder = real_data_dir()
    if folder is None:
        pytest.skip("the real daily bars are not here")
    raw = pl.read_parquet(folder / "cn_daily_2020_2025.parquet")
    industries = pl.read_csv(folder / "cn_stock_list_20260304.csv.gz", infer_schema=False)
    panel = raw.select(
        pl.col("ts_code").alias("symbol"),
        pl.col("date").dt.date().alias("session"),
        *("open", "high", "low", "close", "pre_close", "volume"),
        (pl.col("turnover_rate").cast(pl.Float64) / 100).alias("turnover_rate"),
        (pl.col("trade_status") == 0).alias("suspended"),
        (pl.col("is_st") == 1).alias("special_treatment"),
    ).join(industries.select(pl.col("ts_code").alias("symbol"), "industry"), on="symbol", how="left")
    figures = daily_figures(panel)
    for name, (low, high) in RANGES.items():
        assert low <= getattr(figures, name) <= high, name


def test_the_simulated_comparison_page_holds_its_marks() -> None:
    page = Path(__file__).resolve().parents[4] / "docs" / "explanation" / "simulator-and-reality.md"
    text = page.read_text(encoding="utf-8")
    assert text.index("<!-- figures: begin -->") < text.index("| figure |") < text.index("<!-- figures: end -->")


def _panel(moves: np.ndarray[tuple[int, int], np.dtype[np.float64]], industries: list[str]) -> pl.DataFrame:
    """Shares that move so, without gaps and far from their limits."""
    count, width = moves.shape
    sessions = CALENDAR.sessions_between(date(2021, 1, 4), date(2025, 12, 31))[:count]
    close = 50 * np.exp(np.cumsum(moves, axis=0))
    before = np.vstack([np.full(width, 50.0), close[:-1]])
    frames = []
    for place in range(width):
        last, first = np.round(close[:, place], 2), np.round(before[:, place], 2)
        frames.append(
            pl.DataFrame(
                {
                    "symbol": [f"60{place:04d}.SH"] * count,
                    "session": list(sessions),
                    "open": first,
                    "high": np.maximum(first, last),
                    "low": np.minimum(first, last),
                    "close": last,
                    "pre_close": first,
                    "volume": np.full(count, 10_000) + np.arange(count) % 7,
                    "suspended": [False] * count,
                    "special_treatment": [False] * count,
                    "industry": [industries[place]] * count,
                }
            )
        )
    return pl.concat(frames)


def test_independent_normal_moves_have_no_tails_no_clusters_and_nothing_in_common() -> None:
    moves = 0.012 * normal(stream(1, "flat").random((1000, 8)))
    figures = daily_figures(_panel(moves, ["a", "b"] * 4))
    assert abs(figures.kurtosis) < 0.4
    assert abs(figures.size_acf_1) < 0.04
    assert abs(figures.correlation) < 0.03
    assert figures.tail_up > 4.5
    assert figures.gap == 0.0
    assert figures.limit_up == figures.limit_down == figures.suspended == 0.0
    assert figures.turnover is None


def test_common_moves_and_fat_tails_are_found() -> None:
    draws = stream(2, "common").random((1000, 9))
    market = normal(draws[:, :1])
    own = fat(normal(draws[:, 1:]), 0.2)
    figures = daily_figures(_panel(0.01 * (0.7 * market + 0.7 * own), ["a"] * 4 + ["b"] * 4))
    assert 0.4 < figures.correlation < 0.6
    assert figures.correlation_within is not None
    assert figures.kurtosis > 1.0


def test_a_panel_that_lacks_columns_or_has_a_row_twice_is_refused() -> None:
    panel = _panel(0.01 * normal(stream(3, "bad").random((200, 3))), ["a"] * 3)
    with pytest.raises(InvalidInput, match="lacks volume"):
        daily_figures(panel.drop("volume"))
    with pytest.raises(InvalidInput, match="two rows"):
        daily_figures(pl.concat([panel, panel.head(1)]))
    with pytest.raises(InvalidInput, match="fewer than two"):
        daily_figures(panel.head(150))
    with pytest.raises(InvalidInput, match="16 bars"):
        intraday_figures(pl.DataFrame(schema={"symbol": pl.String, "ends_at": pl.Datetime, "open": pl.Float64,
                                              "close": pl.Float64, "volume": pl.Int64}))  # fmt: skip
