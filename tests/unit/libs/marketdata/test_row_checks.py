"""Every kind of row has its own ways of being wrong, and a good row of each passes."""

import json
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from libs.marketdata.frames import SCHEMAS
from libs.marketdata.row_checks import checks_for
from libs.marketdata.source import Kind
from libs.marketdata.validation import KEPT_REFUSALS, REFUSED, check
from tests.support.market_rows import DAY, EVENING, GOOD, MORNING, SESSIONS, SHANGHAI, frame_of

PREPARED = {Kind.BARS, Kind.INSTRUMENTS, Kind.CALENDAR, Kind.MARGIN, Kind.INDEX_BARS, Kind.VALUATIONS, Kind.DOCUMENTS}
"""Kinds whose rows are checked before they are wholly in the store's columns."""


@pytest.mark.parametrize("kind", sorted(set(GOOD) - {Kind.BARS}))
def test_a_good_row_of_each_kind_passes(kind: Kind) -> None:
    assert check(frame_of(kind, GOOD[kind]), checks_for(kind, SESSIONS)).frame.height == 1


@pytest.mark.parametrize("kind", sorted(set(GOOD) - PREPARED))
def test_without_a_time_of_publication_no_row_passes_that_a_reader_would_date_by_it(kind: Kind) -> None:
    result = check(frame_of(kind, {**GOOD[kind], "published_at": None}), checks_for(kind, SESSIONS))
    assert dict(result.rejected) == {"publication time missing": 1}


def test_the_minute_that_ends_at_the_open_holds_the_opening_call() -> None:
    call = {**GOOD[Kind.MINUTE_BARS], "ends_at": datetime(2024, 8, 16, 9, 30, tzinfo=SHANGHAI), "interval_minutes": 1}
    assert check(frame_of(Kind.MINUTE_BARS, call), checks_for(Kind.MINUTE_BARS, SESSIONS)).frame.height == 1


def test_a_valuation_that_says_nothing_is_none() -> None:
    names = [name for name in SCHEMAS[Kind.VALUATIONS] if name not in {"symbol", "session", "published_at"}]
    empty = {**GOOD[Kind.VALUATIONS], **dict.fromkeys(names)}
    result = check(frame_of(Kind.VALUATIONS, empty), checks_for(Kind.VALUATIONS, SESSIONS))
    assert dict(result.rejected) == {"nothing is said": 1}


