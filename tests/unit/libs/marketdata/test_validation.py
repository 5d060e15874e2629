"""A bad row is refused for a named reason; the rest passes untouched."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from libs.marketdata.frames import published
from libs.marketdata.row_checks import checks_for
from libs.marketdata.sessions import AFTER_CLOSE
from libs.marketdata.source import Kind
from libs.marketdata.validation import check, keep_first

SESSIONS = [date(2024, 9, 2), date(2024, 9, 3), date(2024, 9, 5)]
GOOD: dict[str, Any] = {
    "symbol": "600519.SH",
    "session": date(2024, 9, 2),
    "open": 10.0,
    "high": 11.0,
    "low": 9.5,
    "close": 10.5,
    "pre_close": 10.0,
    "volume": 1000.0,
    "amount": 10_200.0,
    "adj_factor": 1.0,
    "turnover_rate": 0.01,
    "trade_status": 1.0,
    "is_st": 0.0,
}
NAN = float("nan")


def frame_of(*rows: dict[str, Any]) -> pl.DataFrame:
    types = {k: pl.Float64 for k, v in GOOD.items() if isinstance(v, float)}
    frame = pl.DataFrame(list(rows), schema={"symbol": pl.String, "session": pl.Date, **types})
    return frame.with_columns(published("session", AFTER_CLOSE))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"symbol": "600519"}, "malformed symbol"),
        ({"symbol": None}, "malformed symbol"),
        ({"session": None}, "malformed date"),
        ({"session": date(2024, 9, 4)}, "not a session"),
        ({"session": date(2024, 9, 6)}, "date outside the known calendar"),
        ({"high": 9.0}, "high below low"),
        ({"open": 11.5}, "open outside low and high"),
        ({"close": 9.0}, "close outside low and high"),
        ({"low": 0.0, "open": 0.0}, "price not positive"),
        ({"close": -1.0}, "price not positive"),
        ({"open": NAN}, "price missing"),
        ({"high": None}, "price missing"),
        ({"high": float("inf")}, "price missing"),
        ({"high": 1e9}, "price implausible"),
        ({"pre_close": NAN}, "reference price missing"),
        ({"pre_close": 0.0}, "reference price not positive"),
        ({"volume": -100.0}, "volume negative"),
        ({"volume": NAN}, "volume missing"),
        ({"amount": -1.0}, "amount negative"),
        ({"amount": None}, "amount missing"),
        ({"trade_status": 2.0}, "trade status neither 0 nor 1"),
        ({"trade_status": 0.0}, "volume on a suspended day"),
        ({"is_st": None}, "ST flag neither 0 nor 1"),
        ({"adj_factor": 0.0}, "adjustment factor not positive"),
        ({"turnover_rate": -0.1}, "turnover rate negative"),
    ],
)
def test_a_bad_bar_is_refused_for_its_reason_and_its_neighbours_are_kept(wrong: dict[str, Any], reason: str) -> None:
    good_too = {**GOOD, "session": date(2024, 9, 3)}
    result = check(frame_of({**GOOD, **wrong}, good_too), checks_for(Kind.BARS, SESSIONS))
    assert dict(result.rejected) == {reason: 1}
    assert result.frame.rows() == frame_of(good_too).rows()


def test_missing_factor_and_turnover_are_not_bad() -> None:
    result = check(frame_of({**GOOD, "adj_factor": None, "turnover_rate": None}), checks_for(Kind.BARS, SESSIONS))
    assert result.frame.height == 1


def test_without_any_known_session_no_date_can_be_trusted() -> None:
    result = check(frame_of(GOOD), checks_for(Kind.BARS, []))
    assert dict(result.rejected) == {"date outside the known calendar": 1}


def test_the_first_row_of_a_key_is_kept_and_later_ones_are_told_apart_by_value() -> None:
    first = frame_of(GOOD)
    second = frame_of(GOOD, {**GOOD, "session": date(2024, 9, 3)})
    third = frame_of({**GOOD, "close": 10.6}, {**GOOD, "session": date(2024, 9, 5)})
    merged = keep_first([first, second, third], ("symbol", "session"))
    assert [frame.height for frame in merged.frames] == [1, 1, 1]
    assert merged.duplicates == [0, 1, 0]
    assert merged.conflicts == [0, 0, 1]
    assert merged.frames[0]["close"].to_list() == [10.5]


def test_a_key_twice_in_one_file_keeps_the_first_row() -> None:
    merged = keep_first([frame_of(GOOD, {**GOOD, "close": 10.6})], ("symbol", "session"))
    assert merged.frames[0]["close"].to_list() == [10.5]
    assert merged.conflicts == [1]


def test_rows_that_are_nothing_but_their_key_are_only_ever_duplicates() -> None:
    days = pl.DataFrame({"session": [date(2024, 9, 2), date(2024, 9, 2), date(2024, 9, 3), date(2024, 9, 2)]})
    merged = keep_first([days], ("session",))
    assert merged.frames[0]["session"].to_list() == [date(2024, 9, 2), date(2024, 9, 3)]
    assert (merged.duplicates, merged.conflicts) == ([2], [0])


def test_null_equals_null_when_rows_are_compared() -> None:
    merged = keep_first([frame_of({**GOOD, "adj_factor": None})] * 2, ("symbol", "session"))
    assert (merged.duplicates, merged.conflicts) == ([0, 1], [0, 0])
