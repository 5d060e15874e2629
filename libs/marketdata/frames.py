"""The columns of every kind of batch, and when each kind of row became public.

A reader of the store filters on `published_at`, so a wrong rule here is a look-ahead: bars, valuations and
indices of a session are public at 15:30, flows at 18:00, margin balances at 09:00 of the next session, 新闻联播 at
19:30, the morning briefing at 08:30.
"""

from collections.abc import Sequence
from datetime import date, time

import polars as pl

from libs.marketdata.sessions import MARGIN_MORNING
from libs.marketdata.source import Kind

INSTANT = pl.Datetime("us", "Asia/Shanghai")

_PRICES = {name: pl.Float64() for name in ("open", "high", "low", "close", "pre_close")}

SCHEMAS: dict[Kind, dict[str, pl.DataType]] = {
    Kind.CALENDAR: {
        "session": pl.Date(),
    },
    Kind.INSTRUMENTS: {
        "symbol": pl.String(),
        "name": pl.String(),
        "board": pl.String(),
        "industry": pl.String(),
        "list_date": pl.Date(),
        "delist_date": pl.Date(),
        "special_treatment": pl.Boolean(),
        "as_of": pl.Date(),
        "initials": pl.String(),
    },
    Kind.INSTRUMENT_HISTORY: {
        "symbol": pl.String(),
        "attribute": pl.String(),
        "effective_from": pl.Date(),
        "effective_to": pl.Date(),
        "value": pl.String(),
        "reason": pl.String(),
        "published_at": INSTANT,
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
    Kind.MINUTE_BARS: {
        "symbol": pl.String(),
        "interval_minutes": pl.Int64(),
        "ends_at": INSTANT,
        "open": pl.Float64(),
        "high": pl.Float64(),
        "low": pl.Float64(),
        "close": pl.Float64(),
        "volume": pl.Int64(),
        "amount": pl.Float64(),
        "published_at": INSTANT,
    },
    Kind.TICKS: {
        "symbol": pl.String(),
        "traded_at": INSTANT,
        "sequence": pl.Int64(),
        "price": pl.Float64(),
        "volume": pl.Int64(),
        "side": pl.String(),
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
    Kind.VALUATIONS: {
        "symbol": pl.String(),
        "session": pl.Date(),
        "pe_ttm": pl.Float64(),
        "pb_mrq": pl.Float64(),
        "ps_ttm": pl.Float64(),
        "pcf_ncf_ttm": pl.Float64(),
        "dividend_yield": pl.Float64(),
        "total_shares": pl.Int64(),
        "float_shares": pl.Int64(),
        "market_value": pl.Float64(),
        "float_market_value": pl.Float64(),
        "published_at": INSTANT,
    },
    Kind.STATEMENTS: {
        "symbol": pl.String(),
        "period": pl.Date(),
        "item": pl.String(),
        "announced_on": pl.Date(),
        "value": pl.Float64(),
        "published_at": INSTANT,
    },
    Kind.CORPORATE_ACTIONS: {
        "symbol": pl.String(),
        "ex_date": pl.Date(),
        "record_date": pl.Date(),
        "pay_date": pl.Date(),
        "cash_per_share": pl.Float64(),
        "bonus_per_share": pl.Float64(),
        "transfer_per_share": pl.Float64(),
        "rights_per_share": pl.Float64(),
        "rights_price": pl.Float64(),
        "announced_on": pl.Date(),
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
    Kind.NORTHBOUND: {
        "session": pl.Date(),
        "net_buy": pl.Float64(),
        "shanghai_net_buy": pl.Float64(),
        "shenzhen_net_buy": pl.Float64(),
        "turnover": pl.Float64(),
        "published_at": INSTANT,
    },
    Kind.SECTOR_FLOWS: {
        "session": pl.Date(),
        "taxonomy": pl.String(),
        "sector": pl.String(),
        "inflow": pl.Float64(),
        "outflow": pl.Float64(),
        "net_inflow": pl.Float64(),
        "change": pl.Float64(),
        "published_at": INSTANT,
    },
    Kind.PLEDGES: {
        "symbol": pl.String(),
        "as_of": pl.Date(),
        "pledged_ratio": pl.Float64(),
        "pledged_shares": pl.Int64(),
        "contracts": pl.Int64(),
        "published_at": INSTANT,
    },
    Kind.UNLOCKS: {
        "symbol": pl.String(),
        "unlock_date": pl.Date(),
        "share_kind": pl.String(),
        "announced_on": pl.Date(),
        "shares": pl.Int64(),
        "ratio": pl.Float64(),
        "published_at": INSTANT,
    },
    Kind.GOODWILL: {
        "symbol": pl.String(),
        "period": pl.Date(),
        "announced_on": pl.Date(),
        "goodwill": pl.Float64(),
        "ratio_of_equity": pl.Float64(),
        "impairment": pl.Float64(),
        "published_at": INSTANT,
    },
    Kind.SUSPENSIONS: {
        "symbol": pl.String(),
        "session": pl.Date(),
        "extent": pl.String(),
        "timing": pl.String(),
        "reason": pl.String(),
        "published_at": INSTANT,
    },
    Kind.LIMIT_PRICES: {
        "symbol": pl.String(),
        "session": pl.Date(),
        "pre_close": pl.Float64(),
        "limit_up": pl.Float64(),
        "limit_down": pl.Float64(),
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
        "url": pl.String(),
        "issuer": pl.String(),
        "document_number": pl.String(),
        "symbols": pl.List(pl.String()),
        "published_at": INSTANT,
    },
}

KEYS: dict[Kind, tuple[str, ...]] = {
    Kind.CALENDAR: ("session",),
    Kind.INSTRUMENTS: ("symbol",),
    Kind.INSTRUMENT_HISTORY: ("symbol", "attribute", "effective_from"),
    Kind.BARS: ("symbol", "session"),
    Kind.MINUTE_BARS: ("symbol", "interval_minutes", "ends_at"),
    Kind.TICKS: ("symbol", "traded_at", "sequence"),
    Kind.INDEX_BARS: ("symbol", "session"),
    Kind.VALUATIONS: ("symbol", "session"),
    Kind.STATEMENTS: ("symbol", "period", "item", "announced_on"),
    Kind.CORPORATE_ACTIONS: ("symbol", "ex_date"),
    Kind.MARGIN: ("session",),
    Kind.NORTHBOUND: ("session",),
    Kind.SECTOR_FLOWS: ("session", "taxonomy", "sector"),
    Kind.PLEDGES: ("symbol", "as_of"),
    Kind.UNLOCKS: ("symbol", "unlock_date", "share_kind", "announced_on"),
    Kind.GOODWILL: ("symbol", "period", "announced_on"),
    Kind.SUSPENSIONS: ("symbol", "session"),
    Kind.LIMIT_PRICES: ("symbol", "session"),
    Kind.DOCUMENTS: ("document_id",),
}


EVENING_NEWS = time(19, 30)
MORNING_BRIEFING = time(8, 30)
END_OF_DAY = time(23, 59)


def conform(kind: Kind, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame in exactly the columns and types of its kind; a missing column is an error, never a null."""
    return frame.select(pl.col(name).cast(dtype) for name, dtype in SCHEMAS[kind].items())


def with_nothing(kind: Kind, frame: pl.DataFrame, *names: str) -> pl.DataFrame:
    """The frame with columns of its kind that a source does not have at all; they are named, so none is forgotten."""
    schema = SCHEMAS[kind]
    return frame.with_columns(pl.lit(None, dtype=schema[name]).alias(name) for name in names)


def published(day: str, moment: time) -> pl.Expr:
    """`published_at` of rows that become public on their own date `day`."""
    instant = pl.col(day).dt.combine(moment, time_unit="us").dt.replace_time_zone("Asia/Shanghai")
    return instant.alias("published_at")


def with_next_morning(frame: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """Rows that become public on the morning of the session after their own, as margin balances do.

    Where the next session is not known `published_at` is null: nobody could say when the row was public.
    """
    days = sorted(sessions)
    following = pl.DataFrame(
        {"session": days[:-1], "next_session": days[1:]}, schema={"session": pl.Date, "next_session": pl.Date}
    )
    return frame.join(following, on="session", how="left", maintain_order="left").with_columns(
        published("next_session", MARGIN_MORNING)
    )


def with_margin_publication(frame: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """Margin balances with their `published_at`; rows whose next session is not known are left out."""
    return with_next_morning(frame, sessions).drop_nulls("published_at")
