"""The columns of every kind of batch, and when each kind of row became public.

A reader of the store filters on `published_at`, so a wrong rule here is a look-ahead: bars, valuations and
indices of a session are public at 15:30, margin balances at 09:00 of the next session, 新闻联播 at 19:30, the
morning briefing at 08:30.
"""

from collections.abc import Sequence
from datetime import date, time

import polars as pl

from libs.marketdata.source import Kind

INSTANT = pl.Datetime("us", "Asia/Shanghai")

_PRICES = {name: pl.Float64() for name in ("open", "high", "low", "close", "pre_close")}

SCHEMAS: dict[Kind, dict[str, pl.DataType]] = {
    Kind.CALENDAR: {"session": pl.Date()},
    Kind.INSTRUMENTS: {
        "symbol": pl.String(),
        "name": pl.String(),
        "board": pl.String(),
        "industry": pl.String(),
        "list_date": pl.Date(),
        "delist_date": pl.Date(),
        "special_treatment": pl.Boolean(),
        "as_of": pl.Date(),
    },
    Kind.BARS: {
        "symbol": pl.String(),
        "session": pl.Date(),
        **_PRICES,
        "volume": pl.Int64(),
        "amount": pl.Float64(),
        "adj_factor": pl.Float64(),
        "turnover_rate": pl.Float64(),
        "suspended": pl.Boolean(),
        "special_treatment": pl.Boolean(),
        "published_at": INSTANT,
    },
    Kind.VALUATIONS: {
        "symbol": pl.String(),
        "session": pl.Date(),
        "pe_ttm": pl.Float64(),
        "pb_mrq": pl.Float64(),
        "ps_ttm": pl.Float64(),
        "pcf_ncf_ttm": pl.Float64(),
        "published_at": INSTANT,
    },
    Kind.INDEX_BARS: {
        "symbol": pl.String(),
        "session": pl.Date(),
        **_PRICES,
        "volume": pl.Int64(),
        "amount": pl.Float64(),
        "published_at": INSTANT,
    },
    Kind.MARGIN: {
        "session": pl.Date(),
        "financing_balance": pl.Float64(),
        "lending_balance": pl.Float64(),
        "financing_bought": pl.Float64(),
        "maintenance_ratio": pl.Float64(),
        "published_at": INSTANT,
    },
    Kind.DOCUMENTS: {
        "document_id": pl.String(),
        "kind": pl.String(),
        "outlet": pl.String(),
        "session_date": pl.Date(),
        "title": pl.String(),
        "body": pl.String(),
        "section": pl.String(),
        "published_at": INSTANT,
    },
}

KEYS: dict[Kind, tuple[str, ...]] = {
    Kind.CALENDAR: ("session",),
    Kind.INSTRUMENTS: ("symbol",),
    Kind.BARS: ("symbol", "session"),
    Kind.VALUATIONS: ("symbol", "session"),
    Kind.INDEX_BARS: ("symbol", "session"),
    Kind.MARGIN: ("session",),
    Kind.DOCUMENTS: ("document_id",),
}


MARGIN_MORNING = time(9, 0)
EVENING_NEWS = time(19, 30)
MORNING_BRIEFING = time(8, 30)
END_OF_DAY = time(23, 59)


def conform(kind: Kind, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame in exactly the columns and types of its kind; a missing column is an error, never a null."""
    return frame.select(pl.col(name).cast(dtype) for name, dtype in SCHEMAS[kind].items())


def published(day: str, moment: time) -> pl.Expr:
    """`published_at` of rows that become public on their own date `day`."""
    instant = pl.col(day).dt.combine(moment, time_unit="us").dt.replace_time_zone("Asia/Shanghai")
    return instant.alias("published_at")


def with_margin_publication(frame: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """Margin balances become public on the morning of the session after their own.

    Rows whose next session is not known are left out: without it nobody could say when they were public.
    """
    days = sorted(sessions)
    following = pl.DataFrame(
        {"session": days[:-1], "next_session": days[1:]}, schema={"session": pl.Date, "next_session": pl.Date}
    )
    return frame.join(following, on="session").with_columns(published("next_session", MARGIN_MORNING))
