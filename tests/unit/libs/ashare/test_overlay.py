"""An operator's calendar file adds days and changes none that are past."""

from datetime import date
from pathlib import Path

import pytest

from libs.ashare import calendar
from libs.ashare.overlay import apply, read_overlay
from libs.domain.errors import ConfigurationError

TEXT = """
source = "SSE and SZSE closure notice for 2027"
known_until = 2027-01-31
published = 2026-12-22
called_off = [2026-12-30]
closure = [{ first = 2027-01-01, last = 2027-01-01, holiday = "New Year" }]
"""


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "overlay.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_overlay_extends_the_horizon_and_takes_back_a_session(tmp_path: Path) -> None:
    mine = calendar.load()
    apply(read_overlay(_file(tmp_path, TEXT)), mine)
    assert mine.last == date(2027, 1, 31)
    assert mine.next_session(date(2026, 12, 31)) == date(2027, 1, 4)
    assert mine.next_session(date(2026, 12, 29)) == date(2026, 12, 31)
    assert mine.horizon_days(date(2026, 11, 30)) == 62
    assert calendar.CALENDAR.last == date(2026, 12, 31)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("known_until = 2027-01-31", "known_until = 2026-06-30", "closure on 2027-01-01 lies after known_until"),
        ("first = 2027-01-01", "first = 2026-12-28", "2026-12-28 is a session, known until 2026-12-31"),
        ("called_off = [2026-12-30]", "called_off = [2026-12-21]", "a past session cannot be called off"),
        ("published = 2026-12-22", "", "needs published"),
        ("known_until = 2027-01-31", "known_until = 2027-01-01", "names no session"),
        ("source =", "sauce =", "sauce"),
        ("closure = [", "closure = [[", "overlay.toml"),
    ],
)
def test_an_overlay_that_says_something_impossible_stops_the_process(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        apply(read_overlay(_file(tmp_path, TEXT.replace(old, new))), calendar.load())


def test_an_overlay_that_a_newer_calendar_already_knows_changes_nothing(tmp_path: Path) -> None:
    read = read_overlay(_file(tmp_path, TEXT))
    mine = calendar.load()
    apply(read, mine)
    known = (mine.last, mine.sessions)
    apply(read, mine)
    assert (mine.last, mine.sessions) == known
    old = TEXT.replace("2027", "2026").replace("known_until = 2026-01-31", "known_until = 2026-12-31")
    apply(read_overlay(_file(tmp_path, old)), mine)
    assert mine.sessions == known[1]


def test_a_session_called_off_stays_off_when_its_day_is_over(tmp_path: Path) -> None:
    past = TEXT.replace("2026-12-22", "2026-03-02").replace("2026-12-30", "2026-03-03")
    mine = calendar.load()
    apply(read_overlay(_file(tmp_path, past)), mine)
    assert not mine.is_session(date(2026, 3, 3))


def test_an_overlay_that_is_not_there_stops_the_process(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml"):
        read_overlay(tmp_path / "nowhere.toml")
