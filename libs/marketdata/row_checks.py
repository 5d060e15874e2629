"""What a row of each kind must satisfy, whatever source it comes from."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from libs.marketdata.source import Kind
from libs.marketdata.validation import (
    Checks,
    price_checks,
    reference_price_checks,
    session_checks,
    symbol_checks,
    turnover_checks,
)


def checks_for(kind: Kind, sessions: Sequence[date]) -> Checks:
    """The checks of one kind, in the order in which reasons are given."""
    dated = [*session_checks(sessions)]
    keyed = [*symbol_checks(), *dated]
    priced = [*price_checks(), *reference_price_checks(), *turnover_checks()]
    by_kind: dict[Kind, Checks] = {
        Kind.CALENDAR: [("malformed date", pl.col("session").is_null())],
        Kind.INSTRUMENTS: [*symbol_checks(), *_instrument_checks()],
        Kind.BARS: [*keyed, *_status_checks(), *priced],
        Kind.VALUATIONS: keyed,
        Kind.INDEX_BARS: [*keyed, *priced],
        Kind.MARGIN: [*dated, *_margin_checks()],
        Kind.DOCUMENTS: _document_checks(),
    }
    return by_kind[kind]


def _instrument_checks() -> Checks:
    return [
        ("name missing", pl.col("name").fill_null("").str.strip_chars() == ""),
        ("board unknown", pl.col("board").is_null()),
        ("malformed listing date", pl.col("list_date").is_null()),
    ]


def _status_checks() -> Checks:
    suspended = pl.col("trade_status") == 0
    return [
        ("trade status neither 0 nor 1", ~pl.col("trade_status").is_in([0.0, 1.0])),
        ("ST flag neither 0 nor 1", ~pl.col("is_st").is_in([0.0, 1.0])),
        ("volume on a suspended day", suspended & (pl.col("volume") > 0)),
        ("adjustment factor not positive", pl.col("adj_factor").is_not_null() & (pl.col("adj_factor") <= 0)),
        ("turnover rate negative", pl.col("turnover_rate").is_not_null() & (pl.col("turnover_rate") < 0)),
    ]


def _margin_checks() -> Checks:
    balances = ["financing_balance", "lending_balance", "financing_bought"]
    return [
        ("balance missing", ~pl.all_horizontal(pl.col(balances).is_finite().fill_null(value=False))),
        ("balance negative", pl.any_horizontal(pl.col(balances) < 0)),
    ]


def _document_checks() -> Checks:
    return [
        ("malformed date", pl.col("session_date").is_null()),
        ("text missing", pl.col("body").fill_null("") == ""),
        ("title missing", (pl.col("kind") == "policy") & (pl.col("title").fill_null("") == "")),
    ]
