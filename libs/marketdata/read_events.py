"""Files of flows and events: northbound trading, sector flows, unlocks, corporate actions."""

from datetime import time

import polars as pl

from libs.domain.market import Board
from libs.marketdata.file_columns import HUNDRED_MILLION, Unfit, day, number, or_null
from libs.marketdata.frames import END_OF_DAY, published
from libs.marketdata.readers import board_name
from libs.marketdata.sessions import FLOWS_OUT
from libs.marketdata.source import Kind

BEFORE_THE_OPEN = time(9, 15)
_MILLION = 1_000_000
_A_SHARES = frozenset(board.value for board in (Board.MAIN, Board.CHINEXT, Board.STAR, Board.BSE))
_GIVEN = {
    "cash_per10": "cash_per_share",
    "bonus_per10": "bonus_per_share",
    "transfer_per10": "transfer_per_share",
    "rights_per10": "rights_per_share",
}


def read_northbound(raw: pl.DataFrame) -> dict[Kind, pl.DataFrame]:
    """Northbound net purchases (沪股通, 深股通, 北向资金), which come in million CNY."""
    frame = raw.select(
        day("date", raw).alias("session"),
        (number("north_money", raw) * _MILLION).round(2).alias("net_buy"),
        (number("hgt", raw) * _MILLION).round(2).alias("shanghai_net_buy"),
        (number("sgt", raw) * _MILLION).round(2).alias("shenzhen_net_buy"),
        pl.lit(None, dtype=pl.Float64).alias("turnover"),
    )
    return {Kind.NORTHBOUND: frame.with_columns(published("session", FLOWS_OUT))}


def read_sector_flows(raw: pl.DataFrame) -> dict[Kind, pl.DataFrame]:
    """Flows of the industries of 同花顺 in hundred million CNY (亿元), their change in percent."""
    flows = {"inflow": "流入资金", "outflow": "流出资金", "net_inflow": "净额"}
    frame = raw.select(
        day("date", raw).alias("session"),
        pl.lit("ths").alias("taxonomy"),
        pl.col("行业").alias("sector"),
        *((number(theirs, raw) * HUNDRED_MILLION).round(2).alias(ours) for ours, theirs in flows.items()),
        (or_null(number("行业-涨跌幅", raw)) / 100).round(10).alias("change"),
    )
    return {Kind.SECTOR_FLOWS: frame.with_columns(published("session", FLOWS_OUT))}


def read_unlocks(raw: pl.DataFrame) -> dict[Kind, pl.DataFrame]:
    """Unlocks, a row per holder in the file, in the columns of Tushare's share_float; ratios in percent of all shares.

    The file does not name holders, so rows of one announcement with the same number of shares are one holder said
    twice; where such rows differ in their ratio nobody knows which is right, and there is none.
    """
    group = ["symbol", "unlock_date", "share_kind", "announced_on"]
    rows = raw.select(
        pl.col("ts_code").alias("symbol"),
        day("float_date", raw).alias("unlock_date"),
        pl.col("share_type").alias("share_kind"),
        day("ann_date", raw).alias("announced_on"),
        number("float_share", raw).alias("shares"),
        (or_null(number("float_ratio", raw)) / 100).round(10).alias("ratio"),
    )
    holders = rows.group_by(*group, "shares", maintain_order=True).agg(
        pl.when(pl.col("ratio").n_unique() == 1).then(pl.col("ratio").first()).alias("ratio")
    )
    known = pl.col("ratio").is_not_null().all()
    summed = holders.group_by(group, maintain_order=True).agg(
        pl.col("shares").sum(), pl.when(known).then(pl.col("ratio").sum().round(10)).alias("ratio")
    )
    return {Kind.UNLOCKS: summed.with_columns(published("announced_on", END_OF_DAY))}


ACTION_DATES = {"ann_date": "announced_on", "record_date": "record_date", "pay_date": "pay_date"}
"""Dates that a file of corporate actions may have, and what they are called in the store."""


def read_corporate_actions(raw: pl.DataFrame) -> dict[Kind, pl.DataFrame]:
    """What was given for ten shares held, of A-shares alone. Rows that only tell a number of shares are no actions.

    An action is public at the end of the day of its announcement, and by the opening auction of its ex-date at the
    latest, for the exchange's reference price of that morning contains it.
    """
    frame = raw.select(
        pl.col("ts_code").alias("symbol"),
        day("ex_date", raw).alias("ex_date"),
        *((number(theirs, raw) / 10).round(8).alias(ours) for theirs, ours in _GIVEN.items()),
        pl.when(number("rights_per10", raw) > 0).then(number("rights_price", raw)).alias("rights_price"),
        *(_optional_day(theirs, raw).alias(ours) for theirs, ours in ACTION_DATES.items()),
    ).filter(pl.sum_horizontal(_GIVEN.values()) != 0)
    shares = [board_name(symbol) in _A_SHARES for symbol in frame["symbol"]]
    public = pl.min_horizontal(published("announced_on", END_OF_DAY), published("ex_date", BEFORE_THE_OPEN))
    known = frame.filter(pl.Series(shares)).with_columns(public.alias("published_at"))
    return {Kind.CORPORATE_ACTIONS: known}


def _optional_day(name: str, raw: pl.DataFrame) -> pl.Expr:
    """A date that may be missing; raises `Unfit` where something stands there that is none."""
    if name not in raw.columns:
        return pl.lit(None, dtype=pl.Date)
    given = pl.col(name).cast(pl.String).str.strip_chars()
    unread = raw.filter((given != "") & day(name, raw).is_null())
    if unread.height:
        raise Unfit(f"{name}: {str(unread[name][0])[:40]!r} is no date; leave it empty where it is not known")
    return day(name, raw)
