"""Bars are final half an hour after the close."""

from datetime import date, datetime

import pytest

from libs.domain.clock import SHANGHAI
from libs.marketdata.sessions import last_completed_session


@pytest.mark.parametrize(
    ("now", "session"),
    [
        (datetime(2024, 9, 2, 15, 29, 59, tzinfo=SHANGHAI), date(2024, 8, 30)),
        (datetime(2024, 9, 2, 15, 30, tzinfo=SHANGHAI), date(2024, 9, 2)),
        (datetime(2024, 9, 1, 12, 0, tzinfo=SHANGHAI), date(2024, 8, 30)),
        (datetime(2024, 10, 7, 20, 0, tzinfo=SHANGHAI), date(2024, 9, 30)),
    ],
)
def test_a_session_counts_once_its_bars_are_public(now: datetime, session: date) -> None:
    assert last_completed_session(now) == session