@pytest.mark.parametrize(
    ("kind", "wrong", "reason"),
    [
        (Kind.INSTRUMENT_HISTORY, {"attribute": "colour"}, "attribute unknown"),
        (Kind.INSTRUMENT_HISTORY, {"value": "XST"}, "unknown value of st"),
        (Kind.INSTRUMENT_HISTORY, {"effective_to": date(2024, 8, 15)}, "ends before it begins"),
        (Kind.MINUTE_BARS, {"ends_at": datetime(2024, 8, 16, 12, 0, tzinfo=SHANGHAI)}, "outside trading hours"),
        (
            Kind.MINUTE_BARS,
            {"ends_at": datetime(2024, 8, 16, 9, 30, tzinfo=SHANGHAI), "interval_minutes": 5},
            "outside trading hours",
        ),
        (Kind.MINUTE_BARS, {"ends_at": datetime(2024, 8, 17, 9, 45, tzinfo=SHANGHAI)}, "not a session"),
        (Kind.MINUTE_BARS, {"ends_at": None}, "malformed date"),
        (Kind.MINUTE_BARS, {"interval_minutes": 0}, "interval is no number of minutes"),
        (Kind.MINUTE_BARS, {"high": 9.0}, "high below low"),
        (Kind.MINUTE_BARS, {"amount": -1.0}, "amount negative"),
        (Kind.TICKS, {"price": float("nan")}, "price missing"),
        (Kind.TICKS, {"price": 0.0}, "price not positive"),
        (Kind.TICKS, {"volume": 0}, "volume not positive"),
        (Kind.TICKS, {"side": "B"}, "side unknown"),
        (Kind.TICKS, {"traded_at": datetime(2024, 8, 16, 8, 0, tzinfo=SHANGHAI)}, "outside trading hours"),
        (Kind.VALUATIONS, {"market_value": 0.0}, "market_value not positive"),
        (Kind.STATEMENTS, {"announced_on": date(2024, 6, 29)}, "announced before the period ended"),
        (Kind.STATEMENTS, {"announced_on": None}, "announcement date missing"),
        (Kind.STATEMENTS, {"item": "净利润"}, "item unknown"),
        (Kind.STATEMENTS, {"value": float("inf")}, "value missing"),
        (Kind.CORPORATE_ACTIONS, {"cash_per_share": 0.0}, "nothing is given"),
        (Kind.CORPORATE_ACTIONS, {"rights_per_share": 0.3}, "rights without a price"),
        (Kind.CORPORATE_ACTIONS, {"record_date": DAY}, "record date not before the ex-date"),
        (Kind.NORTHBOUND, {"net_buy": 6_775_000_000.0}, "the two halves do not make the whole"),
        (Kind.NORTHBOUND, {"session": SESSIONS[1]}, "net purchases after the exchanges ended them"),
        (
            Kind.NORTHBOUND,
            dict.fromkeys(("net_buy", "shanghai_net_buy", "shenzhen_net_buy")),
            "nothing is said",
        ),
        (Kind.SECTOR_FLOWS, {"net_inflow": 2e9}, "inflow less outflow is not the net inflow"),
        (Kind.SECTOR_FLOWS, {"taxonomy": "mine"}, "taxonomy unknown"),
        (Kind.PLEDGES, {"pledged_ratio": 20.0}, "pledged ratio is no fraction"),
        (Kind.UNLOCKS, {"shares": 0}, "shares not positive"),
        (Kind.GOODWILL, {"goodwill": -1.0}, "goodwill negative"),
        (Kind.SUSPENSIONS, {"extent": "all day"}, "extent unknown"),
        (Kind.LIMIT_PRICES, {"limit_up": None}, "one limit without the other"),
        (Kind.LIMIT_PRICES, {"limit_up": 9.5}, "limits not around the reference price"),
    ],
)
def test_a_bad_row_is_refused_for_its_reason(kind: Kind, wrong: dict[str, Any], reason: str) -> None:
    result = check(frame_of(kind, {**GOOD[kind], **wrong}, GOOD[kind]), checks_for(kind, SESSIONS))
    assert dict(result.rejected) == {reason: 1}
    assert result.frame.height == 1


TOO_EARLY = "public before it happened"


@pytest.mark.parametrize(
    ("kind", "wrong", "reason"),
    [
        (Kind.INDEX_BARS, {"published_at": MORNING}, TOO_EARLY),
        (Kind.VALUATIONS, {"published_at": datetime(2024, 8, 16, 14, 59, tzinfo=SHANGHAI)}, TOO_EARLY),
        (Kind.NORTHBOUND, {"published_at": datetime(2023, 12, 31, 23, 59, tzinfo=SHANGHAI)}, TOO_EARLY),
        (Kind.TICKS, {"published_at": MORNING - timedelta(microseconds=1)}, TOO_EARLY),
        (Kind.MINUTE_BARS, {"published_at": MORNING - timedelta(minutes=15)}, TOO_EARLY),
        (Kind.STATEMENTS, {"published_at": datetime(2024, 6, 29, 23, 59, tzinfo=SHANGHAI)}, TOO_EARLY),
        (Kind.PLEDGES, {"published_at": datetime(2024, 8, 15, 23, 59, tzinfo=SHANGHAI)}, TOO_EARLY),
        (Kind.VALUATIONS, {"pe_ttm": float("inf")}, "number without end"),
        (Kind.SECTOR_FLOWS, {"change": float("-inf")}, "number without end"),
        (Kind.SUSPENSIONS, {"reason": "重大\x00事项"}, "text with a null character"),
        (Kind.INSTRUMENTS, {"name": "茅台\x00"}, "text with a null character"),
        (Kind.DOCUMENTS, {"url": "https://x/\x00"}, "text with a null character"),
        (Kind.MINUTE_BARS, {"amount": 1e16}, "amount implausible"),
        (Kind.GOODWILL, {"impairment": -1e16}, "impairment implausible"),
        (Kind.LIMIT_PRICES, {"limit_up": 1e9}, "limit_up implausible"),
        (Kind.UNLOCKS, {"shares": 10**15}, "shares implausible"),
    ],
)
def test_no_row_of_any_kind_looks_ahead_or_carries_what_no_column_holds(
    kind: Kind, wrong: dict[str, Any], reason: str
) -> None:
    result = check(frame_of(kind, {**GOOD[kind], **wrong}, GOOD[kind]), checks_for(kind, SESSIONS))
    assert (dict(result.rejected), result.frame.height) == ({reason: 1}, 1)


