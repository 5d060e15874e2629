"""The closures agree with two independent calendars."""

import csv
import gzip
import warnings
from datetime import date

import pytest

from libs.ashare.calendar import CALENDAR
from tests.support.real_data import real_data_dir


def test_the_calendar_agrees_with_exchange_calendars() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # exchange_calendars uses what pandas 3.1 deprecates
        import exchange_calendars  # noqa: PLC0415 - its import warns, too

        peer = exchange_calendars.get_calendar("XSHG", start=str(CALENDAR.first)).sessions
    span = peer[(peer >= str(CALENDAR.first)) & (peer <= str(CALENDAR.last))]
    assert tuple(session.date() for session in span) == CALENDAR.sessions


def test_the_calendar_agrees_with_the_imported_one() -> None:
    folder = real_data_dir()
    if folder is None:
        pytest.skip("the real market data is not here (HIDDENGEM_TEST_DATA)")
    with gzip.open(folder / "cn_trade_calendar.csv.gz", "rt") as lines:
        sessions = [date.fromisoformat(row["date"]) for row in csv.DictReader(lines)]
    assert tuple(sessions) == CALENDAR.sessions
