"""The figures by which a market is told from a coin: fat tails, volatility clusters, limit days, common moves.

One module measures every panel of daily bars alike, real or simulated, so that both stand in one table. A figure that
a panel cannot give (no industry list, no turnover) is None, never a guess.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from libs.ashare.boards import board_of
from libs.ashare.panel import PanelRows, bands, board_codes
from libs.ashare.rulebook import RULEBOOK
from libs.domain.errors import InvalidInput
from libs.domain.market import Symbol

Floats = NDArray[np.float64]

PANEL = ("symbol", "session", "open", "high", "low", "close", "pre_close", "volume", "suspended", "special_treatment")
"""The columns a panel must have; `turnover_rate` (fraction of the float) and `industry` may be there as well."""
SETTLING_SESSIONS = 20
"""So many first bars of a share that is listed while the panel runs are left out: they follow rules of their own."""
FEWEST_RETURNS = 120
"""Shares with fewer returns are left out of what is measured share by share."""
TAIL_SHARE = 0.02
"""The part of the standardised moves, each side alone, from which the tail index is estimated."""


@dataclass(frozen=True, slots=True)
class DailyFigures:
    """What a panel of daily bars says; moves are logarithms of close over the reference price of the day."""

    shares: int
    sessions: int
    volatility: float
    """Median over the shares of the standard deviation of a day's move."""
    market_volatility: float
    """Standard deviation of the mean move of a day."""
    kurtosis: float
    """Median excess kurtosis of a share."""
    market_kurtosis: float
    tail_up: float
    """Hill's tail index of the largest rises; smaller is fatter, a normal law has none."""
    tail_down: float
    move_acf_1: float
    """Mean over the shares of the autocorrelation of moves."""
    size_acf_1: float
    """The same of absolute moves: how long volatility lasts."""
    size_acf_5: float
    size_acf_20: float
    market_size_acf_1: float
    market_size_acf_5: float
    correlation: float
    """Mean correlation of two shares' moves."""
    correlation_within: float | None
    """Of two shares of one industry."""
    correlation_across: float | None
    """Of two shares of different ones."""
    limit_up: float
    """Closes at the upper limit, as part of the traded share-days with a limit."""
    limit_down: float
    limit_up_again: float
    """Of the closes at the upper limit, the part that is followed by another one in the share's next session."""
    suspended: float
    """Suspended share-days, rows or gaps, as part of all from a share's first to its last."""
    gap: float
    """The overnight part of the squared moves: open against reference, over close against reference."""
    day_range: float
    """Median of the logarithm of high over low."""
    turnover: float | None
    """Median of the part of the float that changes hands in a day."""
    volume_and_size: float
    """Median over the shares of the correlation of a day's size with its volume against the mean of twenty days."""
    sealed_volume: float
    """Median volume of days that never left the upper limit, against the mean of the twenty days before."""


def daily_figures(panel: pl.DataFrame) -> DailyFigures:
    """The figures of a panel with the columns `PANEL`; suspended days may be rows or gaps."""
    lacking = [name for name in PANEL if name not in panel.columns]
    if lacking:
        raise InvalidInput("panel", f"lacks {', '.join(lacking)}")
    if panel.select(pl.struct("symbol", "session").is_duplicated().any()).item():
        raise InvalidInput("panel", "a share stands in two rows of a session")
    days = _prepared(panel)
    moves = _matrix(days, "move")
    if moves.shape[1] < 2:
        raise InvalidInput("panel", f"fewer than two shares with {FEWEST_RETURNS} moves")
    linked = _linked(days, moves)
    return DailyFigures(
        shares=panel["symbol"].n_unique(),
        sessions=panel["session"].n_unique(),
        suspended=_suspended(panel),
        **_of_moves(moves),
        correlation=linked.all,
        correlation_within=linked.within,
        correlation_across=linked.across,
        turnover=_turnover(days),
        **_of_days(days),
    )


def _suspended(panel: pl.DataFrame) -> float:
    numbered = panel.with_columns(pl.col("session").rank("dense").cast(pl.Int64).alias("_number"))
    spans = numbered.group_by("symbol").agg(
        (pl.col("_number").max() - pl.col("_number").min() + 1).alias("days"),
        (~pl.col("suspended")).sum().alias("traded"),
    )
    return 1 - _number(spans["traded"].sum()) / _number(spans["days"].sum())


