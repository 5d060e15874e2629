"""What a daily bar is judged by besides its own row: its mean price, the band of its day, and the close before it.

Applied to every batch of bars before it is stored, whatever source it comes from. A bar outside its band is refused
only where no rule lifts the limit and nothing can be missing: the listing date is known and long past, the share traded
in the session right before (resumptions and delisting periods begin without a limit), and the day is no exempted one.
A share's ST status may be wrong in a source, so every bar is held against the wider limit, and a tick more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from libs.ashare.boards import board_of
from libs.ashare.errors import UnknownRule
from libs.ashare.panel import (
    BOARDS,
    PanelRows,
    ages,
    bands,
    daily_limits,
    exempt_rows,
    on_ticks,
)
from libs.ashare.rulebook import RULEBOOK, Rulebook
from libs.domain.market import Symbol
from libs.marketdata.source import Batch, Kind, LastBar
from libs.marketdata.validation import TOLERANCE, Checks, check, refused_rows

Bools = NDArray[np.bool_]

OUTSIDE_BAND = "outside the price band of its day"
ABOVE_LAST_CLOSE = "reference price above the last close"
BELOW_LAST_CLOSE = "reference price below the last close"
MEAN_OUTSIDE = "mean price outside low and high"
_DISCOUNT = 0.3
"""The widest discount of a block trade, of a share with a band of 30 %."""
_TICK = 0.01
_HALF_TICK = 0.005


def judge_bars(
    batch: Batch, listed: Mapping[str, date], before: Mapping[str, LastBar], rulebook: Rulebook = RULEBOOK
) -> Batch:
    """The batch without the bars that cannot be, and with what is odd about those that stay in `flags`.

    `listed` are listing dates as far as they are known, `before` the bars the batch follows upon.
    """
    if batch.kind is not Kind.BARS or not batch.frame.height:
        return batch
    bars = _with_last(batch.frame.sort("symbol", "session"), before)
    beyond = pl.Series("_beyond", _outside_band(bars, listed, rulebook))
    fit = check(bars.with_columns(beyond), [*mean_price_checks(), (OUTSIDE_BAND, pl.col("_beyond"))])
    refused = refused_rows(batch.kind, fit.bad.select(*batch.frame.columns, "_reason")) if fit.bad.height else None
    both = [frame for frame in (batch.refused, refused) if frame is not None]
    return replace(
        batch,
        frame=fit.frame.select(batch.frame.columns),
        rejected=_added(batch.rejected, fit.rejected),
        refused=pl.concat(both) if both else None,
        flags=_added(batch.flags, _flags(fit.frame)),
    )


def mean_price_checks() -> Checks:
    """Amount over volume is the mean price of the day, and a unit gone wrong puts it far outside low and high.

    Only far outside: some sources count block trades (大宗交易), which are agreed upon at a discount.
    """
    volume, amount = pl.col("volume"), pl.col("amount")
    return [
        ("amount without volume", (volume == 0) & (amount > 0)),
        ("volume without amount", (volume > 0) & (amount <= 0)),
        ("mean price far outside low and high", (volume > 0) & _mean_outside(_DISCOUNT)),
    ]


def _mean_outside(share: float) -> pl.Expr:
    mean = pl.col("amount") / pl.col("volume")
    return (mean < pl.col("low") * (1 - share)) | (mean > pl.col("high") * (1 + share))


def _with_last(bars: pl.DataFrame, before: Mapping[str, LastBar]) -> pl.DataFrame:
    """Bars in order, each with session, close and suspension of the share's bar before it."""
    symbols = bars["symbol"].unique().to_list()
    stored = [(s, before[s].session, before[s].close, before[s].suspended) for s in symbols if s in before]
    names = {"symbol": pl.String, "_session": pl.Date, "_close": pl.Float64, "_suspended": pl.Boolean}
    first = pl.DataFrame(stored, schema=names, orient="row")
    previous = [pl.col(name).shift(1).over("symbol") for name in ("session", "close", "suspended")]
    ordered = bars.with_columns(p.alias(f"_last_{p.meta.output_name()}") for p in previous)
    joined = ordered.join(first, on="symbol", how="left", maintain_order="left")
    return joined.with_columns(
        pl.coalesce(f"_last_{name}", f"_{name}").alias(f"_last_{name}") for name in ("session", "close", "suspended")
    )


