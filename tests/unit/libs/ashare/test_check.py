"""What becomes of a bar: inside its band, aside with a reason, explained by a fact, or left unexplained."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from libs.ashare.calendar import CALENDAR
from libs.ashare.check import Checked, check
from libs.ashare.check_files import read_bars
from libs.ashare.check_report import report
from libs.ashare.reasons import Reason

DAYS = CALENDAR.sessions_between(date(2024, 9, 2), date(2024, 9, 20))


def _row(day: date, low: float, high: float, close: float | None = None, **more: object) -> dict[str, object]:
    close = high if close is None else close
    return {"ts_code": "600000.SH", "date": day, "open": low, "high": high, "low": low, "close": close, **more}


def _check(
    tmp_path: Path, rows: list[dict[str, object]], listed: Sequence[Mapping[str, object]] | None = None
) -> Checked:
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(tmp_path / "bars.parquet")
    instruments = tmp_path / "list.parquet"
    if listed is not None:
        pl.DataFrame(list(listed)).write_parquet(instruments)
    return check(read_bars(tmp_path / "bars.parquet", instruments if listed is not None else None))


def _reasons(checked: Checked) -> list[str]:
    reasons = list(Reason)
    return [reasons[code].value for code in checked.reason.tolist()]


def test_a_day_within_its_limits_is_inside_and_its_closes_at_a_limit_are_counted(tmp_path: Path) -> None:
    rows = [_row(DAYS[0], 9.9, 11.0, pre_close=10.0), _row(DAYS[1], 9.9, 12.1, 9.9, pre_close=11.0)]
    checked = _check(tmp_path, rows)
    assert _reasons(checked) == ["inside", "inside"]
    told = report(checked)
    assert [(c.session, c.up, c.down) for c in told.limit_closes] == [(DAYS[0], 1, 0), (DAYS[1], 0, 1)]
    assert (told.rows, told.ordinary, told.inside, told.outside, told.unexplained) == (2, 2, 2, 0, 0)


def test_a_day_beyond_its_limits_by_one_tick_is_unexplained_and_listed(tmp_path: Path) -> None:
    told = report(_check(tmp_path, [_row(DAYS[0], 9.9, 11.01, pre_close=10.0)]))
    assert (told.ordinary, told.inside, told.outside, told.unexplained) == (1, 0, 1, 1)
    assert (told.findings[0].symbol, told.findings[0].session) == ("600000.SH", DAYS[0])
    assert "would fit a reference of 10.01" in told.findings[0].detail


def test_the_st_limit_binds_where_the_file_says_so_and_the_wider_one_where_nobody_does(tmp_path: Path) -> None:
    flagged = [_row(DAYS[0], 9.4, 10.6, pre_close=10.0, is_st=flag) for flag in (1,)]
    assert _reasons(_check(tmp_path, flagged)) == ["unexplained"]
    named = [_row(DAYS[0], 9.4, 10.6, pre_close=10.0, name="*ST某某")]
    assert _reasons(_check(tmp_path, named)) == ["unexplained"]
    silent = _check(tmp_path, [_row(DAYS[0], 9.4, 10.6, pre_close=10.0)])
    assert _reasons(silent) == ["inside"]
    assert report(silent).special_unknown == 1


def test_suspended_rows_repeated_rows_and_the_first_row_without_reference_stand_aside(tmp_path: Path) -> None:
    rows = [
        _row(DAYS[0], 10.0, 10.0, volume=100),
        _row(DAYS[1], 10.0, 10.0, volume=0),
        _row(DAYS[2], 10.0, 11.0, volume=100),
        _row(DAYS[2], 10.0, 11.0, volume=100),
    ]
    assert _reasons(_check(tmp_path, rows)) == ["no_reference", "suspended", "inside", "duplicate"]


def test_first_sessions_of_a_registered_listing_have_no_limit(tmp_path: Path) -> None:
    rows = [_row(day, 10.0 * (nth + 1), 25.0 * (nth + 1), pre_close=10.0) for nth, day in enumerate(DAYS[:6])]
    checked = _check(tmp_path, rows, [{"ts_code": "600000.SH", "list_date": "20240902"}])
    assert _reasons(checked) == ["first_sessions"] * 5 + ["unexplained"]
    assert report(checked).findings[4].detail == "session 5 of a share listed on 2024-09-02"


def test_an_old_listing_day_needs_its_issue_price(tmp_path: Path) -> None:
    day = date(2015, 5, 29)
    listed = [{"ts_code": "600000.SH", "list_date": "2015-05-29"}]
    assert _reasons(_check(tmp_path, [_row(day, 11.84, 14.21)], listed)) == ["no_issue_price"]
    assert _reasons(_check(tmp_path, [_row(day, 11.84, 14.21, pre_close=9.87)], listed)) == ["inside"]
    assert _reasons(_check(tmp_path, [_row(day, 11.84, 14.22, pre_close=9.87)], listed)) == ["unexplained"]


OLDER = _row(DAYS[0], 10.0, 10.0, pre_close=10.0)
"""A share that is there from the first session on; 300001.SZ below begins later."""


def _young(nth: int, low: float, high: float, *, pre_close: float) -> dict[str, object]:
    return _row(DAYS[1 + nth], low, high, pre_close=pre_close) | {"ts_code": "300001.SZ"}


def test_rows_that_begin_later_than_the_file_are_a_new_listing_for_as_long_as_its_rule_lifts_the_limit(
    tmp_path: Path,
) -> None:
    rows = [_young(nth, 10.0 * 2**nth, 25.0 * 2**nth, pre_close=10.0) for nth in range(6)]
    for earlier, later in pairwise(rows):
        later["pre_close"] = earlier["close"]
    found = _reasons(_check(tmp_path, [OLDER, *rows]))
    assert found == ["new_listing"] * 5 + ["unexplained", "inside"]


def test_who_is_there_from_the_first_session_on_or_has_a_listing_date_is_no_new_listing(tmp_path: Path) -> None:
    wild = _young(0, 20.0, 25.0, pre_close=10.0)
    beside = OLDER | {"date": DAYS[1]}
    assert _reasons(_check(tmp_path, [beside, wild]))[0] == "unexplained"
    listed = [{"ts_code": "300001.SZ", "list_date": "2020-09-01"}, {"ts_code": "600000.SH", "list_date": "1999-11-10"}]
    assert _reasons(_check(tmp_path, [OLDER, wild], listed))[0] == "unexplained"


def test_a_share_alone_in_its_file_is_a_new_listing_where_its_first_row_and_its_history_say_so(tmp_path: Path) -> None:
    days = CALENDAR.sessions_between(date(2024, 9, 2), date(2024, 10, 31))
    history = [_young(0, 25.0, 25.0, pre_close=25.0) | {"date": day} for day in days[1:]]

    def first_two(first: dict[str, object], history: list[dict[str, object]]) -> list[str]:
        rows = [first | {"date": days[0]}, history[0] | {"low": 18.0}, *history[1:]]
        return _reasons(_check(tmp_path, rows))[:2]

    wild, calm = _young(0, 20.0, 25.0, pre_close=10.0), _young(0, 25.0, 25.0, pre_close=25.0)
    assert first_two(wild, history) == ["new_listing", "new_listing"]
    assert first_two(calm, history) == ["inside", "unexplained"]
    assert first_two(wild, history[:19]) == ["unexplained", "unexplained"]
    assert first_two(wild, [history[0] | {"pre_close": 24.0}, *history[1:]])[0] == "unexplained"


def test_an_old_listing_day_found_from_the_rows_still_has_its_44_per_cent(tmp_path: Path) -> None:
    days = CALENDAR.sessions_between(date(2022, 1, 4), date(2022, 1, 28))
    older = OLDER | {"date": days[0]}

    def first_day(high: float) -> str:
        row = _row(days[1], 12.0, high, pre_close=10.0) | {"ts_code": "001289.SZ"}
        return _reasons(_check(tmp_path, [older, row]))[0]

    assert first_day(14.40) == "new_listing"
    assert first_day(14.41) == "unexplained"


def test_an_ex_date_is_established_by_one_lower_reference_that_lasts(tmp_path: Path) -> None:
    fallen = [_row(DAYS[0], 10.0, 10.0), _row(DAYS[1], 6.9, 7.2, 7.0), _row(DAYS[2], 6.8, 7.4, 7.3)]
    checked = _check(tmp_path, fallen)
    assert _reasons(checked) == ["no_reference", "ex_date", "inside"]
    assert report(checked).findings[0].detail == "fits a reference of 6.55 to 7.67, below the last close"


@pytest.mark.parametrize(
    "second",
    [
        (6.9, 10.4, 10.0),  # one bad low: no reference holds the whole day
        (11.5, 12.0, 11.8),  # upwards: no distribution lifts a reference
    ],
)
def test_what_no_distribution_can_do_is_no_ex_date(tmp_path: Path, second: tuple[float, float, float]) -> None:
    rows = [_row(DAYS[0], 10.0, 10.0), _row(DAYS[1], *second)]
    assert _reasons(_check(tmp_path, rows))[1] == "unexplained"


def test_a_fall_that_the_next_session_takes_back_is_no_ex_date(tmp_path: Path) -> None:
    rows = [_row(DAYS[0], 10.0, 10.0), _row(DAYS[1], 6.9, 7.2, 7.0), _row(DAYS[2], 9.9, 10.1)]
    assert _reasons(_check(tmp_path, rows))[1] == "unexplained"


def test_a_file_that_names_references_must_name_those_of_ex_dates(tmp_path: Path) -> None:
    rows = [_row(DAYS[0], 10.0, 10.0, pre_close=10.0), _row(DAYS[1], 6.9, 7.2, pre_close=10.0)]
    assert _reasons(_check(tmp_path, rows)) == ["inside", "unexplained"]


def test_an_approximate_ex_ratio_is_forgiven_one_per_cent_on_the_ex_date_alone(tmp_path: Path) -> None:
    def second(reference: float) -> str:
        rows = [_row(DAYS[0], 20.0, 20.0, pre_close=20.0), _row(DAYS[1], 10.0, 11.0, pre_close=reference)]
        return _reasons(_check(tmp_path, rows))[1]

    assert second(9.95) == "approximate_reference"
    assert second(9.80) == "unexplained"


def _with_ex_dates(cut: float, implied_low: float) -> list[dict[str, object]]:
    """Sixty shares that go ex by `cut` of 10.00, and one whose low asks for a reference the file does not name."""
    named = []
    for nth in range(60):
        symbol = {"ts_code": f"6001{nth:02d}.SH"}
        named += [_row(DAYS[0], 10.0, 10.0, pre_close=10.0) | symbol]
        named += [_row(DAYS[1], 9.9, 10.0, pre_close=round(10.0 - cut, 2)) | symbol]
    return [*named, _row(DAYS[0], 10.0, 10.0, pre_close=10.0), _row(DAYS[1], implied_low, 9.9, pre_close=10.0)]


@pytest.mark.parametrize(
    ("cut", "low", "reason"),
    [
        (0.08, 8.96, "small_ex_date"),  # implies 9.95, a cut of 0.5 %: the file names none below 0.8 %
        (0.08, 8.91, "unexplained"),  # implies 9.90: such cuts the file would have named
        (0.02, 8.96, "unexplained"),  # the file names small ones
        (0.02, 8.99, "small_ex_date"),  # implies 9.99: of one fen the file names none
    ],
)
def test_an_ex_date_too_small_for_the_file_is_established_by_the_ones_it_names(
    tmp_path: Path, cut: float, low: float, reason: str
) -> None:
    assert _reasons(_check(tmp_path, _with_ex_dates(cut, low)))[1] == reason


def test_a_long_break_and_a_day_wholly_beyond_the_limit_is_a_resumption_without_limit(tmp_path: Path) -> None:
    days = CALENDAR.sessions_between(date(2024, 6, 3), date(2024, 7, 31))
    rows = [_row(days[0], 10.0, 10.0, pre_close=10.0), _row(days[21], 18.0, 24.0, 20.0, pre_close=10.0)]
    assert _reasons(_check(tmp_path, rows))[1] == "resumption"
    soon = [rows[0], rows[1] | {"date": days[20]}]
    assert _reasons(_check(tmp_path, soon))[1] == "unexplained"
    half = [rows[0], rows[1] | {"open": 10.5, "low": 10.2}]
    assert _reasons(_check(tmp_path, half))[1] == "unexplained"


def test_suspended_rows_count_as_the_break_before_a_resumption(tmp_path: Path) -> None:
    days = CALENDAR.sessions_between(date(2024, 6, 3), date(2024, 7, 31))
    still = [_row(day, 0.0, 0.0, pre_close=10.0, trade_status=0) for day in days[1:21]]
    rows = [
        _row(days[0], 10.0, 10.0, pre_close=10.0, trade_status=1),
        *still,
        _row(days[21], 18.0, 24.0, 20.0, pre_close=10.0, trade_status=1),
    ]
    assert _reasons(_check(tmp_path, rows)) == ["inside", *["suspended"] * 20, "resumption"]


def test_missing_sessions_take_the_reference_away(tmp_path: Path) -> None:
    rows = [_row(DAYS[0], 10.0, 10.0), _row(DAYS[3], 12.4, 12.9)]
    checked = _check(tmp_path, rows)
    assert _reasons(checked)[1] == "gap"
    assert report(checked).findings[0].detail.startswith("2 sessions without a row")
    assert _reasons(_check(tmp_path, [rows[0], _row(DAYS[3], 8.0, 12.9)]))[1] == "unexplained"


def test_missing_sessions_explain_no_rise_that_so_many_limits_cannot_make(tmp_path: Path) -> None:
    assert _reasons(_check(tmp_path, [_row(DAYS[0], 10.0, 10.0), _row(DAYS[2], 12.0, 12.1)]))[1] == "gap"
    assert _reasons(_check(tmp_path, [_row(DAYS[0], 10.0, 10.0), _row(DAYS[2], 12.0, 12.11)]))[1] == "unexplained"


def test_the_first_session_of_a_delisting_period_is_established_by_list_break_and_what_is_left(tmp_path: Path) -> None:
    days = CALENDAR.sessions_between(date(2024, 6, 3), date(2024, 7, 31))
    rows = [_row(days[0], 1.0, 1.0), *(_row(day, 0.29, 0.31, 0.30) for day in days[10:24])]
    rows[1] = _row(days[10], 0.29, 0.60, 0.30)
    gone = [{"ts_code": "600000.SH", "name": "退市某某", "status": "D"}]
    assert _reasons(_check(tmp_path, rows, gone))[1] == "delisting_period"
    assert (
        _reasons(_check(tmp_path, rows, [{"ts_code": "600000.SH", "name": "某某", "status": "L"}]))[1] == "unexplained"
    )
    longer = [*rows, *(_row(day, 0.29, 0.31, 0.30) for day in days[24:30])]
    assert _reasons(_check(tmp_path, longer, gone))[1] == "unexplained"


def test_where_nobody_says_delisted_the_day_itself_must_show_that_it_had_no_limit(tmp_path: Path) -> None:
    days = CALENDAR.sessions_between(date(2024, 6, 3), date(2024, 7, 31))

    def first_session(low: float, high: float, back: int = 10) -> str:
        rows = [_row(days[0], 1.0, 1.0), *(_row(day, 0.29, 0.31, 0.30) for day in days[back : back + 14])]
        rows[1] = _row(days[back], low, high, 0.30)
        return _reasons(_check(tmp_path, rows))[1]

    assert first_session(0.29, 0.60) == "delisting_period"
    assert first_session(0.29, 0.60, back=5) == "unexplained"  # four sessions are no break
    assert first_session(0.29, 0.34) == "gap"  # an ordinary band is wide enough


def test_rows_of_one_day_with_other_prices_contradict_each_other(tmp_path: Path) -> None:
    rows = [_row(DAYS[0], 10.0, 10.5, pre_close=10.0), _row(DAYS[0], 10.0, 10.6, pre_close=10.0)]
    checked = _check(tmp_path, rows)
    assert _reasons(checked) == ["inside", "defective"]
    assert "other prices" in report(checked).findings[0].detail


def test_a_reference_above_the_last_close_is_no_ex_date(tmp_path: Path) -> None:
    rows = [_row(DAYS[0], 10.0, 10.0, pre_close=10.0), _row(DAYS[1], 10.0, 10.3, pre_close=10.01)]
    checked = _check(tmp_path, rows)
    assert _reasons(checked) == ["inside", "defective"]
    assert "above the last close" in report(checked).findings[0].detail
    with_a_gap = [rows[0], rows[1] | {"date": DAYS[2]}]
    assert _reasons(_check(tmp_path, with_a_gap)) == ["inside", "inside"]


def test_a_suspended_day_has_no_range(tmp_path: Path) -> None:
    rows = [_row(DAYS[0], 10.0, 10.0, volume=100), _row(DAYS[1], 10.0, 10.2, volume=0)]
    assert _reasons(_check(tmp_path, rows))[1] == "defective"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"date": date(2024, 9, 7)}, "no session"),
        ({"low": 10.2}, "no order"),
        ({"low": float("nan")}, "missing"),
        ({"high": 10.505}, "off the tick"),
        ({"pre_close": 10.005}, "reference price is off the tick"),
    ],
)
def test_what_is_no_bar_is_told_why(tmp_path: Path, change: dict[str, object], words: str) -> None:
    row = _row(DAYS[0], 10.0, 10.5, 10.1, pre_close=10.0) | change
    assert words in report(_check(tmp_path, [row])).findings[0].detail


def test_single_known_days_are_told_by_the_rulebook(tmp_path: Path) -> None:
    free = _row(date(2021, 8, 10), 32.41, 43.9, pre_close=8.84) | {"ts_code": "000792.SZ"}
    known = _row(date(2025, 8, 20), 18.0, 19.8, pre_close=17.95) | {"ts_code": "600104.SH"}
    checked = _check(tmp_path, [free, known])
    assert _reasons(checked) == ["special_day", "known_reference"]
    assert "恢复上市" in report(checked).findings[0].detail


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ts_code": "113050.SH"}, "unknown_rule"),
        ({"ts_code": "510300.SH"}, "unknown_rule"),
        ({"date": date(1996, 12, 13)}, "unknown_rule"),
        ({"date": date(2031, 1, 2)}, "unknown_rule"),
        ({"date": date(2024, 9, 7)}, "defective"),
        ({"low": 10.2}, "defective"),
        ({"low": float("nan")}, "defective"),
        ({"high": 10.505}, "defective"),
        ({"pre_close": 10.005}, "defective"),
    ],
)
def test_what_is_no_bar_or_has_no_rule_is_said_to_be_so(tmp_path: Path, change: dict[str, object], reason: str) -> None:
    row = _row(DAYS[0], 10.0, 10.5, 10.1, pre_close=10.0) | change
    assert _reasons(_check(tmp_path, [row])) == [reason]


def test_b_shares_and_declared_funds_are_checked_in_thousandths(tmp_path: Path) -> None:
    b_share = _row(DAYS[0], 0.939, 1.147, pre_close=1.043) | {"ts_code": "900912.SH"}
    fund = _row(DAYS[0], 0.801, 1.2, pre_close=1.0) | {"ts_code": "588000.SH"}
    listed: list[dict[str, str | None]] = [
        {"ts_code": "588000.SH", "fund_class": "growth"},
        {"ts_code": "900912.SH", "fund_class": None},
    ]
    assert _reasons(_check(tmp_path, [fund, b_share], listed)) == ["inside", "inside"]
