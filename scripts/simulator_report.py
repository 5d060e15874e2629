"""How far the simulated exchange is from real markets: one table of figures, real files beside it.

    .venv/bin/python scripts/simulator_report.py DATA                # prints the table as Markdown
    .venv/bin/python scripts/simulator_report.py DATA --write PAGE   # puts it into a page, between its marks

DATA is a folder with files of daily bars in the columns of tushare and baostock (`cn_daily_*.parquet`: ts_code, date,
open, high, low, close, pre_close, volume, and where known trade_status, is_st, turnover_rate), bars of fifteen minutes
(`cn_bar15m_*.parquet`) and a list of shares (`cn_stock_list_*.csv.gz`: ts_code, industry). What is missing is left out.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median

import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from libs.marketdata.sim_frames import Listed, bars_frame, instruments_frame
from libs.marketdata.sim_market import Market, market_of
from libs.marketdata.sim_minutes import minute_bars
from libs.marketdata.sim_statistics import DailyFigures, IntradayFigures, daily_figures, intraday_figures

SEEDS = (20260101, 1, 2, 3, 4)
LAST_SESSION = date(2026, 10, 30)
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

_INTRADAY_SHARES, _INTRADAY_SESSIONS = 20, 12


@dataclass(frozen=True, slots=True)
class Line:
    """One figure: what it is called, where it is found, how it is shown."""

    name: str
    of: Callable[[DailyFigures], float | None]
    shown: str


LINES = (
    Line("volatility of a share, a day", lambda f: f.volatility, "{:.2%}"),
    Line("volatility of the mean share, a day", lambda f: f.market_volatility, "{:.2%}"),
    Line("excess kurtosis of a share", lambda f: f.kurtosis, "{:.2f}"),
    Line("excess kurtosis of the mean share", lambda f: f.market_kurtosis, "{:.2f}"),
    Line("tail index, rises", lambda f: f.tail_up, "{:.2f}"),
    Line("tail index, falls", lambda f: f.tail_down, "{:.2f}"),
    Line("autocorrelation of moves, lag 1", lambda f: f.move_acf_1, "{:+.3f}"),
    Line("autocorrelation of absolute moves, lag 1", lambda f: f.size_acf_1, "{:.3f}"),
    Line("…, lag 5", lambda f: f.size_acf_5, "{:.3f}"),
    Line("…, lag 20", lambda f: f.size_acf_20, "{:.3f}"),
    Line("…, of the mean share, lag 1", lambda f: f.market_size_acf_1, "{:.3f}"),
    Line("…, of the mean share, lag 5", lambda f: f.market_size_acf_5, "{:.3f}"),
    Line("correlation of two shares", lambda f: f.correlation, "{:.3f}"),
    Line("…, of one industry", lambda f: f.correlation_within, "{:.3f}"),
    Line("…, of two industries", lambda f: f.correlation_across, "{:.3f}"),
    Line("closes at the upper limit", lambda f: f.limit_up, "{:.2%}"),
    Line("closes at the lower limit", lambda f: f.limit_down, "{:.2%}"),
    Line("upper limit again the next day", lambda f: f.limit_up_again, "{:.1%}"),
    Line("suspended share-days", lambda f: f.suspended, "{:.2%}"),
    Line("overnight part of squared moves", lambda f: f.gap, "{:.1%}"),
    Line("high over low, median", lambda f: f.day_range, "{:.2%}"),
    Line("turnover of the float, median", lambda f: f.turnover, "{:.2%}"),
    Line("correlation of volume and size of move", lambda f: f.volume_and_size, "{:.2f}"),
    Line("volume of a sealed upper limit, of ordinary", lambda f: f.sealed_volume, "{:.2f}"),
)


def simulated_panel(market: Market) -> pl.DataFrame:
    """The bars of a simulated market as the statistics take them."""
    industries = instruments_frame(market).select("symbol", "industry")
    return bars_frame(market, Listed(market)).join(industries, on="symbol", how="left", maintain_order="left")


def real_panel(file: Path, industries: pl.DataFrame | None) -> pl.DataFrame:
    """The bars of a real file; where it does not tell ST shares they are held against the ordinary limit."""
    raw = pl.read_parquet(file)
    has = raw.columns
    status = pl.col("trade_status") == 0 if "trade_status" in has else pl.lit(value=False)
    treated = pl.col("is_st") == 1 if "is_st" in has else pl.lit(value=False)
    turnover = (
        [(pl.col("turnover_rate").cast(pl.Float64) / 100).alias("turnover_rate")] if "turnover_rate" in has else []
    )
    panel = raw.select(
        pl.col("ts_code").alias("symbol"),
        pl.col("date").dt.date().alias("session"),
        *("open", "high", "low", "close", "pre_close", "volume"),
        *turnover,
        status.alias("suspended"),
        treated.alias("special_treatment"),
    ).drop_nulls(["pre_close", "volume"])
    panel = panel.unique(["symbol", "session"], keep="none", maintain_order=True)
    return panel if industries is None else panel.join(industries, on="symbol", how="left", maintain_order="left")


def real_minutes(file: Path) -> IntradayFigures:
    """The figures of a file with bars of fifteen minutes."""
    return intraday_figures(pl.read_parquet(file).rename({"ts_code": "symbol", "datetime": "ends_at"}))


def simulated_minutes(market: Market) -> IntradayFigures:
    """The same of some sessions of the most traded shares."""
    step = len(market.sessions) // _INTRADAY_SESSIONS
    sessions = market.sessions[step // 2 :: step]
    order = market.days.amount.sum(axis=0).argsort()[::-1]
    symbols = [market.companies[int(at)].symbol for at in order[:_INTRADAY_SHARES]]
    return intraday_figures(minute_bars(market, symbols, sessions, 15))


def daily_table(columns: Sequence[tuple[str, DailyFigures]], simulated: Sequence[DailyFigures]) -> str:
    """Markdown: real columns, then the median and the range of the simulated markets."""
    heads = [name for name, _ in columns]
    rows = [
        f"| figure | {' | '.join(heads)} | simulated, median | least … most |",
        "|---|" + "---:|" * (len(heads) + 2),
    ]
    for line in LINES:
        cells = [_cell(line, line.of(figures)) for _, figures in columns]
        found = [value for figures in simulated if (value := line.of(figures)) is not None]
        spread = f"{line.shown.format(min(found))} … {line.shown.format(max(found))}"
        rows.append(f"| {line.name} | {' | '.join(cells)} | {line.shown.format(median(found))} | {spread} |")
    return "\n".join(rows)


def _cell(line: Line, value: float | None) -> str:
    return "–" if value is None or value != value else line.shown.format(value)  # noqa: PLR0124 - NaN


def intraday_table(real: IntradayFigures | None, simulated: IntradayFigures) -> str:
    """Markdown: the part of the volume in each quarter of an hour."""
    ends = [f"{9 + (30 + 15 * i) // 60}:{(30 + 15 * i) % 60:02d}" for i in range(1, 9)]
    ends += [f"{13 + 15 * i // 60}:{15 * i % 60:02d}" for i in range(1, 9)]
    rows = ["| bar ends at | real | simulated |", "|---|---:|---:|"]
    for at, end in enumerate(ends):
        there = "–" if real is None else f"{real.volume[at]:.1%}"
        rows.append(f"| {end} | {there} | {simulated.volume[at]:.1%} |")
    return "\n".join(rows)


def report(data: Path) -> str:
    """All tables."""
    lists = sorted(data.glob("cn_stock_list_*.csv.gz"))
    industries = None
    if lists:
        industries = pl.read_csv(lists[-1], infer_schema=False).select(pl.col("ts_code").alias("symbol"), "industry")
    files = sorted((f for f in data.glob("cn_daily_20*.parquet") if _is_whole(f)), reverse=True)
    columns = [(_title(file), daily_figures(real_panel(file, industries))) for file in files]
    markets = [market_of(seed, LAST_SESSION) for seed in SEEDS]
    simulated = [daily_figures(simulated_panel(market)) for market in markets]
    quarters = sorted(data.glob("cn_bar15m_*.parquet"))
    real = real_minutes(quarters[0]) if quarters else None
    intraday = intraday_table(real, simulated_minutes(markets[0]))
    seeds = ", ".join(map(str, SEEDS))
    span = f"{len(markets[0].sessions)} sessions to {LAST_SESSION}"
    told = f"Simulated: seeds {seeds}, {span}, {simulated[0].shares} shares."
    return f"{told}\n\n{daily_table(columns, simulated)}\n\n{intraday}\n"


def _is_whole(file: Path) -> bool:
    return {"pre_close", "volume", "open"} <= set(pl.read_parquet_schema(file))


def _title(file: Path) -> str:
    first, last = file.stem.split("_")[-2:]
    return f"real {first}–{last}"


def main() -> int:
    """Print the tables, or put them into a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DATA", help="the folder with real files")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="the page that holds the tables between its marks")
    asked = parser.parse_args()
    if not asked.data.is_dir():
        parser.error(f"{asked.data} is no folder")
    if asked.write is None:
        print(report(asked.data))
        return 0
    before, _, rest = asked.write.read_text(encoding="utf-8").partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        parser.error(f"{asked.write} has no marks {BEGIN} and {END}")
    asked.write.write_text(f"{before}{BEGIN}\n\n{report(asked.data)}\n{END}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