def _outside_band(bars: pl.DataFrame, listed: Mapping[str, date], rulebook: Rulebook) -> Bools:
    """Which bars are certain to lie outside the band of their day."""
    rows = _panel(bars, listed, rulebook)
    limited = daily_limits(rulebook, rows) > 0
    judged = limited & _ordinary(bars, rows, rulebook)
    outside = np.zeros(bars.height, dtype=np.bool_)
    at = np.flatnonzero(judged)
    if len(at):
        laid = bands(rulebook, _taken(rows, at))
        low, high = (bars[name].to_numpy()[at] for name in ("low", "high"))
        outside[at] = ~laid.contain(low + _TICK, high - _TICK)
    return outside


def _panel(bars: pl.DataFrame, listed: Mapping[str, date], rulebook: Rulebook) -> PanelRows:
    """The rows as the rulebook takes them; the age is -1 where the listing is not known, or lies ahead."""
    session = bars["session"].to_numpy().astype("datetime64[D]")
    symbols = bars["symbol"]
    boards = {symbol: _board_code(symbol) for symbol in symbols.unique()}
    dates = symbols.replace_strict(listed, default=None, return_dtype=pl.Date).to_numpy().astype("datetime64[D]")
    first, last = (np.datetime64(day, "D") for day in (rulebook.calendar.first, rulebook.calendar.last))
    known = ~np.isnat(dates) & (dates <= session) & (session >= first) & (session <= last)
    age = np.full(bars.height, -1, dtype=np.int64)
    age[known] = ages(rulebook.calendar, dates[known], session[known])
    return PanelRows(
        board=symbols.replace_strict(boards, return_dtype=pl.Int8).to_numpy(),
        session=session,
        pre_close=bars["pre_close"].to_numpy(),
        special_treatment=np.zeros(bars.height, dtype=np.bool_),
        sessions_since_listing=age,
        exempt=np.zeros(bars.height, dtype=np.bool_),
    )


def _ordinary(bars: pl.DataFrame, rows: PanelRows, rulebook: Rulebook) -> Bools:
    """Traded days of shares long listed that traded in the session before, with a reference price on the tick."""
    traded = (~bars["suspended"] & (bars["volume"] > 0)).to_numpy()
    age = rows.sessions_since_listing
    settled = (age == 0) | (age > rulebook.longest_listing)
    tick = np.full(bars.height, _TICK)
    sound = on_ticks(rows.pre_close, tick)
    exempt = exempt_rows(rulebook, bars["symbol"].to_numpy().astype(str), rows.session)
    ordinary: Bools = traded & settled & sound & _follows(bars, rulebook) & ~exempt
    return ordinary


def _follows(bars: pl.DataFrame, rulebook: Rulebook) -> Bools:
    """Where the share's bar before is a traded one of the session right before."""
    sessions = np.array(rulebook.calendar.sessions, dtype="datetime64[D]")
    place = np.searchsorted(sessions, bars["session"].to_numpy().astype("datetime64[D]"))
    last = bars["_last_session"].to_numpy().astype("datetime64[D]")
    right_before = np.searchsorted(sessions, last) == place - 1
    idle = bars["_last_suspended"].fill_null(value=True).to_numpy()
    follows: Bools = ~np.isnat(last) & right_before & ~idle
    return follows


def _taken(rows: PanelRows, at: NDArray[np.intp]) -> PanelRows:
    return PanelRows(
        rows.board[at],
        rows.session[at],
        rows.pre_close[at],
        rows.special_treatment[at],
        rows.sessions_since_listing[at],
        rows.exempt[at],
    )


def _board_code(symbol: str) -> int:
    try:
        return BOARDS.index(board_of(Symbol(symbol)))
    except UnknownRule:
        return -1


def _flags(bars: pl.DataFrame) -> dict[str, int]:
    """What is odd. A reference below the last close is an ex-date; one above it has no plain reason."""
    step = pl.col("pre_close") - pl.col("_last_close")
    odd = {
        ABOVE_LAST_CLOSE: step > _HALF_TICK,
        BELOW_LAST_CLOSE: step < -_HALF_TICK,
        MEAN_OUTSIDE: (pl.col("volume") > 0) & _mean_outside(TOLERANCE),
    }
    counts = bars.select(rows.sum().alias(name) for name, rows in odd.items()).row(0, named=True)
    return {name: int(count) for name, count in counts.items() if count}


def _added(counts: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    names: Sequence[str] = [*counts, *(name for name in more if name not in counts)]
    return {name: counts.get(name, 0) + more.get(name, 0) for name in names}