def _prepared(panel: pl.DataFrame) -> pl.DataFrame:
    """Traded days past their listing, with move, gap, limits and volume against its mean."""
    first = panel["session"].min()
    ordered = panel.sort("symbol", "session").with_columns(
        pl.col("session").min().over("symbol").alias("_since"),
        pl.int_range(pl.len()).over("symbol").alias("_place"),
        pl.col("pre_close").round(2),
    )
    young = (pl.col("_since") > first) & (pl.col("_place") < SETTLING_SESSIONS)
    traded = ordered.filter(~pl.col("suspended") & ~young & (pl.col("pre_close") >= 0.01) & (pl.col("volume") > 0))
    mean = pl.col("volume").cast(pl.Float64).rolling_mean(20).shift(1).over("symbol")
    days = traded.with_columns(
        (pl.col("close") / pl.col("pre_close")).log().alias("move"),
        (pl.col("open") / pl.col("pre_close")).log().alias("gap"),
        (pl.col("high") / pl.col("low")).log().alias("range"),
        (pl.col("volume") / mean).log().alias("heat"),
    )
    up, down, limited = _limits(days)
    return days.with_columns(pl.Series("up", up), pl.Series("down", down), pl.Series("limited", limited))


def _limits(days: pl.DataFrame) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    boards = {symbol: board_of(Symbol(symbol)) for symbol in days["symbol"].unique()}
    none = np.zeros(days.height, dtype=np.int64)
    rows = PanelRows(
        board_codes([boards[symbol] for symbol in days["symbol"]]),
        days["session"].to_numpy().astype("datetime64[D]"),
        days["pre_close"].to_numpy(),
        days["special_treatment"].to_numpy(),
        none,
        none.astype(np.bool_),
    )
    laid = bands(RULEBOOK, rows)
    close = days["close"].to_numpy()
    return laid.closed_up(close), laid.closed_down(close), laid.limited & laid.contain(close, close)


def _matrix(days: pl.DataFrame, name: str) -> Floats:
    """Sessions by shares with enough moves; NaN where a share did not trade."""
    wide = days.pivot("symbol", index="session", values=name, sort_columns=True).sort("session").drop("session")
    values = wide.to_numpy().astype(np.float64)
    kept: Floats = values[:, np.isfinite(values).sum(axis=0) >= FEWEST_RETURNS]
    return kept


def _of_moves(moves: Floats) -> dict[str, float]:
    shares = [column[np.isfinite(column)] for column in moves.T]
    market = np.nanmean(moves, axis=1)
    pooled = np.concatenate([(share - share.mean()) / share.std() for share in shares])
    return {
        "volatility": float(np.median([share.std() for share in shares])),
        "market_volatility": float(market.std()),
        "kurtosis": float(np.median([_kurtosis(share) for share in shares])),
        "market_kurtosis": _kurtosis(market),
        "tail_up": _hill(pooled),
        "tail_down": _hill(-pooled),
        "move_acf_1": _mean_acf(shares, 1),
        **{f"size_acf_{lag}": _mean_acf([np.abs(share) for share in shares], lag) for lag in (1, 5, 20)},
        **{f"market_size_acf_{lag}": _acf(np.abs(market), lag) for lag in (1, 5)},
    }


def _kurtosis(values: Floats) -> float:
    centred = values - values.mean()
    return float((centred**4).mean() / (centred**2).mean() ** 2 - 3)


def _hill(values: Floats) -> float:
    """Hill's estimator over the largest `TAIL_SHARE` of the values."""
    largest = np.sort(values)[-max(2, int(len(values) * TAIL_SHARE)) :]
    return float(1 / np.log(largest[1:] / largest[0]).mean())


def _acf(values: Floats, lag: int) -> float:
    centred = values - values.mean()
    return float((centred[lag:] * centred[:-lag]).sum() / (centred**2).sum())


def _mean_acf(shares: list[Floats], lag: int) -> float:
    return float(np.mean([_acf(share, lag) for share in shares]))


@dataclass(frozen=True, slots=True)
class _Linked:
    """Mean correlations of pairs of shares."""

    all: float
    within: float | None
    across: float | None


def _linked(days: pl.DataFrame, moves: Floats) -> _Linked:
    matrix = _correlations(moves)
    pairs = np.triu(np.isfinite(matrix), 1)
    mean = float(matrix[pairs].mean())
    if "industry" not in days.columns:
        return _Linked(mean, None, None)
    industry = _industries(days)
    known = np.array([name is not None for name in industry])
    both = pairs & known[:, None] & known[None, :]
    same = np.array([[a == b for b in industry] for a in industry]) & both
    if not same.any() or not (both & ~same).any():
        return _Linked(mean, None, None)
    return _Linked(mean, float(matrix[same].mean()), float(matrix[both & ~same].mean()))


