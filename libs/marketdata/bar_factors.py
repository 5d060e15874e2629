"""Adjustment factors (复权因子) of bars whose source gives none, worked out before the bars are stored.

Only for shares of which nothing later is stored: their rows are then written once. Where stored rows stand behind new
ones, `libs.storage.factors` works the whole share out again.
"""

from collections.abc import Mapping

import polars as pl

from libs.marketdata.source import Tail

_DECIMALS = 4
"""Of a stored price: the store must come to the same factors."""


def chained(bars: pl.DataFrame, tails: Mapping[str, Tail | None]) -> pl.DataFrame:
    """The bars with their missing factors, of the shares in `tails`; None there: nothing is stored of that share.

    A factor is that of the bar before, times its close over the reference price of the day; 1.0 at the very first bar.
    A factor that the source gives stays, and those after it follow from it.
    """
    known = [(symbol, tail.close, tail.factor) for symbol, tail in tails.items() if tail is not None]
    before = pl.DataFrame(
        known, schema={"symbol": pl.String, "_close": pl.Float64, "_factor": pl.Float64}, orient="row"
    )
    rows = bars.sort("symbol", "session").join(before, on="symbol", how="left", maintain_order="left")
    last_close = pl.coalesce(pl.col("close").round(_DECIMALS).shift(1).over("symbol"), "_close")
    step = (last_close / pl.col("pre_close").round(_DECIMALS)).log().fill_null(0.0)
    grown = rows.with_columns(step.cum_sum().over("symbol").alias("_grown"))
    given = (pl.col("adj_factor").log() - pl.col("_grown")).forward_fill().over("symbol")
    anchor = given.fill_null(pl.col("_factor").log()).fill_null(0.0)
    missing = pl.col("adj_factor").is_null() & pl.col("symbol").is_in(list(tails))
    factor = pl.when(missing).then((anchor + pl.col("_grown")).exp()).otherwise("adj_factor")
    return grown.with_columns(factor.alias("adj_factor")).select(bars.columns)
