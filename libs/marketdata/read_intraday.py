"""Files of intraday bars and of trades, into the store's columns."""

from datetime import time

import polars as pl

from libs.marketdata.file_columns import LOT, Unfit, day_of, moment, number
from libs.marketdata.source import Kind

_SIDES = {0: "buy", 1: "sell", 2: "neutral"}
_OPENINGS = (time(9, 30), time(13, 0))
_ENDINGS = (time(11, 30), time(15, 0))


def read_minute_bars(raw: pl.DataFrame) -> dict[Kind, pl.DataFrame]:
    """Intraday bars named by their ends; the interval is the step between the bars of one share in one session.

    Raises `Unfit` where the times are the bars' starts: read as ends they would tell the future.
    """
    frame = raw.select(
        pl.col("ts_code").alias("symbol"),
        moment("datetime", raw).alias("ends_at"),
        *(number(name, raw) for name in ("open", "high", "low", "close", "volume", "amount")),
    )
    at = frame["ends_at"].dt.time()
    if at.is_in(_OPENINGS).any() and not at.is_in(_ENDINGS).any():
        raise Unfit("its times are the starts of its bars, not their ends")
    interval = _interval_minutes(frame)
    finished = frame.with_columns(
        pl.lit(interval, dtype=pl.Int64).alias("interval_minutes"), pl.col("ends_at").alias("published_at")
    )
    return {Kind.MINUTE_BARS: finished}


def _interval_minutes(frame: pl.DataFrame) -> int:
    """The step that most bars follow; raises `Unfit` where no two bars of a session say one."""
    ordered = frame.drop_nulls("ends_at").sort("symbol", "ends_at")
    step = pl.col("ends_at").diff().over("symbol", day_of("ends_at"))
    steps = ordered.select(step.dt.total_minutes().alias("step")).drop_nulls().filter(pl.col("step") > 0)
    if not steps.height:
        raise Unfit("no two bars of a session say how long one is")
    counts = steps.group_by("step").len().sort("len", "step", descending=[True, False])
    return int(counts["step"][0])


def read_ticks(raw: pl.DataFrame) -> dict[Kind, pl.DataFrame]:
    """Trades in the order of the file, which numbers those of the same moment; sides are 0 buy, 1 sell, 2 neutral."""
    frame = raw.select(
        pl.col("ts_code").alias("symbol"),
        moment("datetime", raw).alias("traded_at"),
        number("price", raw),
        (number("volume_lots", raw) * LOT).round().alias("volume"),
        number("side", raw).replace_strict(_SIDES, default=None, return_dtype=pl.String).alias("side"),
    )
    sequence = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("symbol", "traded_at")
    return {Kind.TICKS: frame.with_columns(sequence.alias("sequence"), pl.col("traded_at").alias("published_at"))}
