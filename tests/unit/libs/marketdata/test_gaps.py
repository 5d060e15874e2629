"""A session without bar and without suspension is a gap, and nothing else is."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from libs.ashare.calendar import CALENDAR
from libs.marketdata.gaps import Gap, Repair, gaps, missing, repairs

SESSIONS = CALENDAR.sessions_between(date(2024, 9, 2), date(2024, 10, 31))
some_sessions = st.sets(st.sampled_from(SESSIONS))


def test_nothing_is_missing_before_the_first_bar_or_after_the_last() -> None:
    assert missing(SESSIONS, SESSIONS[5:9]) == []
    assert missing(SESSIONS, []) == []


def test_a_session_between_two_bars_is_missing_unless_the_share_was_suspended() -> None:
    bars = [SESSIONS[0], SESSIONS[3]]
    assert missing(SESSIONS, bars) == [SESSIONS[1], SESSIONS[2]]
    assert missing(SESSIONS, bars, [SESSIONS[1]]) == [SESSIONS[2]]


def test_a_share_that_fell_silent_is_missing_up_to_the_newest_bar_of_any_share() -> None:
    assert missing(SESSIONS, SESSIONS[:5], newest=SESSIONS[7]) == [*SESSIONS[5:8]]
    assert missing(SESSIONS, SESSIONS[:5], [SESSIONS[6]], newest=SESSIONS[7]) == [SESSIONS[5], SESSIONS[7]]
    assert missing(SESSIONS, SESSIONS[:5], newest=SESSIONS[2]) == []


def test_a_share_that_nobody_has_collected_for_two_months_is_not_missing_any_more() -> None:
    assert missing(SESSIONS, SESSIONS[:2], newest=SESSIONS[1] + timedelta(days=61)) == []


def test_weekends_and_holidays_are_no_gaps() -> None:
    before, after = date(2024, 9, 30), date(2024, 10, 8)
    assert missing(SESSIONS, [before, after]) == []


@given(bars=some_sessions, suspended=some_sessions)
def test_bars_suspensions_and_missing_sessions_are_the_whole_life_of_a_share(
    bars: set[date], suspended: set[date]
) -> None:
    found = missing(SESSIONS, bars, suspended)
    life = [s for s in SESSIONS if bars and min(bars) <= s <= max(bars)]
    assert set(found) | bars | (suspended & set(life)) == set(life)
    assert not set(found) & (bars | suspended)


@given(bars=some_sessions)
def test_gaps_hold_every_missing_session_once_and_end_where_a_bar_is(bars: set[date]) -> None:
    lost = missing(SESSIONS, bars)
    found = gaps([("600519.SH", session) for session in lost], SESSIONS)
    covered = [s for gap in found for s in SESSIONS if gap.first <= s <= gap.last]
    assert sorted(covered) == lost
    assert sum(gap.sessions for gap in found) == len(lost)
    assert all(SESSIONS[SESSIONS.index(gap.last) + 1] in bars for gap in found)


def test_a_holiday_does_not_cut_a_gap_in_two() -> None:
    lost = [date(2024, 9, 30), date(2024, 10, 8)]
    assert gaps([("600519.SH", day) for day in lost], SESSIONS) == [Gap("600519.SH", lost[0], lost[1], 2)]


def test_windows_that_overlap_are_repaired_together_and_others_apart() -> None:
    found = [
        Gap("600519.SH", SESSIONS[0], SESSIONS[3], 4),
        Gap("000001.SZ", SESSIONS[2], SESSIONS[5], 4),
        Gap("600519.SH", SESSIONS[20], SESSIONS[20], 1),
    ]
    assert repairs(found) == [
        Repair(SESSIONS[0], SESSIONS[5], ("000001.SZ", "600519.SH")),
        Repair(SESSIONS[20], SESSIONS[20], ("600519.SH",)),
    ]