def _industries(days: pl.DataFrame) -> list[str | None]:
    counts = days.group_by("symbol").agg(pl.len(), pl.col("industry").first()).sort("symbol")
    kept: list[str | None] = counts.filter(pl.col("len") >= FEWEST_RETURNS)["industry"].to_list()
    return kept


def _correlations(moves: Floats) -> Floats:
    """Over the days on which both traded; NaN for pairs with fewer than `FEWEST_RETURNS` of them."""
    known = np.isfinite(moves).astype(np.float64)
    filled = np.where(known > 0, moves, 0.0)
    n = known.T @ known
    with np.errstate(invalid="ignore", divide="ignore"):
        own, other = (filled.T @ known) / n, (known.T @ filled) / n
        covariance = (filled.T @ filled) / n - own * other
        variance = ((filled**2).T @ known) / n - own**2
        found: Floats = covariance / np.sqrt(variance * variance.T)
    found[n < FEWEST_RETURNS] = np.nan
    return found


def _turnover(days: pl.DataFrame) -> float | None:
    known = days["turnover_rate"].drop_nulls().drop_nans() if "turnover_rate" in days.columns else pl.Series([])
    return _number(known.median()) if len(known) else None


def _of_days(days: pl.DataFrame) -> dict[str, float]:
    after = days.filter(pl.col("limited")).with_columns(pl.col("up").shift(-1).over("symbol").alias("again"))
    sealed = days.filter(pl.col("up") & (pl.col("low") == pl.col("high")))
    heat = days.filter(pl.col("heat").is_finite())
    linked = heat.group_by("symbol").agg(pl.len(), pl.corr("heat", pl.col("move").abs()).alias("r"))
    return {
        "limit_up": _number(after["up"].mean()),
        "limit_down": _number(after["down"].mean()),
        "limit_up_again": _number(after.filter(pl.col("up"))["again"].mean()),
        "gap": _number((days["gap"] ** 2).sum()) / _number((days["move"] ** 2).sum()),
        "day_range": _number(days["range"].median()),
        "volume_and_size": _number(linked.filter(pl.col("len") >= FEWEST_RETURNS)["r"].median()),
        "sealed_volume": float(np.exp(_number(sealed["heat"].drop_nans().median()))),
    }


def _number(value: object) -> float:
    """A figure of a series as a float; NaN where the series is empty."""
    return float(value) if isinstance(value, int | float) else float("nan")


@dataclass(frozen=True, slots=True)
class IntradayFigures:
    """How a session's volume and moves spread over its bars of fifteen minutes."""

    volume: tuple[float, ...]
    """The mean part of a session's volume in each of the sixteen bars."""
    size: tuple[float, ...]
    """The mean absolute move of each bar against that of all bars."""

    @property
    def first_half_hour(self) -> float:
        """The part of the volume before 10:00."""
        return sum(self.volume[:2])

    @property
    def last_half_hour(self) -> float:
        """The part of the volume after 14:30."""
        return sum(self.volume[-2:])

    @property
    def quietest(self) -> float:
        """The part of the volume in the quietest bar."""
        return min(self.volume)


BARS_A_SESSION = 16


def intraday_figures(bars: pl.DataFrame) -> IntradayFigures:
    """The figures of bars of fifteen minutes: symbol, ends_at (Shanghai), open, close, volume."""
    at = pl.col("ends_at").dt
    whole = bars.with_columns(at.date().alias("session"), at.time().alias("end")).filter(
        (pl.len().over("symbol", "session") == BARS_A_SESSION) & (pl.col("volume").sum().over("symbol", "session") > 0)
    )
    if whole["end"].n_unique() != BARS_A_SESSION:
        raise InvalidInput("bars", f"there are not {BARS_A_SESSION} bars in a session")
    by_end = (
        whole.with_columns(
            (pl.col("volume") / pl.col("volume").sum().over("symbol", "session")).alias("part"),
            (pl.col("close") / pl.col("open")).log().abs().alias("size"),
        )
        .group_by("end")
        .agg(pl.col("part").mean(), pl.col("size").mean())
        .sort("end")
    )
    mean = _number(by_end["size"].mean())
    return IntradayFigures(tuple(by_end["part"]), tuple(size / mean for size in by_end["size"]))