def test_an_optional_number_that_is_none_is_nothing_and_not_bad() -> None:
    none = float("nan")
    row = {**GOOD[Kind.MINUTE_BARS], "amount": none}
    result = check(frame_of(Kind.MINUTE_BARS, row), checks_for(Kind.MINUTE_BARS, SESSIONS))
    assert result.frame["amount"].to_list() == [None]
    silent = {**GOOD[Kind.NORTHBOUND], **dict.fromkeys(("net_buy", "shanghai_net_buy", "shenzhen_net_buy"), none)}
    refused = check(frame_of(Kind.NORTHBOUND, silent), checks_for(Kind.NORTHBOUND, SESSIONS)).rejected
    assert dict(refused) == {"nothing is said": 1}


def test_after_the_exchanges_ended_net_purchases_a_turnover_alone_is_good() -> None:
    row = {"session": SESSIONS[1], "turnover": 1.2e11, "published_at": EVENING + timedelta(days=3)}
    assert check(frame_of(Kind.NORTHBOUND, row), checks_for(Kind.NORTHBOUND, SESSIONS)).frame.height == 1


def test_a_day_without_limits_has_none_and_is_good() -> None:
    row = {**GOOD[Kind.LIMIT_PRICES], "limit_up": None, "limit_down": None}
    assert check(frame_of(Kind.LIMIT_PRICES, row), checks_for(Kind.LIMIT_PRICES, SESSIONS)).frame.height == 1


def test_refused_rows_can_be_looked_at_whole() -> None:
    bad = {**GOOD[Kind.TICKS], "price": float("nan")}
    refused = check(frame_of(Kind.TICKS, bad), checks_for(Kind.TICKS, SESSIONS)).refused(Kind.TICKS)
    assert refused is not None
    assert refused.schema == REFUSED
    [(kind, symbol, session, reason, row)] = refused.rows()
    assert (kind, symbol, session, reason) == ("ticks", "600519.SH", DAY, "price missing")
    written = json.loads(row)
    assert written["price"] == "NaN"
    assert written["traded_at"] == "2024-08-16T09:45:00+08:00"
    assert set(written) == set(SCHEMAS[Kind.TICKS])


def test_nothing_refused_is_none() -> None:
    assert check(frame_of(Kind.TICKS, GOOD[Kind.TICKS]), checks_for(Kind.TICKS, SESSIONS)).refused(Kind.TICKS) is None


def test_of_very_many_refused_rows_the_first_are_kept_and_all_are_counted() -> None:
    bad = frame_of(Kind.TICKS, {**GOOD[Kind.TICKS], "price": 0.0})
    many = pl.concat([bad] * (KEPT_REFUSALS + 5))
    result = check(many, checks_for(Kind.TICKS, SESSIONS))
    assert dict(result.rejected) == {"price not positive": KEPT_REFUSALS + 5}
    refused = result.refused(Kind.TICKS)
    assert refused is not None
    assert refused.height == KEPT_REFUSALS
